"""Small trainings for the workers' tests."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.ledger import Trial
from amc.training.trial import TrialContext

CONFIGS: dict[str, dict[str, Any]] = {
    "ppo": {
        "experiment_name": "small-ppo",
        "algorithm": "ppo",
        "algorithm_config": {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 2},
        "environment": {"name": "CartPole-v1", "max_episode_steps": 60},
        "training": {"total_timesteps": 512, "eval_freq": 128, "save_freq": 192},
    },
    "ddpg": {
        "experiment_name": "small-ddpg",
        "algorithm": "ddpg",
        "algorithm_config": {"batch_size": 16, "hidden_sizes": [16, 16], "learning_starts": 50},
        "environment": {"name": "Pendulum-v1", "max_episode_steps": 40},
        "training": {"total_timesteps": 260, "eval_freq": 100, "save_freq": 90},
    },
}
for _algorithm in ("ppo", "ddpg"):
    CONFIGS[f"normalised {_algorithm}"] = CONFIGS[_algorithm] | {
        "environment": {
            "name": "Pendulum-v1",
            "max_episode_steps": 40,
            "wrappers": ["normalize_observation", "normalize_reward"],
        },
    }


@pytest.fixture
def small() -> Callable[..., ExperimentConfig]:
    """A factory of trainings that take a fraction of a second; dotted overrides."""

    def make(algorithm: str, overrides: dict[str, Any] | None = None) -> ExperimentConfig:
        loader = ConfigLoader()
        config = loader.from_mapping(CONFIGS[algorithm], source="test")
        return loader.apply_overrides(config, {"training.eval_episodes": 2} | (overrides or {}))

    return make


@pytest.fixture
def attempts(tmp_path) -> Callable[..., TrialContext]:
    """A factory of the successive attempts at one trial, in a directory of its own."""
    made = 0

    def make(hyperparameters: dict[str, Any] | None = None, **hooks: Any) -> TrialContext:
        nonlocal made
        made += 1
        context = TrialContext(
            trial=Trial(number=7, hyperparameters=hyperparameters or {}, seed=11),
            attempt=made,
            directory=tmp_path / "trials" / "0007",
            tensorboard=tmp_path / "tensorboard" / "0007",
        )
        return replace(context, **hooks)

    return make


@pytest.fixture
def killed() -> Callable[..., str]:
    """Fork, let the child work and report lines, and kill it -9 at the first line that will do."""

    def run(work: Callable[[Callable[..., None]], None], will_do: Callable[[str], bool]) -> str:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                work(lambda *words: os.write(writer, f"{' '.join(map(str, words))}\n".encode()))
            finally:
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader) as lines:
            found = next(filter(will_do, lines), "")
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        assert found and os.WTERMSIG(status) == signal.SIGKILL, "it ended before it could be killed"
        return found

    return run
