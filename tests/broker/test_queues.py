import json
from typing import Any

import pytest

from amc.broker import messages, queues
from amc.broker.queues import LiveWorker

pytestmark = pytest.mark.engine


def announce(broker: Any, name: str, *served: str) -> None:
    queues.beat(broker, LiveWorker(name, served, "here", 1))


def enqueue(broker: Any, queue: str, experiment: str, trial: int) -> None:
    message = {"headers": {"id": messages.task_id(experiment, trial)}}
    broker.lpush(broker.keyspace.queue(queue), json.dumps(message))


def test_a_worker_is_live_until_it_falls_silent(broker: Any) -> None:
    announce(broker, "rl-worker-10", "gpu1")
    announce(broker, "rl-worker-2", "gpu0")

    live = queues.live_workers(broker)
    queues.silence(broker, live[0].host, [live[0].name])

    assert [worker.name for worker in live] == ["rl-worker-2", "rl-worker-10"]
    assert queues.live_queues(broker) == {"gpu1": 1}


def test_waiting_trials_are_found_in_their_queues_whatever_else_lies_there(broker: Any) -> None:
    enqueue(broker, "gpu0", "a.b-1", 3)
    enqueue(broker, "gpu1", "a.b-1", 3)
    broker.lpush(
        broker.keyspace.queue("gpu0"), "garbage", '{"headers": {"id": "no.number.x"}}', "[]"
    )

    assert queues.waiting(broker, ["gpu0", "gpu1"]) == {("a.b-1", 3): {"gpu0", "gpu1"}}


def test_trials_go_round_robin_over_an_idle_fleet(broker: Any) -> None:
    for number in (10, 2, 0, 1):
        announce(broker, f"rl-worker-{number}", f"gpu{number}")
    announce(broker, "driver", "driver")

    chosen = queues.choose(broker, 5)

    assert chosen == ["gpu0", "gpu1", "gpu2", "gpu10", "gpu0"]


def test_the_least_loaded_queue_comes_first(broker: Any) -> None:
    announce(broker, "rl-worker-0", "gpu0")
    announce(broker, "rl-worker-1", "gpu1")
    enqueue(broker, "gpu0", "other-1", 0)

    assert queues.choose(broker, 2) == ["gpu1", "gpu0"]


def test_two_workers_on_a_queue_carry_twice_the_load(broker: Any) -> None:
    announce(broker, "rl-worker-0", "gpu0")
    announce(broker, "rl-worker-1", "gpu1")
    announce(broker, "rl-worker-2", "gpu0")

    assert sorted(queues.choose(broker, 3)) == ["gpu0", "gpu0", "gpu1"]


def test_without_a_worker_there_is_nowhere_to_send_to(broker: Any) -> None:
    announce(broker, "driver", "driver")

    assert queues.choose(broker, 2) == []


def test_names_that_look_like_numbers_or_like_nothing_disturb_no_search(broker: Any) -> None:
    announce(broker, "rl-worker-0", "gpu0")
    for name in ("²", "٣", "9" * 200, "9" * 60_000):
        announce(broker, name)
    announce(broker, "liar", "", "\ud800", "\x1b[2J", "q" * 60_000)

    assert len(queues.live_workers(broker)) == 5
    assert queues.choose(broker, 2) == ["gpu0", "gpu0"]


def test_wake_ups_are_coalesced_until_one_arrives(broker: Any) -> None:
    first, second = queues.claim_wake(broker, "e-1"), queues.claim_wake(broker, "e-1")
    queues.clear_wake(broker, "e-1")

    assert (first, second) == (True, False)
    assert queues.claim_wake(broker, "e-1")


def test_progress_is_what_a_trial_told_last(broker: Any) -> None:
    queues.report_progress(broker, "e-1", 0, {"steps": 1})
    queues.report_progress(broker, "e-1", 0, {"steps": 2})

    assert queues.progress_of(broker, "e-1", [0, 1]) == {0: {"steps": 2}}
    assert queues.progress_of(broker, "e-1", []) == {}
