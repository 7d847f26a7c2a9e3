"""Searches of plug-ins from config to result: they run, and their faults end the experiment."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amc import tasks
from amc.config.schema import ExperimentConfig
from amc.experiment_view import Experiment
from amc.ledger import Ledger
from tests.experiments import report

pytestmark = pytest.mark.engine

SEARCHES = '''
import sys


class Middle:
    """In the shape in which such a class is usually written: only the space is given."""

    def __init__(self, search_space):
        self.search_space = search_space
        self.told = []

    def suggest(self, n_suggestions=1):
        middle = {name: (bounds[0] + bounds[1]) / 2 for name, bounds in self.search_space.items()}
        return [middle for _ in range(n_suggestions)]

    def update(self, suggestions, scores):
        self.told += zip(suggestions, scores)


class Outside(Middle):
    def suggest(self, n_suggestions=1):
        return [{"learning_rate": 3.0}]


class Nothing(Middle):
    def suggest(self, n_suggestions=1):
        pass


class Broken(Middle):
    def update(self, suggestions, scores):
        raise RuntimeError("it cannot learn [that]")


class Leaves(Middle):
    def suggest(self, n_suggestions=1):
        sys.exit(3)


class Ends(Middle):
    def suggest(self, n_suggestions=1):
        return [] if self.told else super().suggest(1)
'''


@pytest.fixture
def searches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of searches that this process may import; returns where it lies."""
    (tmp_path / "my_searches.py").write_text(SEARCHES)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_searches", raising=False)
    monkeypatch.setenv("AMC_ALLOW_MODULES", "my_searches")
    return tmp_path


@pytest.fixture
def experiment_with(
    searches: Path, broker: Any, shared: Path, make_config: Callable[..., ExperimentConfig]
) -> Callable[[str], Ledger]:
    """Record an experiment with one of these searches."""

    def make(name: str) -> Ledger:
        overrides = {"hyperparameter_optimizer.type": f"my_searches:{name}"}
        return Ledger.create(shared, make_config(overrides))

    return make


def answer(ledger: Ledger, score: float = 1.0) -> None:
    """Give every trial that is open a score, and let the driver go on."""
    for segment in ledger.history().outstanding:
        ledger.write_report(report(segment.trial, score))
    tasks.advance(ledger.id)


def test_a_search_that_takes_the_space_alone_runs_to_its_end(
    experiment_with: Callable[[str], Ledger],
):
    ledger = experiment_with("Middle")

    tasks.advance(ledger.id)
    while not ledger.is_finished:
        answer(ledger)

    experiment = Experiment(ledger)
    assert experiment.state == "completed"
    assert [trial.hyperparameters for trial in experiment.trials()] == [
        {"learning_rate": pytest.approx(0.00505)}
    ] * 4


def test_a_search_that_has_nothing_left_to_suggest_ends_the_experiment_well(
    experiment_with: Callable[[str], Ledger],
):
    ledger = experiment_with("Ends")

    tasks.advance(ledger.id)
    answer(ledger)

    assert ledger.state == "completed"
    assert len(ledger.history().trials) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Outside", "suggest(2) returned as number 1 {'learning_rate': 3.0}. suggestion.learning"),
        ("Nothing", "suggest(2) returned None, but a list of at most 2"),
        ("Leaves", "suggest(2) raised SystemExit: 3"),
        ("Absent", "cannot be loaded: AttributeError"),
    ],
)
def test_a_faulty_search_fails_its_experiment_before_a_trial_is_made(
    name: str, said: str, experiment_with: Callable[[str], Ledger]
):
    ledger = experiment_with(name)

    tasks.advance(ledger.id)

    error = Experiment(ledger).error
    assert ledger.state == "failed"
    assert error is not None
    assert error.startswith(f"optimizer 'my_searches:{name}': ")
    assert said in error
    assert not ledger.history().trials


def test_what_a_search_raises_ends_the_experiment_with_its_traceback(
    experiment_with: Callable[[str], Ledger],
):
    ledger = experiment_with("Broken")

    tasks.advance(ledger.id)
    answer(ledger)

    error = Experiment(ledger).error
    assert ledger.state == "failed"
    assert error is not None
    assert "update raised RuntimeError: it cannot learn [that]" in error.splitlines()[0]
    assert "my_searches.py" in error
    assert len(ledger.history().trials) == 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_whole_of_it_runs_from_the_command_line(
    searches: Path, make_config: Callable[..., ExperimentConfig], tmp_path: Path
):
    config = make_config({"hyperparameter_optimizer.type": "my_searches:Middle"})
    path = tmp_path / "middle.json"
    path.write_text(json.dumps(config.to_json()))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AMC_")}
    environment = {
        **kept,
        "AMC_SHARED_DIR": str(tmp_path / "shared"),
        "AMC_ALLOW_MODULES": "my_searches",
        "PYTHONPATH": str(searches),
        "OMP_NUM_THREADS": "1",
    }

    command = [sys.executable, "-m", "amc", "run", str(path), "--workers", "2", "--json"]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert finished.returncode == 0, finished.stderr
    document = json.loads(finished.stdout)
    assert [trial["state"] for trial in document["trials"]] == ["completed"] * 4
    assert document["best"]["hyperparameters"] == {"learning_rate": pytest.approx(0.00505)}
