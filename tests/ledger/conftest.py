"""Experiments on disk, whole and as they look after a power cut or a broken disk."""

from collections.abc import Callable
from pathlib import Path

import pytest

from amc.config.schema import ExperimentConfig
from amc.ledger import AttemptEnd, Ledger, Trial
from tests.experiments import learn, open_round, report

TRIALS = [Trial(0, {"learning_rate": 0.1}, seed=7), Trial(1, {"learning_rate": 0.2}, seed=8)]


@pytest.fixture
def trials() -> list[Trial]:
    """The trials of the first round."""
    return TRIALS


@pytest.fixture
def ledger(tmp_path: Path, make_config: Callable[..., ExperimentConfig]) -> Ledger:
    """An experiment of which nothing was run yet."""
    return Ledger.create(tmp_path, make_config())


@pytest.fixture
def run_round(ledger: Ledger) -> Callable[..., Ledger]:
    """Record two trials, both tried twice and reported; `learned=False` leaves them open."""

    def run(*, learned: bool = True) -> Ledger:
        open_round(ledger, *TRIALS)
        for trial in TRIALS:
            for outcome in ("signal", "result"):
                attempt = ledger.claim_attempt(trial.number, worker="w", queue="gpu0", host="")
                ledger.end_attempt(trial.number, attempt.number, AttemptEnd(outcome))
            ledger.write_report(report(trial.number, 412.5 + trial.number, attempt=2))
        if learned:
            learn(ledger)
        return ledger

    return run
