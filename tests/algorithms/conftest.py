"""Tiny environments with known answers, and the learners that live in them."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete, MultiDiscrete

from amc.algorithms.base import Algorithm, algorithm_class
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.environments.vector import Episode, Step, VectorEnvironment

torch.set_num_threads(1)


class TinyEnvironment(VectorEnvironment):
    """Base: episodes of fixed length, cut off by time unless `terminates`."""

    backend = "tiny"

    def __init__(self, n_envs: int = 4, *, seed: int = 0, length: int = 5) -> None:
        self.n_envs = n_envs
        self.length = length
        self.terminates = False
        self.generator = np.random.default_rng(seed)
        self.time = np.zeros(n_envs, dtype=int)
        self.observation = self.draw()
        self.given: list[np.ndarray] = []

    def draw(self) -> np.ndarray:
        raise NotImplementedError

    def reward(self, actions: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def reset(self) -> np.ndarray:
        self.time[:] = 0
        self.observation = self.draw()
        return self.observation

    def step(self, actions: np.ndarray) -> Step:
        self.given.append(actions)
        reward = self.reward(actions)
        self.time += 1
        ended = self.time % self.length == 0
        next_observation = self.draw()
        self.observation = np.where(ended[:, None], self.draw(), next_observation)
        terminated = ended & self.terminates
        return Step.unnormalized(
            self.observation, reward, terminated, ended & ~terminated, next_observation
        )

    @property
    def raw_observation(self) -> np.ndarray:
        return self.observation

    def pop_episodes(self) -> list[Episode]:
        return []

    def state_dict(self) -> dict[str, Any]:
        return {
            "generator": self.generator.bit_generator.state,
            "time": torch.tensor(self.time),
            "observation": torch.tensor(self.observation),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.bit_generator.state = state["generator"]
        self.time = state["time"].numpy().copy()
        self.observation = state["observation"].numpy().copy()

    def fork(self, state: dict[str, Any]) -> None:
        pass

    def close(self) -> None:
        pass


class Guess(TinyEnvironment):
    """Reward 1 for naming which of four entries is 1."""

    observation_space = Box(0, 1, (4,))
    action_space = Discrete(4)

    def draw(self) -> np.ndarray:
        return np.eye(4, dtype=np.float32)[self.generator.integers(4, size=self.n_envs)]

    def reward(self, actions: np.ndarray) -> np.ndarray:
        return (self.observation.argmax(axis=1) == actions).astype(float)


class GuessTwice(TinyEnvironment):
    """Half a reward for naming which of three entries is 1, half for which of the other two."""

    observation_space = Box(0, 1, (5,))
    action_space = MultiDiscrete([3, 2])

    def draw(self) -> np.ndarray:
        choices = [np.eye(n)[self.generator.integers(n, size=self.n_envs)] for n in (3, 2)]
        return np.concatenate(choices, axis=1).astype(np.float32)

    def reward(self, actions: np.ndarray) -> np.ndarray:
        right = [self.observation[:, :3].argmax(axis=1), self.observation[:, 3:].argmax(axis=1)]
        return (np.stack(right, axis=1) == actions).mean(axis=1)


class Follow(TinyEnvironment):
    """The nearer the action to 1 + observation / 2, the better; actions lie in [0, 2]."""

    observation_space = Box(-1, 1, (1,))
    action_space = Box(0, 2, (1,))

    def draw(self) -> np.ndarray:
        return self.generator.uniform(-1, 1, (self.n_envs, 1)).astype(np.float32)

    def reward(self, actions: np.ndarray) -> np.ndarray:
        clipped = np.clip(actions, self.action_space.low, self.action_space.high)
        return -np.square(clipped - 1 - self.observation / 2).sum(axis=1).astype(float)


class Salary(Follow):
    """Reward 1 whatever is done, in a world that never changes: its value is 1 / (1 - gamma)."""

    amount = 1.0

    def draw(self) -> np.ndarray:
        return np.ones((self.n_envs, 1), dtype=np.float32)

    def reward(self, actions: np.ndarray) -> np.ndarray:
        return np.full(self.n_envs, self.amount)


@pytest.fixture
def worlds() -> dict[str, type[TinyEnvironment]]:
    """The tiny environments by name."""
    return {"guess": Guess, "twice": GuessTwice, "follow": Follow, "salary": Salary}


@pytest.fixture
def make_experiment() -> Callable[..., ExperimentConfig]:
    """A factory of configs: the algorithm, its hyperparameters, and dotted overrides."""

    def make(
        algorithm: str, hyperparameters: dict[str, Any], overrides: dict[str, Any] | None = None
    ) -> ExperimentConfig:
        loader = ConfigLoader()
        config = loader.from_mapping(
            {
                "experiment_name": "test",
                "algorithm": algorithm,
                "environment": {"name": {"ppo": "CartPole-v1", "ddpg": "Pendulum-v1"}[algorithm]},
                "algorithm_config": hyperparameters,
                "training": {"total_timesteps": 1000, "device": "cpu", "kernel": "reference"},
            },
            source="test",
        )
        return loader.apply_overrides(config, overrides or {})

    return make


@pytest.fixture
def make_learner(
    worlds: dict[str, type[TinyEnvironment]], make_experiment: Callable[..., ExperimentConfig]
) -> Callable[..., Any]:
    """A factory of algorithms in a tiny environment, all of their randomness from one seed."""

    def make(
        algorithm: str,
        world: str,
        hyperparameters: dict[str, Any],
        overrides: dict[str, Any] | None = None,
        seed: int = 0,
    ) -> Algorithm:
        config = make_experiment(algorithm, hyperparameters, overrides)
        environment = worlds[world](config.algorithm_config.n_envs, seed=seed)
        return algorithm_class(algorithm)(environment, config, np.random.SeedSequence(seed))

    return make


@pytest.fixture
def train() -> Callable[[Algorithm], list[dict[str, float]]]:
    """Train an algorithm to its end and give back the metrics of each iteration."""

    def run(algorithm: Algorithm) -> list[dict[str, float]]:
        metrics = []
        while not algorithm.is_finished:
            metrics.append(algorithm.iterate())
        return metrics

    return run


@pytest.fixture
def through_a_file() -> Callable[[Any], Any]:
    """Write a state as a checkpoint does, and read it back."""

    def round_trip(state: Any) -> Any:
        file = io.BytesIO()
        torch.save(state, file)
        file.seek(0)
        return torch.load(file, weights_only=True)

    return round_trip


@pytest.fixture
def weights() -> Callable[[Algorithm], torch.Tensor]:
    """Every parameter of an algorithm in one tensor."""

    def collect(algorithm: Algorithm) -> torch.Tensor:
        items = algorithm.named_parameters()
        return torch.cat([tensor.detach().flatten() for _, tensor in items])

    return collect
