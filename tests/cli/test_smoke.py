from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result as Outcome

from amc.cli.smoke import tiny
from amc.config.loader import ConfigLoader
from amc.driver.budget import budget

_DIRECTORY = Path(__file__).parents[2] / "configs"
CONFIGS = sorted([*_DIRECTORY.glob("*.json"), *_DIRECTORY.glob("presets/*.json")])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_smoke_test_is_one_trial_of_one_update_and_one_evaluation(path: Path):
    config = ConfigLoader().load_config(path)

    found = tiny(config)

    settings, training = found.algorithm_config, found.training
    assert budget(found).trials == 1
    assert training.eval_freq == training.total_timesteps <= 16 * 1024
    assert training.total_timesteps > getattr(settings, "learning_starts", 0)
    assert (training.eval_episodes, training.max_attempts) == (1, 1)
    assert (found.environment, found.optimizer) == (config.environment, config.optimizer)
    assert found.experiment_name == f"smoke-{config.experiment_name}"


def test_who_evaluates_nothing_evaluates_nothing_here_either(config_path: Path):
    overrides = {"training.eval_freq": None, "hyperparameter_optimizer": None}
    config = ConfigLoader().load_config(config_path, overrides=overrides)

    assert tiny(config).training.eval_freq is None


def test_without_workers_it_says_so_and_records_nothing(
    amc: Callable[..., Outcome], config_path: Path, shared: Path
):
    outcome = amc("submit", config_path, "--smoke")

    assert outcome.exit_code == 3
    assert "amc up" in outcome.stderr
    assert not list(shared.glob("*"))


def test_a_dry_run_is_no_smoke_test(amc: Callable[..., Outcome], config_path: Path):
    outcome = amc("submit", config_path, "--smoke", "--dry-run")

    assert outcome.exit_code == 2
    assert "Give one" in outcome.stderr
