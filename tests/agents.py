"""Agents for tests: trained for a moment, once for every combination of a session."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.playback import Agent, load
from amc.training.trial import TrialContext, TrialOutcome
from amc.workers.base import BaseWorker

ALGORITHMS: dict[str, dict[str, Any]] = {
    "ppo": {"n_envs": 2, "n_steps": 64, "batch_size": 64, "n_epochs": 2},
    "ddpg": {"batch_size": 16, "hidden_sizes": [16, 16], "learning_starts": 50},
}


@dataclass(frozen=True)
class Trained:
    """A directory as `amc train` writes one, and what came of the training."""

    directory: Path
    outcome: TrialOutcome

    def agent(self) -> Agent:
        return load(self.directory)


Train = Callable[..., Trained]


def trainer(directories: pytest.TempPathFactory) -> Train:
    """Who trains; the same arguments give the same training."""

    @cache
    def train(
        algorithm: str = "ppo",
        name: str = "CartPole-v1",
        wrappers: tuple[str, ...] = ("normalize_observation", "normalize_reward"),
        steps: int = 256,
        limit: int | None = 60,
    ) -> Trained:
        config = ConfigLoader().from_mapping(
            {
                "experiment_name": "played",
                "algorithm": algorithm,
                "algorithm_config": ALGORITHMS[algorithm],
                "environment": {
                    "name": name,
                    "wrappers": list(wrappers),
                    "max_episode_steps": limit,
                },
                "training": {
                    "total_timesteps": steps,
                    "eval_freq": 128,
                    "save_freq": 128,
                    "eval_episodes": 3,
                },
            }
        )
        directory = directories.mktemp("trained")
        context = TrialContext.standalone(config.seed, directory)
        return Trained(directory, BaseWorker(0, config, directory, trial=context).run())

    return train
