import json
from typing import Any

import pytest

from amc.broker import dispatch, leases, messages, queues

pytestmark = pytest.mark.engine


def age(broker: Any, trial: int, seconds: float) -> None:
    """Let the first sighting of a missing trial lie further in the past."""
    key = broker.keyspace.missing("e-1", trial)
    broker.set(key, repr(float(broker.get(key)) - seconds), ex=60)


def enqueue(broker: Any, queue: str, trial: int) -> None:
    message = {"headers": {"id": messages.task_id("e-1", trial)}}
    broker.lpush(broker.keyspace.queue(queue), json.dumps(message))


@pytest.fixture(autouse=True)
def _a_live_worker(broker: Any) -> None:
    queues.beat(broker, queues.LiveWorker("rl-worker-0", ("gpu0",), "here", 1))


def test_a_trial_is_lost_only_after_it_was_missed_for_four_seconds(broker: Any) -> None:
    first = dispatch.lost(broker, "e-1", [0])
    age(broker, 0, 4.0)
    second = dispatch.lost(broker, "e-1", [0])

    assert (first, second) == ([], [0])


def test_a_lease_or_a_message_in_a_live_queue_is_a_sign_of_life(broker: Any) -> None:
    dispatch.lost(broker, "e-1", [0, 1, 2])
    for trial in (0, 1, 2):
        age(broker, trial, 60.0)
    leases.acquire(broker, "e-1", 0, leases.Owner("rl-worker-0", "gpu0"))
    enqueue(broker, "gpu0", 1)

    assert dispatch.lost(broker, "e-1", [0, 1, 2]) == [2]


def test_a_sign_of_life_starts_the_count_again(broker: Any) -> None:
    dispatch.lost(broker, "e-1", [0])
    age(broker, 0, 60.0)
    enqueue(broker, "gpu0", 0)
    dispatch.lost(broker, "e-1", [0])
    broker.delete(broker.keyspace.queue("gpu0"))

    assert dispatch.lost(broker, "e-1", [0]) == []


def test_a_trial_that_was_handed_back_is_sent_again_at_once(broker: Any) -> None:
    queues.hand_back(broker, "e-1", 0)

    assert dispatch.lost(broker, "e-1", [0, 1]) == [0]


@pytest.mark.parametrize(("seconds", "lost"), [(5.0, []), (15.0, [0])])
def test_a_message_in_a_dead_queue_is_given_fifteen_seconds(
    broker: Any, seconds: float, lost: list[int]
) -> None:
    enqueue(broker, "gpu7", 0)
    dispatch.lost(broker, "e-1", [0])
    age(broker, 0, seconds)

    assert dispatch.lost(broker, "e-1", [0]) == lost


def test_a_message_of_a_dead_worker_in_unacked_is_no_sign_of_life(broker: Any) -> None:
    message = {"headers": {"id": messages.task_id("e-1", 0)}}
    broker.hset(broker.keyspace.queue("unacked"), "tag", json.dumps(message))
    dispatch.lost(broker, "e-1", [0])
    age(broker, 0, 4.0)

    assert dispatch.lost(broker, "e-1", [0]) == [0]
