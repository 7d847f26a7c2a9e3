"""Experiments of version 0.1: `old-1` was finished, `old-2` stopped in its second round."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from amc.config.loader import ConfigLoader
from amc.driver.budget import budget
from amc.driver.planning import plan
from amc.ledger import Ledger, Request, Result, format1
from amc.ledger.winner import winner
from tests.experiments import go_on, report

KEPT = Path(__file__).parent / "format1"


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[str], Ledger]:
    """A copy of one of them."""
    return lambda name: Ledger(shutil.copytree(KEPT / name, tmp_path / name))


def test_a_finished_experiment_is_read_as_it_was(kept: Callable[[str], Ledger]) -> None:
    ledger = kept("old-1")

    seen = ledger.history()

    assert (ledger.state, seen.finish, seen.outstanding) == ("completed", "completed", ())
    assert [trial.round for trial in seen.trials.values()] == [0, 0, 1, 1]
    assert [result.score for _, result in seen.finished()] == [137.0, 65.0, 74.0, 46.0]
    best = winner(ledger.config, seen)
    assert best is not None and (best.trial.number, best.mean_score) == (0, 137.0)


def test_no_more_is_trained_than_was_promised_then(kept: Callable[[str], Ledger]) -> None:
    ledger = kept("old-2")
    promised = {**ledger.record.config["hyperparameter_optimizer"], "n_calls": 16}

    config = format1.config({**ledger.record.config, "hyperparameter_optimizer": promised})

    assert budget(ConfigLoader().from_mapping(config, accepted=True)).test_seeds == 0
    assert ledger.config.hyperparameter_optimizer.test_seeds == 0  # type: ignore[union-attr]


def test_a_half_done_experiment_goes_on_with_the_round_that_was_open(
    kept: Callable[[str], Ledger],
) -> None:
    ledger = kept("old-2")

    seen = ledger.history()

    assert [segment.key for segment in seen.outstanding] == [(2, 0), (3, 0)]
    assert ledger.segment(2).until == 150_000
    assert len(ledger.attempts(2)) == 1
    checkpoints = ledger.paths.trial(2).segment(0).checkpoints
    assert [path.name for path in checkpoints.glob("*.pt")]


def test_what_is_decided_now_follows_the_rounds_of_then(kept: Callable[[str], Ledger]) -> None:
    ledger = kept("old-2")
    for number in (2, 3):
        ledger.write_report(report(number, 1.0))

    decision = plan(ledger.config, ledger.history())
    assert decision is not None and ledger.append(decision)

    seen = Ledger(ledger.directory).history()
    assert (decision.number, decision.finish, seen.finish) == (2, "completed", "completed")
    assert not seen.open and len(list(seen.finished())) == 4


def test_a_result_of_then_is_a_report_that_was_not_learned_yet(
    kept: Callable[[str], Ledger],
) -> None:
    ledger = kept("old-1")
    ledger.paths.only_end.unlink()
    ledger.paths.closed(1).unlink()

    seen = ledger.history()

    assert seen.finish is None
    assert list(seen.fresh) == [(2, 0), (3, 0)]
    assert plan(ledger.config, seen).finish == "completed"  # type: ignore[union-attr]


@pytest.mark.parametrize("record", ["rounds/0000.json", "rounds/0000.closed.json"])
def test_a_damaged_round_is_read_from_its_trials(
    kept: Callable[[str], Ledger], record: str, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = kept("old-1")
    before = list(Ledger(KEPT / "old-1").history().finished())

    (ledger.directory / record).write_text("")

    assert list(ledger.history().finished()) == before
    assert record in caplog.text


def test_a_result_of_then_has_what_it_had(kept: Callable[[str], Ledger]) -> None:
    result = kept("old-1").result(0)

    assert isinstance(result, Result)
    assert (result.attempt, result.steps, result.worker) == (1, 1024, "rl-worker-0")
    assert result.checkpoint == "checkpoints/000000001024-0001.pt"
    assert result.digest is not None and result.mean_evaluation is not None


def test_one_that_had_ended_goes_on_if_more_is_asked(kept: Callable[[str], Ledger]) -> None:
    ledger = kept("old-1")
    before = ledger.state
    ledger.ask(Request(0, "calls", calls=2))

    go_on(ledger)

    past = Ledger(ledger.directory).history()
    assert (before, ledger.state, past.finish) == ("completed", "completed", "completed")
    assert len(past.trials) == 6
    assert ledger.paths.only_end.exists() and ledger.paths.end(1).exists()
