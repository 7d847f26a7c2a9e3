import json
from typing import Any

import pytest

from amc.broker import dispatch, heartbeats, hints, leases, messages
from amc.broker.heartbeats import LiveWorker
from amc.broker.keys import Holder

pytestmark = pytest.mark.engine


def age(broker: Any, trial: int, seconds: float) -> None:
    """Let the first sighting of a missing trial lie further in the past."""
    key = broker.keyspace.missing("e-1", trial)
    broker.set(key, repr(float(broker.get(key)) - seconds), ex=60)


def enqueue(broker: Any, queue: str, trial: int, experiment: str = "e-1") -> None:
    message = {"headers": {"id": messages.task_id(experiment, trial)}}
    broker.lpush(broker.keyspace.queue(queue), json.dumps(message))


def announce(broker: Any, name: str, *served: str, allows: tuple[str, ...] = ()) -> None:
    heartbeats.beat(broker, LiveWorker(name, served, "here", 1, allows))


def allows_x(worker: LiveWorker) -> bool:
    return "x" in worker.allows


@pytest.fixture
def a_live_worker(broker: Any) -> None:
    announce(broker, "rl-worker-0", "gpu0")


@pytest.mark.usefixtures("a_live_worker")
def test_a_trial_is_lost_only_after_it_was_missed_for_four_seconds(broker: Any) -> None:
    first = dispatch.lost(broker, "e-1", [0])
    age(broker, 0, 4.0)
    second = dispatch.lost(broker, "e-1", [0])

    assert (first, second) == ([], [0])


@pytest.mark.usefixtures("a_live_worker")
def test_a_lease_or_a_message_in_a_live_queue_is_a_sign_of_life(broker: Any) -> None:
    dispatch.lost(broker, "e-1", [0, 1, 2])
    for trial in (0, 1, 2):
        age(broker, trial, 60.0)
    leases.acquire(broker, "e-1", 0, Holder.here("rl-worker-0", "gpu0"))
    enqueue(broker, "gpu0", 1)

    assert dispatch.lost(broker, "e-1", [0, 1, 2]) == [2]


@pytest.mark.usefixtures("a_live_worker")
def test_a_sign_of_life_starts_the_count_again(broker: Any) -> None:
    dispatch.lost(broker, "e-1", [0])
    age(broker, 0, 60.0)
    enqueue(broker, "gpu0", 0)
    dispatch.lost(broker, "e-1", [0])
    broker.delete(broker.keyspace.queue("gpu0"))

    assert dispatch.lost(broker, "e-1", [0]) == []


@pytest.mark.usefixtures("a_live_worker")
def test_a_trial_that_was_handed_back_is_sent_again_at_once(broker: Any) -> None:
    hints.hand_back(broker, "e-1", 0)

    assert dispatch.lost(broker, "e-1", [0, 1]) == [0]


@pytest.mark.usefixtures("a_live_worker")
@pytest.mark.parametrize(("seconds", "lost"), [(5.0, []), (15.0, [0])])
def test_a_message_in_a_dead_queue_is_given_fifteen_seconds(
    broker: Any, seconds: float, lost: list[int]
) -> None:
    enqueue(broker, "gpu7", 0)
    dispatch.lost(broker, "e-1", [0])
    age(broker, 0, seconds)

    assert dispatch.lost(broker, "e-1", [0]) == lost


@pytest.mark.usefixtures("a_live_worker")
def test_a_message_of_a_dead_worker_in_unacked_is_no_sign_of_life(broker: Any) -> None:
    message = {"headers": {"id": messages.task_id("e-1", 0)}}
    broker.hset(broker.keyspace.queue("unacked"), "tag", json.dumps(message))
    dispatch.lost(broker, "e-1", [0])
    age(broker, 0, 4.0)

    assert dispatch.lost(broker, "e-1", [0]) == [0]


def test_waiting_trials_are_found_in_their_queues_whatever_else_lies_there(broker: Any) -> None:
    enqueue(broker, "gpu0", 3, "a.b-1")
    enqueue(broker, "gpu1", 3, "a.b-1")
    broker.lpush(
        broker.keyspace.queue("gpu0"), "garbage", '{"headers": {"id": "no.number.x"}}', "[]"
    )

    assert dispatch.waiting_in(broker, ["gpu0", "gpu1"]) == {("a.b-1", 3): {"gpu0", "gpu1"}}


def test_trials_go_round_robin_over_an_idle_fleet(broker: Any) -> None:
    for number in (10, 2, 0, 1):
        announce(broker, f"rl-worker-{number}", f"gpu{number}")
    announce(broker, "driver", "driver")

    chosen = dispatch.choose(broker, 5)

    assert chosen == ["gpu0", "gpu1", "gpu2", "gpu10", "gpu0"]


def test_what_is_sent_again_may_go_to_any_of_the_least_loaded(broker: Any) -> None:
    for number in range(3):
        announce(broker, f"rl-worker-{number}", f"gpu{number}")
    leases.acquire(broker, "e-1", 0, Holder("rl-worker-2@here", 1, "", "gpu2"))

    chosen = {dispatch.choose(broker, 1, again=True)[0] for _ in range(64)}

    assert chosen == {"gpu0", "gpu1"}


def test_the_least_loaded_queue_comes_first(broker: Any) -> None:
    announce(broker, "rl-worker-0", "gpu0")
    announce(broker, "rl-worker-1", "gpu1")
    enqueue(broker, "gpu0", 0, "other-1")

    assert dispatch.choose(broker, 2) == ["gpu1", "gpu0"]


def test_two_workers_on_a_queue_carry_twice_the_load(broker: Any) -> None:
    announce(broker, "rl-worker-0", "gpu0")
    announce(broker, "rl-worker-1", "gpu1")
    announce(broker, "rl-worker-2", "gpu0")

    assert sorted(dispatch.choose(broker, 3)) == ["gpu0", "gpu0", "gpu1"]


def test_without_a_worker_there_is_nowhere_to_send_to(broker: Any) -> None:
    announce(broker, "driver", "driver")

    assert dispatch.choose(broker, 2) == []


def test_names_that_look_like_numbers_or_like_nothing_disturb_no_search(broker: Any) -> None:
    announce(broker, "rl-worker-0", "gpu0")
    for name in ("²", "٣", "9" * 200, "9" * 60_000):
        announce(broker, name)
    announce(broker, "liar", "", "\ud800", "\x1b[2J", "q" * 60_000)

    assert len(heartbeats.live_workers(broker)) == 5
    assert dispatch.choose(broker, 2) == ["gpu0", "gpu0"]


@pytest.fixture
def two_workers(broker: Any) -> None:
    """Of which the first is at trial 0."""
    announce(broker, "rl-worker-0", "gpu0")
    announce(broker, "rl-worker-1", "gpu1")
    leases.acquire(broker, "e-1", 0, Holder.here("rl-worker-0", "gpu0"))


@pytest.mark.usefixtures("two_workers")
def test_a_trial_that_waits_behind_another_is_stuck_while_a_worker_is_idle(broker: Any) -> None:
    for trial in (1, 2):
        enqueue(broker, "gpu0", trial)

    assert dispatch.stuck(broker, "e-1", [0, 1, 2]) == [1]


@pytest.mark.usefixtures("two_workers")
def test_what_an_idle_worker_is_about_to_take_is_not_stuck(broker: Any) -> None:
    enqueue(broker, "gpu1", 1)

    assert dispatch.stuck(broker, "e-1", [0, 1]) == []


@pytest.mark.usefixtures("two_workers")
def test_a_copy_in_another_queue_is_enough(broker: Any) -> None:
    announce(broker, "rl-worker-2", "gpu2")
    for queue in ("gpu0", "gpu1"):
        enqueue(broker, queue, 1)

    assert dispatch.stuck(broker, "e-1", [0, 1]) == []


@pytest.mark.usefixtures("two_workers")
def test_nothing_is_stuck_while_everybody_works(broker: Any) -> None:
    leases.acquire(broker, "e-1", 1, Holder.here("rl-worker-1", "gpu1"))
    enqueue(broker, "gpu0", 2)

    assert dispatch.stuck(broker, "e-1", [0, 1, 2]) == []


def test_a_trial_goes_only_where_every_worker_may_train_it(broker: Any) -> None:
    announce(broker, "rl-worker-0", "gpu0", allows=("x", "y"))
    announce(broker, "rl-worker-1", "gpu1")
    announce(broker, "rl-worker-2", "gpu2", allows=("x",))
    announce(broker, "rl-worker-3", "gpu2", allows=("y",))

    assert dispatch.choose(broker, 2, suits=allows_x) == ["gpu0", "gpu0"]
    assert dispatch.choose(broker, 3) == ["gpu0", "gpu1", "gpu2"]
    assert heartbeats.live_queues(broker, allows_x) == {"gpu0": 1}


def test_a_trial_that_waits_where_a_worker_may_not_train_it_is_lost(broker: Any) -> None:
    announce(broker, "rl-worker-0", "gpu0")
    enqueue(broker, "gpu0", 0)

    dispatch.lost(broker, "e-1", [0], allows_x)
    age(broker, 0, 15.0)

    assert dispatch.lost(broker, "e-1", [0], allows_x) == [0]
    assert dispatch.lost(broker, "e-1", [0]) == []


def test_a_trial_is_not_sent_past_another_one_to_a_worker_that_may_not_train_it(
    broker: Any,
) -> None:
    announce(broker, "rl-worker-0", "gpu0", allows=("x",))
    announce(broker, "rl-worker-1", "gpu1")
    leases.acquire(broker, "e-1", 0, Holder.here("rl-worker-0", "gpu0"))
    enqueue(broker, "gpu0", 1)

    assert dispatch.stuck(broker, "e-1", [1], allows_x) == []
    assert dispatch.stuck(broker, "e-1", [1]) == [1]


def test_an_allow_list_that_changes_is_news_to_who_waits(broker: Any) -> None:
    announce(broker, "rl-worker-0", "gpu0")
    before = dispatch.surroundings(broker)

    announce(broker, "rl-worker-0", "gpu0", allows=("x",))

    assert dispatch.surroundings(broker) != before


def test_rubbish_in_place_of_an_allow_list_allows_nothing(broker: Any) -> None:
    for index, rubbish in enumerate(["x", {"x": 1}, None, [1, ["x"]], 5]):
        told = {"name": f"w{index}", "queues": [f"gpu{index}"], "host": "h", "allows": rubbish}
        broker.set(broker.keyspace.worker(f"w{index}@h"), json.dumps(told), ex=10)

    assert len(heartbeats.live_workers(broker)) == 5
    assert not heartbeats.live_queues(broker, allows_x)
