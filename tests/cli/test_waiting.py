from collections import Counter
from dataclasses import replace

import pytest

from amc.cli.at_work import AtWork, WorkerAtWork
from amc.cli.waiting import waits_for
from amc.permission import foreign_code
from tests.cli.test_trials_table import DONE, RUNNING, with_trials
from tests.experiments import of_command

IDLE, OTHERS = WorkerAtWork("rl-worker-0"), WorkerAtWork("rl-worker-0", "y-2", 3)
WAITING = with_trials(replace(RUNNING, state="waiting"))


@pytest.mark.parametrize(
    ("at_work", "reason"),
    [
        (AtWork((), True), "no worker: amc up"),
        (AtWork((IDLE,), False), "the driver's queue has no worker: amc up"),
        (AtWork((OTHERS,), True), "every worker trains for another experiment: y-2"),
        (AtWork((IDLE,), True), None),
    ],
)
def test_what_a_running_experiment_waits_for(at_work: AtWork, reason: str | None):
    assert waits_for(WAITING, at_work) == reason


def test_a_broker_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch):
    silent = AtWork(answers=False)

    monkeypatch.delenv("AMC_BROKER_URL", raising=False)
    own = waits_for(WAITING, silent)
    monkeypatch.setenv("AMC_BROKER_URL", "redis://:secret@far:6379/0")
    named = waits_for(WAITING, silent)

    assert own == "no worker: amc up"
    assert named == "the broker redis://:***@far:6379/0 does not answer: AMC_BROKER_URL"


def test_what_is_paused_says_how_to_go_on_once_everything_is_saved():
    running = with_trials(RUNNING, state="paused")

    assert waits_for(running, AtWork()) == "pausing: 1 trial writes a checkpoint"
    assert waits_for(replace(running, states=Counter()), AtWork()) == "paused: amc resume x-1"


def test_a_full_disk_goes_before_everything():
    assert "disk is full" in waits_for(replace(WAITING, is_disk_full=True), AtWork())


def test_a_command_that_no_worker_may_run_is_waited_for_unless_its_trials_run(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "")
    code, at_work = foreign_code(of_command()), AtWork((IDLE,), True)

    told = waits_for(replace(WAITING, code=code), at_work)

    assert told is not None and told.startswith("no worker may run it: amc down && ")
    assert waits_for(replace(with_trials(RUNNING), code=code), at_work) is None


def test_what_has_ended_waits_for_nothing():
    assert waits_for(with_trials(DONE, state="completed"), AtWork()) is None
