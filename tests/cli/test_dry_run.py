import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result as Outcome

from amc.cli import dry_run
from amc.client import resolved
from amc.config.loader import ConfigLoader
from amc.driver.planning import plan
from amc.ledger import History

Amc = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr("amc.forecast._MEASURED_S", 0.1)


def test_a_dry_run_says_what_would_be_tried_and_how_long_it_takes_and_leaves_nothing(
    amc: Amc, config_path: Path, shared: Path
):
    outcome = amc("submit", config_path, "--dry-run")

    assert outcome.exit_code == 0, outcome.output
    rows = outcome.stdout.splitlines()
    assert "search space     learning_rate: 0.0001 to 0.01, log scale" in rows
    assert "trials           random search, 4 trials" in rows
    assert [row for row in rows if row.startswith("tried first      0: learning_rate=")]
    assert next(row for row in rows if row.startswith("estimate ")).endswith(" cores")
    assert "kernel fast" in outcome.stdout
    assert "4 workers that amc up starts" in outcome.stdout
    assert "Nothing was recorded" in outcome.stderr
    assert not shared.exists()


def test_its_document_has_the_very_trials_that_the_driver_opens(
    amc: Amc, config_path: Path, shared: Path
):
    words = ["--set", "training.total_timesteps=4096", "--set", "seed=7"]

    document = json.loads(amc("submit", config_path, "--dry-run", "--json", *words).stdout)

    config = resolved(ConfigLoader().from_mapping(document["config"]))
    opened = plan(config, History()).trials
    assert [(one["hyperparameters"], one["seed"]) for one in document["first"]] == [
        (trial.hyperparameters, trial.seed) for trial in opened
    ]
    assert document["config"]["training"]["total_timesteps"] == 4096
    assert document["trials"] == 4
    low, high = document["estimate"]["seconds"]
    assert 0 < low <= high


def test_a_dry_run_of_a_wrong_config_exits_with_2(amc: Amc, tmp_path: Path):
    outcome = amc("submit", tmp_path / "nothing.json", "--dry-run")

    assert (outcome.exit_code, outcome.stdout) == (2, "")


def test_of_an_object_in_a_config_each_setting_is_told_by_its_path():
    values = {"policy_kwargs": {"net_arch": [8, 8]}, "kwargs": {}, "gamma": 0.9}

    told = list(dry_run._pairs(values))

    assert told == ["policy_kwargs.net_arch [8, 8]", "kwargs {}", "gamma 0.9"]
