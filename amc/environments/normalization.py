"""Normalisers around a vector environment: observations to unit spread, rewards to unit returns.

Both keep running statistics, which belong to the checkpoint and are frozen in evaluation.
Observations are standardised and clipped to +-10. Rewards are divided by the standard deviation of
the discounted return, without subtracting a mean, and clipped to +-10; episodes report raw returns
all the same.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from amc.environments.compiled.running_mean_std import (
    RunningMeanStd,
    add_and_scale,
    add_and_standardize,
    new_running_mean_std,
    scale,
    standardize,
)
from amc.environments.vector import Episode, Observations, Step, VectorEnvironment
from amc.errors import EnvironmentFault

CLIP = 10.0


class Normalizer(VectorEnvironment):
    """A vector environment around another, with running statistics of its own.

    Args:
        inner: the environment whose steps are normalised.
        size: dimensions of what is normalised.
        what: "observation" or "reward", as a state names it.

    Attributes:
        inner: the environment whose steps are normalised.
        statistics: float64 [3, size], see `running_mean_std`.
    """

    is_normalized = True

    def __init__(self, inner: VectorEnvironment, size: int, what: str) -> None:
        self.inner = inner
        self._what = what
        self.n_envs = inner.n_envs
        self.observation_space = inner.observation_space
        self.action_space = inner.action_space
        self.backend = inner.backend
        self.reward_threshold = inner.reward_threshold
        self.bound = inner.bound
        self.statistics = new_running_mean_std(size)

    @property
    def raw_observation(self) -> Observations:
        """The inner environment's."""
        return self.inner.raw_observation

    def normalize_observation(self, raw: Observations) -> Observations:
        """As the inner environment does."""
        return self.inner.normalize_observation(raw)

    def normalize_reward(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """As the inner environment does."""
        return self.inner.normalize_reward(raw)

    def pop_episodes(self) -> list[Episode]:
        """Episodes finished since the last call, with raw returns."""
        return self.inner.pop_episodes()

    def state_dict(self) -> dict[str, Any]:
        """The statistics and the inner environment's state."""
        return {
            "normalizes": self._what,
            "moments": torch.from_numpy(self.statistics.copy()),
            "inner": self.inner.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over statistics and inner state."""
        self._take_statistics(state)
        self.inner.load_state_dict(state["inner"])

    def _take_statistics(self, state: dict[str, Any]) -> None:
        if state.get("normalizes") != self._what:
            raise EnvironmentFault(
                f"checkpoint: it was saved with other environment.wrappers; here {self._what}s are "
                "normalised at this place. Set the wrappers as they were, or start anew."
            )
        self.statistics[:] = state["moments"].numpy()

    def fork(self, state: dict[str, Any]) -> None:
        """Take over the statistics, and what outlives an episode of the inner environment."""
        self._take_statistics(state)
        self.inner.fork(state["inner"])

    def render(self) -> NDArray[np.uint8]:
        """A picture of the first environment."""
        return self.inner.render()

    def close(self) -> None:
        """Close the inner environment."""
        self.inner.close()


class NormalizeObservation(Normalizer):
    """Observations minus their running mean, over their running standard deviation, within +-10.

    The statistics see each `observation` once and never `next_observation`, as in SB3: the last
    observation of an episode is normalised, but not counted.

    Args:
        inner: the environment whose observations are normalised.
        is_frozen: whether the statistics stay as they are, as in evaluation.

    Attributes:
        is_frozen: the same.
    """

    def __init__(self, inner: VectorEnvironment, *, is_frozen: bool = False) -> None:
        super().__init__(inner, inner.observation_space.shape[0], "observation")
        self.observation_space = spaces.Box(-CLIP, CLIP, inner.observation_space.shape, np.float32)
        self.is_frozen = is_frozen
        self._normalize = standardize if is_frozen else add_and_standardize

    def reset(self) -> Observations:
        """Begin new episodes; normalised first observations."""
        return self._normalized(self.inner.reset())

    def step(self, actions: NDArray[Any]) -> Step:
        """Act in the inner environment; both observations are normalised."""
        step = self.inner.step(actions)
        observation = self._normalized(step.observation)
        following = observation
        if step.next_observation is not step.observation:
            following = np.empty_like(observation)
            standardize(self.statistics, step.next_observation, CLIP, following)
        return step._replace(observation=observation, next_observation=following)

    def normalize_observation(self, raw: Observations) -> Observations:
        """With the statistics as they are now."""
        inner = self.inner.normalize_observation(raw)
        out = np.empty_like(inner)
        standardize(self.statistics, inner, CLIP, out)
        return out

    def _normalized(self, raw: Observations) -> Observations:
        out = np.empty_like(raw)
        self._normalize(self.statistics, raw, CLIP, out)
        return out


class NormalizeReward(Normalizer):
    """Rewards over the running standard deviation of the discounted return, within +-10.

    Args:
        inner: the environment whose rewards are normalised.
        gamma: discount of the return; the learner's own.

    Attributes:
        gamma: the same.
        returns: float64 [N, 1], discounted, of the episodes at hand.
    """

    def __init__(self, inner: VectorEnvironment, *, gamma: float) -> None:
        super().__init__(inner, 1, "reward")
        self.gamma = gamma
        self.returns = np.zeros((self.n_envs, 1))

    def reset(self) -> Observations:
        """Begin new episodes, and new returns with them."""
        self.returns[:] = 0.0
        return self.inner.reset()

    def step(self, actions: NDArray[Any]) -> Step:
        """Act in the inner environment; the rewards are normalised."""
        step = self.inner.step(actions)
        reward = np.empty_like(step.reward)
        add_and_scale(self.statistics, step.reward, self.returns, self.gamma, CLIP, reward)
        if step.next_observation is not step.observation:
            self.returns[step.terminated | step.truncated] = 0.0
        return step._replace(reward=reward)

    def normalize_reward(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """With the statistics as they are now."""
        inner = self.inner.normalize_reward(raw)
        out = np.empty_like(inner)
        scale(self.statistics, inner, CLIP, out)
        return out

    def state_dict(self) -> dict[str, Any]:
        """The statistics, the running returns and the inner environment's state."""
        return {**super().state_dict(), "returns": torch.from_numpy(self.returns.copy())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over statistics, running returns and inner state."""
        super().load_state_dict(state)
        self.returns[:] = state["returns"].numpy()


def observation_statistics(
    training: VectorEnvironment | Mapping[str, Any] | None,
) -> RunningMeanStd | None:
    """The observation statistics of an environment or of a `state_dict`; None if it has none."""
    layer: Any = training
    while isinstance(layer, VectorEnvironment):
        if isinstance(layer, NormalizeObservation):
            return layer.statistics
        layer = getattr(layer, "inner", None)
    while layer is not None:
        if layer.get("normalizes") == "observation":
            statistics: RunningMeanStd = layer["moments"].numpy()
            return statistics
        layer = layer.get("inner")
    return None
