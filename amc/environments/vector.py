"""The contract of a vector environment: several copies of one environment, stepped together.

What the algorithms see. A backend implements it (`gymnasium_backend`, `envpool_backend`), a
normaliser wraps it (`normalization`). Nothing here knows gymnasium's own vector environments: an
episode that ends is reset within the same step, so no row is ever a stale reset (facts: autoreset
at the next step makes one bogus transition per episode).

    N      number of environments
    *obs   shape of one observation
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from amc.errors import EnvironmentFault

Observations = NDArray[np.float32]


class Step(NamedTuple):
    """What one step of all environments brought, as the learner sees it and as it was.

    `terminated` and `truncated` are never both true. The arrays are new in every step; without an
    end of an episode `next_observation` is the same array as `observation`, and where nothing
    normalises the raw arrays are the others, so none is to be written in.

    Attributes:
        observation: float32 [N, *obs], what the next action answers to; where an episode ended, the
            first observation of the next one.
        reward: float64 [N], in the units the learner sees.
        terminated: bool [N], the task ended: there is no value beyond.
        truncated: bool [N], time ran out: the value of `next_observation` still counts.
        next_observation: float32 [N, *obs], the state that the action led to; where an episode
            ended, its true last observation.
        raw_observation: `observation` before it was normalised.
        raw_reward: float64 [N], `reward` before it was normalised.
        raw_next_observation: `next_observation` before it was normalised.
    """

    observation: Observations
    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    next_observation: Observations
    raw_observation: Observations
    raw_reward: NDArray[np.float64]
    raw_next_observation: Observations

    @classmethod
    def unnormalized(
        cls,
        observation: Observations,
        reward: NDArray[np.float64],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        next_observation: Observations,
    ) -> Self:
        """A step that nothing normalised: the raw values are the values."""
        return cls(
            observation,
            reward,
            terminated,
            truncated,
            next_observation,
            observation,
            reward,
            next_observation,
        )


class Episode(NamedTuple):
    """A finished episode.

    Attributes:
        reward: sum of the environment's own rewards, never normalised.
        length: steps.
    """

    reward: float
    length: int


class Ended(NamedTuple):
    """An end of an episode.

    Attributes:
        copy: which environment's.
        episode: the episode.
        is_truncated: whether time ran out.
    """

    copy: int
    episode: Episode
    is_truncated: bool


Play = Callable[[Observations, NDArray[np.int64]], Iterator[list[Ended]]]
"""Who plays on from first observations until each copy has ended so many episodes, quota [N].

It yields what has ended, in order, at bounded intervals.
"""


class VectorEnvironment(ABC):
    """N copies of one environment, with same-step autoreset and an exact state.

    Attributes:
        n_envs: how many copies.
        observation_space: of ONE environment, as the learner sees it: a flat float32 Box.
        action_space: of ONE environment: a flat Box of floats, or Discrete or MultiDiscrete counted
            from 0.
        backend: what really runs, for example `gymnasium 1.4.0 LunarLander-v3`.
        is_normalized: whether a learner sees other values than the raw ones.
        reward_threshold: the mean return at which its makers call it solved, if they do.
        bound: steps after which an episode is truncated for want of any limit of its own; None
            where there is one, or where episodes may last for ever.
    """

    n_envs: int
    observation_space: spaces.Box
    action_space: spaces.Box | spaces.Discrete | spaces.MultiDiscrete
    backend: str
    is_normalized: bool = False
    reward_threshold: float | None = None
    bound: int | None = None

    @abstractmethod
    def reset(self) -> Observations:
        """Begin a new episode in every environment.

        Returns:
            float32 [N, *obs] first observations.
        """

    @abstractmethod
    def step(self, actions: NDArray[Any]) -> Step:
        """Act once in every environment and reset those whose episode ended.

        Args:
            actions: float [N, *action] for a Box, clipped to its bounds here; int64 [N] for
                Discrete, [N, K] for MultiDiscrete.

        Raises:
            ShapeError: the actions have another shape.
            EnvironmentFault: an action, observation or reward is not finite, or the environment
                failed.
        """

    @property
    @abstractmethod
    def raw_observation(self) -> Observations:
        """The present observation, [N, *obs], before it was normalised."""

    def normalize_observation(self, raw: Observations) -> Observations:
        """Raw observations [B, *obs] as the learner would see them now; what is remembered is raw.

        Nothing is learned from them: the statistics stay as they are.
        """
        return raw

    def normalize_reward(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Raw rewards [B] as the learner would be paid them now."""
        return raw

    @abstractmethod
    def pop_episodes(self) -> list[Episode]:
        """Episodes finished since the last call, in order of time, then of environment."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything that the coming steps depend on; plain values and torch tensors only."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where `state` was taken: the coming steps have the same bits.

        Raises:
            EnvironmentFault: the state belongs to another environment, backend or number of copies.
        """

    @abstractmethod
    def fork(self, state: dict[str, Any]) -> None:
        """Take over what outlives an episode, as a normaliser's statistics do, and nothing else.

        The next reset begins episodes of this environment's own seed.

        Raises:
            EnvironmentFault: the state belongs to another environment, backend or number of copies.
        """

    def render(self) -> NDArray[np.uint8]:
        """A picture of the first environment, uint8 [height, width, 3].

        Raises:
            EnvironmentFault: it was not made with `render_mode="rgb_array"`, or cannot draw here.
        """
        raise EnvironmentFault(
            f"{self.backend}: it draws no pictures. Make it with make_evaluation and "
            'render_mode="rgb_array".'
        )

    @abstractmethod
    def close(self) -> None:
        """Free what the environments hold; calling it twice does no harm."""


def ended_by(step: Step, environment: VectorEnvironment) -> list[Ended]:
    """The ends of episodes that a step brought; they are popped.

    Raises:
        EnvironmentFault: the environment reports other episodes than its step ended.
    """
    ended, episodes = np.flatnonzero(step.terminated | step.truncated), environment.pop_episodes()
    if len(ended) != len(episodes):
        raise EnvironmentFault(
            f"evaluation: the environment ended {len(ended)} episodes in a step "
            f"but reported {len(episodes)}. Its pop_episodes must return one per end, in order."
        )
    return [
        Ended(copy, episode, bool(step.truncated[copy]))
        for copy, episode in zip(ended.tolist(), episodes, strict=True)
    ]
