"""The clock of the driver: which experiments are to be woken."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from amc import tasks
from amc.broker import heartbeats, hints, leases, messages
from amc.broker.connection import connect
from amc.broker.heartbeats import LiveWorker
from amc.broker.keys import Holder
from amc.celery import app
from amc.config.schema import ExperimentConfig
from amc.ledger import Ledger, Request
from amc.workers import signals
from amc.workers.clock import Clock, unfinished
from tests.experiments import report


@pytest.fixture
def make(tmp_path: Path, make_config: Callable[..., ExperimentConfig]) -> Callable[[], Ledger]:
    return lambda: Ledger.create(tmp_path, make_config())


def test_the_clock_wakes_what_has_not_ended(make: Callable[[], Ledger], tmp_path: Path) -> None:
    running, ended = make(), make()
    ended.finish("completed")
    (tmp_path / "stray").mkdir()
    (tmp_path / "file").touch()

    assert list(unfinished(tmp_path, {})) == [running.id]
    assert unfinished(tmp_path / "nowhere", {}) == {}


def test_what_a_killed_submit_left_is_not_woken(make: Callable[[], Ledger], tmp_path: Path) -> None:
    shutil.copytree(make().directory, tmp_path / ".new-77-1")

    assert list(unfinished(tmp_path, {})) == ["test-1"]


def test_an_ended_experiment_is_looked_at_again_only_when_it_has_changed(
    make: Callable[[], Ledger], tmp_path: Path
) -> None:
    ended, finished = make(), {}
    ended.finish("completed")
    assert unfinished(tmp_path, finished) == {}
    as_seen = dict(finished)

    assert unfinished(tmp_path, finished) == {}
    assert finished == as_seen


def test_an_ended_experiment_of_which_more_is_asked_is_woken_each_time(
    make: Callable[[], Ledger], tmp_path: Path
) -> None:
    ended, finished = make(), {}
    ended.finish("completed")
    seen = [list(unfinished(tmp_path, finished))]
    for number in (1, 2):
        ended.ask(Request(0, "calls", calls=1))
        seen.append(list(unfinished(tmp_path, finished)))
        ended.finish("completed", handled=number)
        seen.append(list(unfinished(tmp_path, finished)))

    assert seen == [[], [ended.id], [], [ended.id], []]


def test_a_name_that_is_used_again_is_a_new_experiment(
    make: Callable[[], Ledger], tmp_path: Path
) -> None:
    first, finished = make(), {}
    first.finish("completed")
    assert unfinished(tmp_path, finished) == {}

    shutil.rmtree(first.directory)
    second = make()

    assert second.id == first.id
    assert list(unfinished(tmp_path, finished)) == [second.id]


def test_a_directory_that_cannot_be_looked_at_hides_no_other(
    make: Callable[[], Ledger], tmp_path: Path
) -> None:
    running = make()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    assert list(unfinished(tmp_path, {})) == [running.id]


@pytest.mark.engine
def test_what_the_clock_sends_is_a_message_that_the_driver_takes(
    broker: Any,
    shared: Path,
    make_config: Callable[..., ExperimentConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Ledger.create(shared, make_config())
    worker = SimpleNamespace(is_stopping=False, clock=Clock())
    monkeypatch.setattr(signals, "_worker", worker)

    signals._tick()

    # Where the app sends is settled when it is first used, by whichever test that was.
    prefix = app.conf.broker_transport_options["global_keyprefix"]
    sent = connect().lpop(f"{prefix}driver")
    assert sent and messages.fault(sent.encode(), is_task=True) is None


OWNER = Holder.here("rl-worker-0", "gpu0")


@pytest.fixture
def at_rest(
    broker: Any, shared: Path, make_config: Callable[..., ExperimentConfig]
) -> tuple[Clock, Ledger]:
    """A clock, and an experiment both of whose trials are at work, so there is nothing to do."""
    ledger, clock = Ledger.create(shared, make_config()), Clock()
    heartbeats.beat(broker, LiveWorker("rl-worker-0", ("gpu0",), "here", 7))
    tasks.advance(ledger.id)
    for trial in (0, 1):
        assert leases.acquire(broker, ledger.id, trial, OWNER)
    broker.delete(broker.keyspace.queue("gpu0"))
    assert clock.due(broker, shared) == [ledger.id]
    clock.has_woken(ledger.id)
    tasks.advance(ledger.id)
    return clock, ledger


@pytest.mark.engine
def test_while_every_trial_is_at_work_there_is_nothing_to_do(
    at_rest: tuple[Clock, Ledger], broker: Any, shared: Path
) -> None:
    clock, ledger = at_rest

    due = [clock.due(broker, shared) for _ in range(2)]
    of_another_driver = Clock().due(broker, shared)

    assert due == [[], []]
    assert of_another_driver == [ledger.id], "it has not seen how its directory looked"


def end_a_trial(broker: Any, ledger: Ledger) -> None:
    ledger.write_report(report(0, 1.0))
    broker.delete(broker.keyspace.lease(ledger.id, 0))


def start_a_worker(broker: Any, ledger: Ledger) -> None:
    heartbeats.beat(broker, LiveWorker("rl-worker-1", ("gpu1",), "here", 8))


def lose_a_worker(broker: Any, ledger: Ledger) -> None:
    heartbeats.silence(broker, "here", ["rl-worker-0"])


def take_a_trial_over(broker: Any, ledger: Ledger) -> None:
    other = Holder.here("rl-worker-1", "gpu0")
    broker.set(broker.keyspace.lease(ledger.id, 0), str(other), ex=9)


def queue_a_message(broker: Any, ledger: Ledger) -> None:
    broker.lpush(broker.keyspace.queue("gpu0"), "a message")


def busy_the_worker_elsewhere(broker: Any, ledger: Ledger) -> None:
    assert leases.acquire(broker, "another-1", 3, OWNER)


@pytest.mark.engine
@pytest.mark.parametrize(
    "change",
    [
        end_a_trial,
        start_a_worker,
        lose_a_worker,
        take_a_trial_over,
        queue_a_message,
        busy_the_worker_elsewhere,
        lambda _, ledger: ledger.mark_paused(True),
        lambda _, ledger: ledger.mark_cancelled(),
        lambda _, ledger: ledger.ask(Request(0, "calls", calls=1)),
        lambda broker, _: broker.flushall(),
        lambda broker, ledger: hints.disturb(broker, ledger.id),
    ],
)
def test_whatever_changes_there_may_be_something_to_do(
    at_rest: tuple[Clock, Ledger],
    broker: Any,
    shared: Path,
    change: Callable[[Any, Ledger], object],
) -> None:
    clock, ledger = at_rest
    assert clock.due(broker, shared) == []

    change(broker, ledger)

    assert clock.due(broker, shared) == [ledger.id]


@pytest.mark.engine
def test_a_trial_without_a_sign_of_life_is_looked_for_at_every_tick(
    at_rest: tuple[Clock, Ledger], broker: Any, shared: Path
) -> None:
    clock, ledger = at_rest
    broker.delete(broker.keyspace.lease(ledger.id, 0))

    for _ in range(3):
        assert clock.due(broker, shared) == [ledger.id]
        clock.has_woken(ledger.id)
        tasks.advance(ledger.id)


@pytest.mark.engine
def test_without_workers_there_is_nothing_to_do_until_one_comes(
    broker: Any, shared: Path, make_config: Callable[..., ExperimentConfig]
) -> None:
    ledger, clock = Ledger.create(shared, make_config()), Clock()
    for _ in range(2):
        clock.due(broker, shared)
        clock.has_woken(ledger.id)
        tasks.advance(ledger.id)
    assert clock.due(broker, shared) == []

    start_a_worker(broker, ledger)

    assert clock.due(broker, shared) == [ledger.id]


@pytest.mark.engine
def test_what_ends_by_the_time_is_looked_at_at_every_tick(
    broker: Any, shared: Path, make_config: Callable[..., ExperimentConfig]
) -> None:
    limit = {"hyperparameter_optimizer.max_hours": 1.0}
    ledger, clock = Ledger.create(shared, make_config(limit)), Clock()
    for _ in range(2):
        assert clock.due(broker, shared) == [ledger.id]
        clock.has_woken(ledger.id)
        tasks.advance(ledger.id)

    assert clock.due(broker, shared) == [ledger.id]


@pytest.mark.engine
def test_a_rest_that_is_not_ours_is_none(
    at_rest: tuple[Clock, Ledger], broker: Any, shared: Path
) -> None:
    clock, ledger = at_rest
    key = broker.keyspace.rest(ledger.id)
    told = broker.get(key)

    for rubbish, lasts_s in [("[]", 9), ('{"trials": "x", "signs": ""}', 9), (told, 9_000)]:
        broker.set(key, rubbish, ex=lasts_s)
        assert clock.due(broker, shared) == [ledger.id]
