"""The clock of the driver: which experiments are to be woken."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from amc.broker import messages
from amc.broker.connection import connect
from amc.celery import app
from amc.config.schema import ExperimentConfig
from amc.ledger import Ledger, Request
from amc.workers import signals
from amc.workers.signals import _unfinished


@pytest.fixture
def make(tmp_path: Path, make_config: Callable[..., ExperimentConfig]) -> Callable[[], Ledger]:
    return lambda: Ledger.create(tmp_path, make_config())


def test_the_clock_wakes_what_has_not_ended(make: Callable[[], Ledger], tmp_path: Path) -> None:
    running, ended = make(), make()
    ended.finish("completed")
    (tmp_path / "stray").mkdir()
    (tmp_path / "file").touch()

    assert _unfinished(tmp_path, {}) == [running.id]
    assert _unfinished(tmp_path / "nowhere", {}) == []


def test_what_a_killed_submit_left_is_not_woken(make: Callable[[], Ledger], tmp_path: Path) -> None:
    shutil.copytree(make().directory, tmp_path / ".new-77-1")

    assert _unfinished(tmp_path, {}) == ["test-1"]


def test_an_ended_experiment_is_looked_at_again_only_when_it_has_changed(
    make: Callable[[], Ledger], tmp_path: Path
) -> None:
    ended, finished = make(), {}
    ended.finish("completed")
    assert _unfinished(tmp_path, finished) == []
    as_seen = dict(finished)

    assert _unfinished(tmp_path, finished) == []
    assert finished == as_seen


def test_an_ended_experiment_of_which_more_is_asked_is_woken_each_time(
    make: Callable[[], Ledger], tmp_path: Path
) -> None:
    ended, finished = make(), {}
    ended.finish("completed")
    seen = [_unfinished(tmp_path, finished)]
    for number in (1, 2):
        ended.ask(Request(0, "calls", calls=1))
        seen.append(_unfinished(tmp_path, finished))
        ended.finish("completed", handled=number)
        seen.append(_unfinished(tmp_path, finished))

    assert seen == [[], [ended.id], [], [ended.id], []]


def test_a_name_that_is_used_again_is_a_new_experiment(
    make: Callable[[], Ledger], tmp_path: Path
) -> None:
    first, finished = make(), {}
    first.finish("completed")
    assert _unfinished(tmp_path, finished) == []

    shutil.rmtree(first.directory)
    second = make()

    assert second.id == first.id
    assert _unfinished(tmp_path, finished) == [second.id]


def test_a_directory_that_cannot_be_looked_at_hides_no_other(
    make: Callable[[], Ledger], tmp_path: Path
) -> None:
    running = make()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    assert _unfinished(tmp_path, {}) == [running.id]


@pytest.mark.engine
def test_what_the_clock_sends_is_a_message_that_the_driver_takes(
    broker: Any,
    shared: Path,
    make_config: Callable[..., ExperimentConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Ledger.create(shared, make_config())
    worker = SimpleNamespace(is_stopping=False, finished={})
    monkeypatch.setattr(signals, "_worker", worker)

    signals._tick()

    # Where the app sends is settled when it is first used, by whichever test that was.
    prefix = app.conf.broker_transport_options["global_keyprefix"]
    sent = connect().lpop(f"{prefix}driver")
    assert sent and messages.fault(sent.encode(), is_task=True) is None
