"""One way to Redis for everything that does not go through Celery: leases, heartbeats, progress."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from amc.broker import keys
from amc.broker.address import Address, broker_address
from amc.broker.keys import Keys
from amc.errors import BrokerError
from amc.settings import BROKER_URL_VARIABLE, shared_dir

_LONGEST_VALUE_BYTES = 1 << 16
_CREDENTIALS = f"Check user and password in {BROKER_URL_VARIABLE}."
_REFUSALS = {
    "WRONGPASS": _CREDENTIALS,
    "invalid username-password": _CREDENTIALS,
    "invalid password": _CREDENTIALS,
    "Authentication required": _CREDENTIALS,
    "NOAUTH": _CREDENTIALS,
    "HELLO must be called": _CREDENTIALS,
    "without any password configured": f"Leave the password out of {BROKER_URL_VARIABLE}.",
    "NOPERM": "Its user needs every command and every key: ACL SETUSER NAME ~* &* +@all",
    "no permissions": "Its user needs every command and every key: ACL SETUSER NAME ~* &* +@all",
    "loading": "It is reading its file; try again in a moment.",
    "LOADING": "It is reading its file; try again in a moment.",
    "DB index": "It has fewer databases; name one that it has, such as /0.",
    "OOM": "Its memory is full: raise maxmemory, or empty what fills it.",
    "MISCONF": "It cannot write its file: look at its disk.",
}


class Client(redis.Redis):  # type: ignore[misc]
    """redis-py's client, and the keys that it is used with.

    Bytes that are no UTF-8 are read as replacement characters: rubbish is told by its shape.
    """

    keyspace: Keys

    def young(self, names: Iterable[str], *, longest_s: float) -> dict[str, str]:
        """What stands at those keys that somebody keeps up, and has written as we do.

        Args:
            names: the keys.
            longest_s: what lives longer, or for ever, is not kept up by a worker of ours.

        Returns:
            Key to value, of those that are strings, not huge, and end in time.
        """
        names = list(names)
        pipeline = self.pipeline(transaction=False)
        for name in names:
            pipeline.getrange(name, 0, _LONGEST_VALUE_BYTES)
            pipeline.pttl(name)
        replies: list[Any] = pipeline.execute(raise_on_error=False)
        found = {}
        for name, value, rest_ms in zip(names, replies[::2], replies[1::2], strict=True):
            if isinstance(value, str) and value and 0 <= rest_ms <= longest_s * 1000:
                found[name] = value
        return found

    def lengths(self, queues: Iterable[str]) -> dict[str, int]:
        """How many messages wait in each queue."""
        queues = list(queues)
        pipeline = self.pipeline(transaction=False)
        for queue in queues:
            pipeline.llen(self.keyspace.queue(queue))
        replies = pipeline.execute(raise_on_error=False)
        return {
            queue: length if isinstance(length, int) else 0
            for queue, length in zip(queues, replies, strict=True)
        }


def json_object(text: str) -> dict[str, Any]:
    """The JSON object that stood at a key; an empty one where there was none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def connect(url: str = "", shared: Path | None = None) -> Client:
    """A client for the broker; it connects on first use, and one serves the whole process.

    Args:
        url: as `Address.parse` reads it; AMC_BROKER_URL, or the embedded broker, if empty.
        shared: the directory whose keys it is used with; `shared_dir()` if None.
    """
    address = Address.parse(url, source=BROKER_URL_VARIABLE) if url else broker_address()
    return _client(address.url, tuple(address.options.items()), keys.of(shared or shared_dir()))


@lru_cache(maxsize=8)
def _client(url: str, options: tuple[tuple[str, Any], ...], keyspace: Keys) -> Client:
    client = Client(
        decode_responses=True,
        encoding_errors="replace",
        socket_timeout=5.0,
        socket_connect_timeout=2.0,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=2),
        **dict(options),
    )
    client.keyspace = keyspace
    return client


def check(client: redis.Redis) -> None:
    """Make sure that the broker answers, and takes what is written.

    Raises:
        BrokerError: it does not.
    """
    try:
        if client.info("replication").get("role") == "slave":
            raise BrokerError(
                f"{broker_address().shown}: this Redis is a read-only replica. Name its master: "
                f"{BROKER_URL_VARIABLE}=redis://HOST:6379/0"
            )
    except (redis.AuthenticationError, redis.ResponseError) as error:
        raise BrokerError(refusal(error)) from error
    except redis.RedisError as error:
        raise BrokerError(
            f"No broker at {broker_address().shown} ({error}). "
            "Start one, with its workers: amc up. Or name one: AMC_BROKER_URL=redis://HOST:6379/0"
        ) from error


def refusal(error: redis.RedisError) -> str:
    """What a Redis that answers, but not as it should, makes a user do."""
    said = str(error)
    advice = next((text for word, text in _REFUSALS.items() if word in said), "Look at its log.")
    return f"{broker_address().shown}: this Redis refuses: {said.rstrip('.')}. {advice}"


def without_password(url: str) -> str:
    """The URL as it may be shown: a password is replaced by `***`."""
    return Address.parse(url, source=BROKER_URL_VARIABLE).shown
