"""A consumer on a real Redis, and what it survives."""

import logging
import socket
from collections.abc import Callable, Iterator
from queue import Empty
from typing import Any

import pytest
from kombu import Consumer, Queue

from amc.broker import messages
from amc.broker.transport import KEPT_MESSAGES, Channel
from amc.celery import app

pytestmark = pytest.mark.engine


@pytest.fixture
def key(broker: Any) -> Callable[[str], str]:
    """A key with the prefix that the app uses."""
    prefix = app.conf.broker_transport_options["global_keyprefix"]
    return lambda name: f"{prefix}{name}"


@pytest.fixture
def channel(broker: Any) -> Iterator[Channel]:
    with app.connection_for_write() as connection:
        yield connection.channel()


@pytest.fixture
def receive(channel: Channel) -> Iterator[Callable[[], list[Any]]]:
    """Everything that a consumer of gpu0 is handed until nothing comes any more."""
    got: list[Any] = []

    def take(message: Any) -> None:
        if message.headers.get("id") == "stumble":
            raise TypeError("an unforeseen shape")
        got.append(message)
        message.ack()

    def receive() -> list[Any]:
        with pytest.raises(socket.timeout):
            while True:
                channel.connection.drain_events(channel.connection.client, timeout=1.5)
        return got

    with Consumer(channel, [Queue("gpu0")], on_message=take):
        yield receive


def send(channel: Channel, trial: int, task_id: str = "") -> None:
    app.send_task(
        messages.TRAIN_TRIAL,
        args=("e-1", trial),
        task_id=task_id or messages.task_id("e-1", trial),
        queue="gpu0",
        connection=channel.connection.client,
    )


def test_what_is_no_message_is_set_aside_and_the_next_one_taken(
    broker: Any,
    key: Callable[[str], str],
    channel: Channel,
    receive: Callable[[], list[Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    rubbish = [b"\xff\xfe", b"garbage", b'{"a": 1}', b"[" * 50_000]
    broker.lpush(key("gpu0"), *rubbish)
    send(channel, 3)

    with caplog.at_level(logging.ERROR):
        got = receive()

    assert [message.payload[0] for message in got] == [["e-1", 3]]
    assert broker.llen(key("set-aside")) == len(rubbish)
    assert len([line for line in caplog.messages if "no message" in line or "gpu0" in line]) == 4
    assert not broker.exists(key("unacked")) and not broker.exists(key("gpu0"))


@pytest.mark.slow
def test_no_more_than_the_last_hundred_are_kept(
    broker: Any, key: Callable[[str], str], channel: Channel, receive: Callable[[], list[Any]]
) -> None:
    broker.lpush(key("gpu0"), *(f"garbage {number}" for number in range(KEPT_MESSAGES + 20)))

    assert receive() == []
    assert broker.llen(key("set-aside")) == KEPT_MESSAGES
    assert broker.lindex(key("set-aside"), 0) == f"garbage {KEPT_MESSAGES + 19}"


@pytest.mark.slow
def test_a_message_at_which_the_worker_stumbles_is_set_aside(
    broker: Any, key: Callable[[str], str], channel: Channel, receive: Callable[[], list[Any]]
) -> None:
    send(channel, 3, task_id="stumble")
    send(channel, 4)

    got = receive()

    assert [message.payload[0] for message in got] == [["e-1", 4]]
    assert "stumble" in broker.lindex(key("set-aside"), 0)
    assert not broker.exists(key("unacked"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "gpu0",
        pytest.param("unacked", marks=pytest.mark.slow),
        pytest.param("unacked_index", marks=pytest.mark.slow),
        pytest.param("set-aside", marks=pytest.mark.slow),
    ],
)
def test_a_key_of_another_type_is_moved_out_of_the_way(
    broker: Any,
    key: Callable[[str], str],
    channel: Channel,
    receive: Callable[[], list[Any]],
    name: str,
) -> None:
    broker.set(key(name), "not ours")
    if name == "set-aside":
        broker.lpush(key("gpu0"), "garbage")

    if name == "gpu0":
        receive()
    send(channel, 3)
    got = receive()

    assert [message.payload[0] for message in got] == [["e-1", 3]]
    assert broker.get(key(f"set-aside:{name}")) == "not ours"


def test_a_message_is_sent_although_its_queue_is_of_another_type(
    broker: Any, key: Callable[[str], str], channel: Channel
) -> None:
    broker.sadd(key("gpu0"), "not ours")

    send(channel, 3)

    assert broker.llen(key("gpu0")) == 1


@pytest.mark.parametrize("taken", ["garbage", "[]", "[1, 2, 3]", '[{"a": 1}, "", null]', "\xff"])
def test_what_was_taken_and_cannot_be_put_back_is_set_aside(
    broker: Any, key: Callable[[str], str], channel: Channel, taken: str
) -> None:
    broker.hset(key("unacked"), "tag", taken)
    broker.zadd(key("unacked_index"), {"tag": 0})

    channel.qos.restore_visible(num=10)

    assert not broker.exists(key("unacked_index"))
    assert not broker.exists(key("unacked"))


@pytest.mark.filterwarnings("ignore:Call to deprecated setex")  # by Celery
def test_every_key_of_celery_s_lies_under_the_prefix(
    broker: Any, key: Callable[[str], str], channel: Channel, receive: Callable[[], list[Any]]
) -> None:
    send(channel, 3)
    receive()
    app.backend.store_result("e-1.3.x", {"became": "completed"}, "SUCCESS")

    names = list(broker.scan_iter())

    assert names and all(name.startswith(key("")) for name in names)


@pytest.mark.parametrize("rubbish", [[], {"a": 1}, {"properties": {}, "headers": {}}])
def test_garbage_among_control_commands_is_ignored(channel: Channel, rubbish: Any) -> None:
    with pytest.raises(Empty):
        channel._deliver_fanout_message(rubbish, "celery.pidbox")
