"""A shared directory without a broker, experiments on disk, and a way to run commands."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome

from amc.cli import main
from amc.config.loader import ConfigLoader
from amc.ledger import Ledger, Report, Trial
from tests.experiments import open_round, report

CONFIG = {
    "experiment_name": "cartpole",
    "algorithm": "ppo",
    "environment": {"name": "CartPole-v1"},
    "hyperparameter_optimizer": {
        "type": "random",
        "n_calls": 4,
        "trials_per_round": 2,
        "search_space": {"learning_rate": [1e-4, 1e-2], "gamma": [0.9, 0.999]},
    },
    "training": {"total_timesteps": 2048},
}


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty shared directory, and no broker behind it."""
    directory = tmp_path / "shared"
    monkeypatch.setenv("AMC_SHARED_DIR", str(directory))
    monkeypatch.setenv("AMC_BROKER_URL", f"redis+socket://{tmp_path}/nobody.sock")
    return directory


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    """A small config on disk."""
    path = tmp_path / "cartpole.json"
    path.write_text(json.dumps(CONFIG))
    return path


@pytest.fixture
def amc(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run a command line in this process, on a pipe: `amc("ls", "--json")`."""
    monkeypatch.delenv("COLUMNS", raising=False)
    return lambda *arguments: CliRunner().invoke(main, [str(item) for item in arguments])


@pytest.fixture
def make_experiment(shared: Path) -> Callable[..., Ledger]:
    """Record an experiment whose trials scored as given; None is a failed trial.

    Trials come two to a round. `end` is the state to finish it in, None leaves it running.
    """

    def make(
        *scores: float | None, end: str | None = "completed", name: str = "cartpole"
    ) -> Ledger:
        config = ConfigLoader().from_mapping({**CONFIG, "experiment_name": name}, source="test")
        ledger = Ledger.create(shared, config)
        for number in range(0, len(scores), 2):
            _record_round(ledger, number, scores[number : number + 2])
        if end is not None:
            ledger.finish(
                end, "ValueError: broken\n  no trial was left" if end == "failed" else None
            )
        return ledger

    return make


def _record_round(ledger: Ledger, first: int, scores: tuple[float | None, ...]) -> None:
    trials = [
        Trial(
            first + index,
            {"learning_rate": 0.001, "gamma": 0.9 + index / 100},
            seed=first + index,
            round=first // 2,
            suggestion=first + index,
        )
        for index in range(len(scores))
    ]
    open_round(ledger, *trials)
    for trial, score in zip(trials, scores, strict=True):
        ledger.write_report(_report(trial, score))


def _report(trial: Trial, score: float | None) -> Report:
    if score is None:
        error = "exception: Traceback\n  ...\nValueError: nan"
        return report(trial.number, None, step=0, error=error)
    return report(trial.number, score, attempt=1, seconds=12.5, worker="rl-worker-1")
