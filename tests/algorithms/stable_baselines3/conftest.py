"""Learners of Stable-Baselines3 in tiny environments."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from amc.algorithms.base import algorithm_class
from amc.config.loader import ConfigLoader
from amc.environments.normalization import NormalizeObservation, NormalizeReward

NETWORK = {"policy_kwargs": {"net_arch": [8]}}
REPLAY = NETWORK | {"learning_starts": 30, "batch_size": 8}
# By algorithm: small, and with what has a state of its own.
SMALL: dict[str, dict[str, Any]] = {
    "sb3:PPO": NETWORK | {"n_envs": 2, "n_steps": 16, "batch_size": 16, "n_epochs": 2},
    "sb3:A2C": NETWORK | {"n_envs": 2},
    "sb3:TRPO": NETWORK | {"n_steps": 32, "batch_size": 16},
    "sb3:RecurrentPPO": {
        "policy_kwargs": {"net_arch": [8], "lstm_hidden_size": 4, "n_lstm_layers": 2},
        **{"n_envs": 2, "n_steps": 16, "batch_size": 16, "n_epochs": 1},
    },
    "sb3:DQN": REPLAY | {"target_update_interval": 20, "n_envs": 2, "exploration_fraction": 1.0},
    "sb3:QRDQN": REPLAY | {"target_update_interval": 20},
    "sb3:DDPG": REPLAY | {"action_noise": {"type": "ou"}},
    "sb3:TD3": REPLAY | {"action_noise": {"type": "ou"}, "n_envs": 2},
    "sb3:SAC": REPLAY | {"use_sde": True},
    "sb3:TQC": REPLAY,
    "sb3:CrossQ": REPLAY,
}
WORLDS = dict.fromkeys(("sb3:DQN", "sb3:QRDQN"), "guess")


@pytest.fixture
def make_sb3(worlds) -> Callable[..., Any]:
    """A factory of learners: the algorithm, changes of its hyperparameters, dotted overrides."""

    def make(
        algorithm: str,
        changes: dict[str, Any] | None = None,
        overrides: dict[str, Any] | None = None,
        *,
        world: str | None = None,
        seed: int = 0,
        normalized: bool = False,
    ) -> Any:
        name = "CartPole-v1" if algorithm in WORLDS else "Pendulum-v1"
        loader = ConfigLoader()
        config = loader.from_mapping(
            {
                "experiment_name": "test",
                "algorithm": algorithm,
                "environment": {"name": name},
                "algorithm_config": SMALL[algorithm] | (changes or {}),
                "training": {"total_timesteps": 120, "device": "cpu"},
            }
        )
        config = loader.apply_overrides(config, overrides or {})
        world = world or WORLDS.get(algorithm, "follow")
        environment = worlds[world](config.algorithm_config.n_envs, seed=seed)
        if normalized:
            environment = NormalizeReward(NormalizeObservation(environment), gamma=0.9)
        return algorithm_class(algorithm)(environment, config, np.random.SeedSequence(seed))

    return make
