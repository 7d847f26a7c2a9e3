# kombu is not typed.
# mypy: disable-error-code="no-untyped-call,has-type"
"""kombu's way to Redis, made to outlive whatever somebody else has put there.

kombu ends its worker on a message that it cannot decode, and on a key that is of another type than
it thinks. Here both are set aside with a log line: a message goes to the list `set-aside`, which
keeps the last hundred, and a key is renamed. Its door is `AMQP`, for the Celery app.
"""

import logging
from collections.abc import Callable
from functools import partial
from queue import Empty
from typing import Any

import redis
from celery.app import amqp
from kombu.connection import Connection as KombuConnection
from kombu.transport import redis as kombu_redis
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps

from amc.broker.keys import SET_ASIDE
from amc.broker.messages import LONGEST_BYTES, envelope_fault, fault

_LOG = logging.getLogger(__name__)

KEPT_MESSAGES = 100
_KEPT_KEYS_S = 7 * 24 * 60 * 60
_REPLIES = ".celery.pidbox"
_TYPES = {
    **dict.fromkeys(("BRPOP", "LPUSH", "RPUSH", "RPOP", "LLEN"), "list"),
    **dict.fromkeys(("HSET", "HGET", "HDEL", "HLEN"), "hash"),
    **dict.fromkeys(("ZADD", "ZREM", "ZRANGE"), "zset"),
    **dict.fromkeys(("SADD", "SREM", "SMEMBERS"), "set"),
}
# What Celery or kombu may raise when it is handed something of an unforeseen shape.
_UNFORESEEN = (ValueError, TypeError, AttributeError, LookupError, RecursionError, ArithmeticError)


def _is_wrong_type(error: redis.ResponseError) -> bool:
    return "WRONGTYPE" in str(error)


class _Prefixed(kombu_redis.GlobalKeyPrefixMixin):
    """Moves a key of the wrong type out of the way of the command that stumbled over it."""

    global_keyprefix: str

    def move_away(self, name: str, *keys: str) -> None:
        """Rename those keys, without prefix, that are not of the type that a command works on."""
        for key in dict.fromkeys(keys):
            # TYPE and RENAME are not among the commands whose keys kombu prefixes.
            here, kept = self.global_keyprefix + key, f"{self.global_keyprefix}set-aside:{key}"
            found = bytes_to_str(self.execute_command("TYPE", here))
            if found not in ("none", _TYPES[name]):
                _LOG.error("%s: a %s that is not ours; kept as %s", here, found, kept)
                self.execute_command("RENAME", here, kept)
                self.execute_command("EXPIRE", kept, _KEPT_KEYS_S)


class KombuClient(_Prefixed, kombu_redis.PrefixedStrictRedis):
    """redis-py's client, as kombu uses it."""

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Any:
        """A pipeline that stumbles over nothing either."""
        return _Pipeline(
            self.connection_pool,
            self.response_callbacks,
            transaction,
            shard_hint,
            global_keyprefix=self.global_keyprefix,
        )

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command, twice if a key of another type was in its way."""
        try:
            return super().execute_command(*args, **options)
        except redis.ResponseError as error:
            if not _is_wrong_type(error) or args[0] not in _TYPES:
                raise
        self.move_away(args[0], str(args[1]))
        return super().execute_command(*args, **options)

    def parse_response(self, connection: Any, command_name: str, **options: Any) -> Any:
        """A reply; a message that is not ours is set aside, as if nothing had come."""
        reply = super().parse_response(connection, command_name, **options)
        if command_name != "BRPOP" or not reply:
            return reply
        queue, raw = bytes_to_str(reply[0]), reply[1]
        why = fault(raw, is_task=not queue.endswith(_REPLIES))
        if why is None:
            return reply
        self.set_aside(queue, why, raw)
        return None

    def set_aside(self, where: str, why: str, raw: bytes) -> None:
        """Keep a message that is not ours where somebody may look at it, and say so."""
        kept = self.global_keyprefix + SET_ASIDE
        _LOG.error("%s: set aside %d bytes, kept in %s: %s", where, len(raw), kept, why)
        self.lpush(SET_ASIDE, raw[:LONGEST_BYTES])
        # LTRIM is not among the commands whose keys kombu prefixes.
        self.execute_command("LTRIM", kept, 0, KEPT_MESSAGES - 1)


class _Pipeline(_Prefixed, kombu_redis.PrefixedRedisPipeline):
    def execute(self, raise_on_error: bool = True) -> Any:
        commands = list(self.command_stack)
        try:
            return super().execute(raise_on_error)
        except redis.ResponseError as error:
            if not _is_wrong_type(error):
                raise
        prefix = self.global_keyprefix
        client = KombuClient(connection_pool=self.connection_pool, global_keyprefix=prefix)
        for (name, *arguments), _ in commands:
            if name in _TYPES:
                client.move_away(name, str(arguments[0])[len(prefix) :])
        self.command_stack = commands
        return super().execute(raise_on_error)


class _QoS(kombu_redis.QoS):
    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put a message that was taken and not finished back; one that is not ours, aside."""
        try:
            super().restore_by_tag(tag, client, leftmost)
        except (*_UNFORESEEN, redis.ResponseError) as error:
            with self.channel.conn_or_acquire(client) as client:
                raw = client.hget(self.unacked_key, tag) or b""
                client.set_aside(self.unacked_key, type(error).__name__, raw)
                self._remove_from_indices(tag).execute()


class Channel(kombu_redis.Channel):
    """kombu's channel; what its worker cannot take never reaches it."""

    QoS = _QoS

    def _get_client(self) -> Callable[..., KombuClient]:
        return partial(KombuClient, global_keyprefix=self.global_keyprefix)

    def _has_queue(self, queue: str, **_: Any) -> bool:
        # kombu asks EXISTS without the prefix.
        return bool(self._size(queue))

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except redis.ResponseError as error:
            if not _is_wrong_type(error):
                raise
            for queue in self.active_queues:
                keys = [self._q_for_pri(queue, priority) for priority in self.priority_steps]
                self.client.move_away("BRPOP", *keys)
            raise Empty from error

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Callable[[Any], Any], *args: Any, **options: Any
    ) -> Any:
        """Consume from a queue; a message at which Celery stumbles is set aside."""

        def guarded(message: Any) -> Any:
            try:
                return callback(message)
            except redis.RedisError:
                raise
            except _UNFORESEEN as error:
                self.client.set_aside(queue, repr(error)[:200], dumps(message._raw).encode())
                if not message.acknowledged:
                    message.reject()

        return super().basic_consume(queue, no_ack, guarded, *args, **options)

    def _receive_one(self, c: Any) -> Any:
        try:
            return super()._receive_one(c)
        except RecursionError as error:
            raise Empty from error

    def _deliver_fanout_message(self, message: Any, exchange: str) -> Any:
        if why := envelope_fault(message):
            _LOG.error("%s: ignored what is no message of ours: %s", exchange, why)
            raise Empty
        return super()._deliver_fanout_message(message, exchange)


class Transport(kombu_redis.Transport):
    """kombu's transport with that channel."""

    Channel = Channel


class Connection(KombuConnection):
    """kombu's connection with that transport, whatever kind of Redis its URL names."""

    def get_transport_cls(self) -> type[Transport]:
        """The transport."""
        return Transport


class AMQP(amqp.AMQP):  # type: ignore[misc]
    """Celery's way to make connections."""

    Connection = Connection
    BrokerConnection = Connection
