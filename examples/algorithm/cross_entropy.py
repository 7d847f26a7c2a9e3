"""The cross-entropy method: draw policies, play them, and draw again around the best of them.

    repeat: w_i ~ N(mu, sigma^2), i = 1 ... n_envs;  R_i = what w_i earns in n_steps steps
            mu, sigma <- mean and standard deviation of the best w_i
            sigma <- sigma + extra_std (1 - t / T)

A policy is linear: the best of `observation @ W + b`, or that vector itself. Source: Szita and
Lorincz 2006, https://doi.org/10.1162/neco.2006.18.12.2936.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, cast

import numpy as np
import torch
from gymnasium.spaces import Box
from numpy.typing import NDArray
from pydantic import Field

from amc.algorithms.base import Algorithm, Mark, Metrics, ignore
from amc.algorithms.random_streams import generator, generator_state, restore_generator
from amc.algorithms.spaces import policy_size
from amc.config.fields import INTEGRAL, MAY_CHANGE, Count, NotNegative, Positive
from amc.config.hyperparameters import Hyperparameters
from amc.config.schema import ExperimentConfig
from amc.environments import VectorEnvironment

Array = NDArray[np.float32]


class CrossEntropyHyperparameters(Hyperparameters):
    """Of the cross-entropy method; `optimizer` has no effect with it."""

    n_envs: Annotated[int, Field(ge=4, le=1024), INTEGRAL] = 16
    """Policies in a generation, each in an environment of its own."""
    n_steps: Annotated[Count, MAY_CHANGE] = 200
    """Steps that each policy is played."""
    elite_fraction: Annotated[float, Field(gt=0, le=0.5), MAY_CHANGE] = 0.25
    """Share of a generation that the next one is drawn around; at least two policies."""
    initial_std: Positive = 1.0
    """Standard deviation of the first generation's weights."""
    extra_std: Annotated[NotNegative, MAY_CHANGE] = 0.5
    """Added to the standard deviation at first, and to the end of training less and less."""


class CrossEntropy(Algorithm):
    """Arguments as `Algorithm`.

    Attributes:
        mean: float32 [P], weights of the policy that is played.
        std: float32 [P], how far the next generation is spread around it.
    """

    Hyperparameters = CrossEntropyHyperparameters

    def __init__(
        self,
        environment: VectorEnvironment,
        config: ExperimentConfig,
        seed: np.random.SeedSequence,
        mark: Mark = ignore,
    ) -> None:
        super().__init__(environment, config, seed, mark)
        self.settings = cast(CrossEntropyHyperparameters, config.algorithm_config)
        self._shape = (self.observation_size + 1, policy_size(environment.action_space))
        self.mean = torch.zeros(self._shape[0] * self._shape[1])
        self.std = torch.full_like(self.mean, self.settings.initial_std)
        self._draws = generator(seed, 0)

    def iterate(self) -> Metrics:
        """Play one generation; the last one perhaps for fewer steps."""
        n_steps = min(self.settings.n_steps, self.steps_left())
        drawn = self._draws.standard_normal((self.environment.n_envs, len(self.mean)), np.float32)
        policies = self.mean.numpy() + self.std.numpy() * drawn
        earned = self._play(policies, n_steps)
        best = policies[np.argsort(-earned, kind="stable")[: self._n_elite]]
        left = 1 - self.num_timesteps / self.total_timesteps
        self.mean = torch.from_numpy(best.mean(axis=0))
        self.std = torch.from_numpy(best.std(axis=0)) + self.settings.extra_std * left
        metrics = {
            "train/mean_return": float(earned.mean()),
            "train/best_return": float(earned.max()),
            "train/std": float(self.std.mean()),
        }
        self.require_finite(metrics, self.mean)
        return metrics

    def predict(self, observation: Array) -> NDArray[Any]:
        """What the mean policy does."""
        return self._act(self.mean.numpy()[None].repeat(len(observation), 0), observation)

    def named_parameters(self) -> Iterable[tuple[str, torch.Tensor]]:
        """See `Algorithm`."""
        return [("mean", self.mean), ("std", self.std)]

    def generators(self) -> Mapping[int, np.random.Generator]:
        """See `Algorithm`."""
        return {0: self._draws}

    def state_dict(self) -> dict[str, Any]:
        """See `Algorithm`."""
        return super().state_dict() | {
            "mean": self.mean.clone(),
            "std": self.std.clone(),
            "draws": generator_state(self._draws),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Algorithm`."""
        super().load_state_dict(state)
        self.mean, self.std = state["mean"].clone(), state["std"].clone()
        restore_generator(self._draws, state["draws"])

    @property
    def _n_elite(self) -> int:
        return max(2, round(self.settings.elite_fraction * self.environment.n_envs))

    def _play(self, policies: Array, n_steps: int) -> NDArray[np.float64]:
        """What each policy earns per life, [n_envs]: its rewards, shared among its deaths."""
        rewards, deaths = np.zeros(len(policies)), np.zeros(len(policies))
        for _ in range(n_steps):
            step = self.step(self._act(policies, self.observe()))
            rewards += step.reward
            deaths += step.terminated
        return rewards / np.maximum(1, deaths)

    def _act(self, policies: Array, observation: Array) -> NDArray[Any]:
        """The action of policy i, of [B, P], for observation i, of [B, D]."""
        weights = policies.reshape(-1, *self._shape)
        # Row by row, so that no bit depends on how many there are.
        scores = (observation[:, :, None] * weights[:, :-1]).sum(axis=1) + weights[:, -1]
        if isinstance(self.environment.action_space, Box):
            return scores
        return scores.argmax(axis=1)
