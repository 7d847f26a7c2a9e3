"""Gymnasium environments stepped one after the other in this process.

The environments come without gymnasium's checker, order and time-limit wrappers: the step is a bare
method call and the limit is counted here.

An exact state needs no help from the environment: each episode begins with a seed of its own
(`EpisodeSeeds`) and its actions are kept, so a restored environment resets with the same seed and
acts the same again. That costs at most one episode of steps per environment, and holds for every
environment whose episode depends on its seed and its actions only.
"""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from amc.environments.episodes import (
    FinishedEpisodes,
    check_finite,
    check_same_environment,
    warn_of_other_observations,
)
from amc.environments.seeding import EpisodeSeeds
from amc.environments.spaces import action_layout, observation_layout
from amc.environments.vector import Episode, Observations, Step, VectorEnvironment
from amc.errors import EnvironmentFault

NO_LIMIT = 2**63

MakeOne = Callable[[], gymnasium.Env[Any, Any]]


class GymnasiumVector(VectorEnvironment):
    """N gymnasium environments in one process, stepped in turn.

    Args:
        make_one: makes one environment, without a time limit.
        n_envs: how many.
        seed: every episode's seed comes from it.
        name: of the environment, for messages and `backend`.
        max_episode_steps: where an episode is truncated; None for never.
        bound: where it is truncated if `max_episode_steps` is None.
    """

    def __init__(
        self,
        make_one: MakeOne,
        n_envs: int,
        *,
        seed: np.random.SeedSequence,
        name: str,
        max_episode_steps: int | None,
        bound: int | None = None,
    ) -> None:
        self.n_envs = n_envs
        self.backend = f"gymnasium {gymnasium.__version__} {name}"
        self._identity = f"gymnasium {name}"
        self._name = name
        self._environments = [make_one() for _ in range(n_envs)]
        first = self._environments[0]
        self.observation_space, self._flatten = observation_layout(first.observation_space, name)
        self._actions = action_layout(first.action_space, n_envs, name)
        self.action_space = self._actions.space
        self._steppers = [environment.step for environment in self._environments]
        self._shape = (n_envs, *self.observation_space.shape)
        self.reward_threshold = first.spec.reward_threshold if first.spec else None
        self.bound = bound if max_episode_steps is None else None
        self._limit = max_episode_steps or self.bound or NO_LIMIT
        self._seeds = EpisodeSeeds(seed, n_envs)
        self._episodes = [-1] * n_envs
        self._returns = [0.0] * n_envs
        self._lengths = [0] * n_envs
        self._taken: list[list[Any]] = [[] for _ in range(n_envs)]
        self._observation = np.zeros(self._shape, np.float32)
        self._finished = FinishedEpisodes()
        self._no_reward = np.zeros(n_envs)

    def reset(self) -> Observations:
        """Begin a new episode in every environment."""
        observation = np.empty(self._shape, np.float32)
        for i in range(self.n_envs):
            observation[i] = self._begin(i)
        self._observation = observation
        check_finite(observation, self._no_reward, self._name, self._lengths)
        return observation

    def step(self, actions: NDArray[Any]) -> Step:
        """Act once in every environment and reset those whose episode ended."""
        observation = np.empty(self._shape, np.float32)
        terminated = np.zeros(self.n_envs, np.bool_)
        truncated = np.zeros(self.n_envs, np.bool_)
        gains = []
        ended = []
        for i, action in enumerate(self._actions.prepare(actions)):
            gained, is_terminated, is_truncated = self._act(i, action, observation)
            gains.append(gained)
            if is_terminated or is_truncated:
                (terminated if is_terminated else truncated)[i] = True
                ended.append(i)
        reward = np.array(gains, np.float64)
        check_finite(observation, reward, self._name, self._lengths)
        self._observation = self._next_episodes(observation, ended) if ended else observation
        return Step.unnormalized(self._observation, reward, terminated, truncated, observation)

    @property
    def raw_observation(self) -> Observations:
        """What the last reset or step led to."""
        return self._observation

    def pop_episodes(self) -> list[Episode]:
        """Episodes finished since the last call."""
        return self._finished.pop()

    def state_dict(self) -> dict[str, Any]:
        """The episodes' numbers and the actions taken in them, and the observations they led to."""
        return {
            "environment": self._identity,
            "n_envs": self.n_envs,
            "episodes": list(self._episodes),
            "actions": [self._actions.pack(taken) for taken in self._taken],
            "observation": torch.from_numpy(self._observation.copy()),
            "finished": self._finished.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Begin the same episodes again and act the same in them."""
        check_same_environment(state, self._identity, self.n_envs)
        self._finished.load_state_dict(state["finished"])
        observation = np.zeros(self._shape, np.float32)
        for i, (episode, packed) in enumerate(
            zip(state["episodes"], state["actions"], strict=True)
        ):
            if episode >= 0:
                self._replay(i, episode, self._actions.unpack(packed), observation)
        self._observation = observation
        warn_of_other_observations(observation, state["observation"].numpy(), self.backend)

    def render(self) -> NDArray[np.uint8]:
        """A picture of the first environment."""
        try:
            picture: Any = self._environments[0].render()
        except Exception as error:
            raise self._failure(0, "render", error) from error
        return picture if picture is not None else super().render()

    def close(self) -> None:
        """Close every environment."""
        for environment in self._environments:
            environment.close()

    def _begin(self, i: int) -> Any:
        """Start the next episode of environment i; its first observation, flat."""
        self._episodes[i] += 1
        self._returns[i] = 0.0
        self._lengths[i] = 0
        self._taken[i] = []
        seed = self._seeds.seed(i, self._episodes[i])
        try:
            raw, _ = self._environments[i].reset(seed=seed)
        except Exception as error:
            raise self._failure(i, "reset", error) from error
        first = self._flatten(raw) if self._flatten else raw
        if np.shape(first) != self._shape[1:]:
            raise EnvironmentFault(
                f"environment {i} ({self._name}): its observation has shape {np.shape(first)}, "
                f"but its observation_space says {self._shape[1:]}. Mend one of them."
            )
        return first

    def _act(self, i: int, action: Any, into: Observations) -> tuple[float, bool, bool]:
        """Act in environment i, whose observation goes to `into[i]`.

        Returns:
            Reward, and whether the episode terminated or was truncated.
        """
        # An environment may write into the action it is given, so what is kept is a copy.
        self._taken[i].append(action if type(action) is int else action.tobytes())
        try:
            raw, reward, terminated, truncated, _ = self._steppers[i](action)
            into[i] = self._flatten(raw) if self._flatten else raw
        except Exception as error:
            raise self._failure(i, "step", error) from error
        self._lengths[i] = length = self._lengths[i] + 1
        gained = float(reward)
        self._returns[i] += gained
        return gained, terminated, truncated or length >= self._limit

    def _next_episodes(self, observation: Observations, ended: list[int]) -> Observations:
        """Note the episodes that ended and begin the next ones in a copy of `observation`."""
        following = observation.copy()
        for i in ended:
            self._finished.add(self._returns[i], self._lengths[i])
            following[i] = self._begin(i)
        check_finite(following, self._no_reward, self._name, self._lengths)
        return following

    def _replay(self, i: int, episode: int, actions: list[Any], into: Observations) -> None:
        """Begin `episode` of environment i again and act as it did."""
        self._episodes[i] = episode - 1
        into[i] = self._begin(i)
        for action in actions:
            self._act(i, action, into)

    def _failure(self, i: int, call: str, error: Exception) -> EnvironmentFault:
        return EnvironmentFault(
            f"environment {i} ({self._name}): {call} failed after {self._lengths[i]} steps of "
            f"episode {self._episodes[i]}: {type(error).__name__}: {error}. "
            "Mend the environment or its wrappers, or change environment.kwargs."
        )
