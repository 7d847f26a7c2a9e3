"""When attempts ran, from what the ledger has of them."""

from collections.abc import Callable

import pytest

from amc.experiment_view import Experiment
from amc.ledger import AttemptEnd, Trial
from amc.reports.stints import stints_of
from tests.experiments import open_round

Record = Callable[..., Experiment]
START = 1_790_000_000.0


def test_an_attempt_took_as_long_as_its_report_says(record: Record):
    experiment = record([1.0, None])

    first, second = stints_of(experiment._ledger, experiment._ledger.history())

    assert (first.trial, first.attempt, first.worker) == (0, 1, "rl-worker-0")
    assert (first.machine, first.group, first.is_end_known) == ("box", "result", True)
    assert (first.started, first.ended) == (START, START + 10)
    assert (second.group, second.outcome) == ("own doing", "exception")


@pytest.fixture
def halted(record: Record, clock: list[float]) -> Experiment:
    """A running experiment: an attempt was interrupted, one lost, and one is under way."""
    experiment = record([1.0, 2.0], end=None)
    ledger = experiment._ledger
    open_round(ledger, Trial(2, {"n_epochs": 1}, 2, 1, 2))
    for outcome in ("interrupted", None, "under way"):
        attempt = ledger.claim_attempt(2, worker="rl-worker-1", queue="gpu0", host="box/9")
        clock[0] += 5
        if outcome == "interrupted":
            ledger.end_attempt(2, attempt.number, AttemptEnd(outcome))
        clock[0] += 2
    return experiment


def test_an_interruption_ended_when_its_supervisor_said_so(halted: Experiment):
    stint = stints_of(halted._ledger, halted._ledger.history())[2]

    assert (stint.outcome, stint.group) == ("interrupted", "interruption")
    assert stint.ended - stint.started == 5


def test_what_nobody_ended_lasted_until_the_next_attempt_at_most(halted: Experiment):
    stint = stints_of(halted._ledger, halted._ledger.history())[3]

    assert (stint.outcome, stint.group, stint.is_end_known) == ("", "interruption", False)
    assert stint.ended - stint.started == 7


def test_the_last_attempt_of_what_is_open_is_under_way_until_now(
    halted: Experiment, clock: list[float]
):
    stint = stints_of(halted._ledger, halted._ledger.history(), now=clock[0] + 30)[4]

    assert stint.group == "running"
    assert stint.ended == clock[0] + 30


def test_nothing_is_under_way_in_what_has_ended(halted: Experiment):
    halted._ledger.finish("cancelled")

    groups = [one.group for one in stints_of(halted._ledger, halted._ledger.history())]

    assert groups == ["result", "result", *["interruption"] * 3]
