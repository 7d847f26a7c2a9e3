"""envpool's C++ environments, in this process and on one thread, with same-step autoreset.

envpool resets at the next step; here the environments whose episode ended are reset at once, by
their numbers. It fixes seeds when it is made and has no state to read, so an exact state is
everything that was done since: restoring makes it anew with the same seeds and repeats every
action. That takes about as long as the environments took so far, which is why `auto` does not
choose this backend.

Importing envpool takes one to two seconds: `factory` loads this module only where a config asks
for it.
"""

import warnings
from typing import Any

import envpool
import numpy as np
import torch
from gymnasium import spaces
from numpy.random import SeedSequence
from numpy.typing import NDArray

from amc.config.known.environments import KNOWN
from amc.environments.actions import action_layout
from amc.environments.bookkeeping import (
    FinishedEpisodes,
    check_finite,
    check_same_environment,
    warn_of_other_observations,
)
from amc.environments.episode_seeds import EpisodeSeeds
from amc.environments.observations import observation_layout
from amc.environments.vector import Episode, Observations, Step, VectorEnvironment
from amc.errors import EnvironmentFault


class EnvpoolVector(VectorEnvironment):
    """N environments of an envpool.

    Args:
        name: envpool's id.
        n_envs: how many.
        seed: one seed per environment comes from it.
        max_episode_steps: where an episode is truncated; None for envpool's own limit.
        keywords: further settings of the environment, as envpool names them.

    Raises:
        EnvironmentFault: envpool has no such environment, or refuses the settings.
    """

    def __init__(
        self,
        name: str,
        n_envs: int,
        *,
        seed: SeedSequence,
        max_episode_steps: int | None,
        keywords: dict[str, Any],
    ) -> None:
        self.n_envs = n_envs
        self.reward_threshold = KNOWN[name].reward_threshold if name in KNOWN else None
        self.backend = f"envpool {envpool.__version__} {name}"
        self._name = name
        self._identity = f"envpool {name}"
        self._keywords = keywords
        self._limit = {} if max_episode_steps is None else {"max_episode_steps": max_episode_steps}
        seeds = EpisodeSeeds(seed, n_envs)
        # A single seed s would give environment i the seed s + i, shared with its neighbours'.
        self._seeds = [seeds.seed(i, 0) for i in range(n_envs)]
        self._start()
        observation_space, action_space = self._spaces
        self.observation_space, self._read, self._as_is = observation_layout(
            observation_space, name
        )
        self._actions = action_layout(action_space, n_envs, name)
        self.action_space = self._actions.space
        self._action_type = action_space.dtype
        is_small = isinstance(action_space, spaces.Discrete) and action_space.n <= 256
        self._stored_type = np.uint8 if is_small else action_space.dtype
        self._observation = np.zeros((n_envs, *self.observation_space.shape), np.float32)

    def reset(self) -> Observations:
        """Begin a new episode in every environment."""
        self._resets.append(len(self._taken))
        self._returns[:] = 0.0
        self._lengths[:] = 0
        self._observation = self._flat(self._pool.reset()[0])
        return self._observation

    def step(self, actions: NDArray[Any]) -> Step:
        """Act once in every environment and reset those whose episode ended."""
        return self._act(np.asarray(self._actions.prepare(actions)))

    @property
    def raw_observation(self) -> Observations:
        """What the last reset or step led to."""
        return self._observation

    def pop_episodes(self) -> list[Episode]:
        """Episodes finished since the last call."""
        return self._finished.pop()

    def state_dict(self) -> dict[str, Any]:
        """Every action taken since the environments were made, and when all of them were reset."""
        return {
            "environment": self._identity,
            "n_envs": self.n_envs,
            "resets": list(self._resets),
            "actions": torch.from_numpy(np.array(self._taken, self._stored_type)),
            "observation": torch.from_numpy(self._observation.copy()),
            "finished": self._finished.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Make the environments anew and do everything again."""
        check_same_environment(state, self._identity, self.n_envs)
        self._start()
        actions = state["actions"].numpy().astype(self._action_type)
        done = 0
        for after in [*state["resets"], len(actions)]:
            for chosen in actions[done:after]:
                self._act(chosen)
            done = after
            if len(self._resets) < len(state["resets"]):
                self.reset()
        self._finished.load_state_dict(state["finished"])
        warn_of_other_observations(self._observation, state["observation"].numpy(), self.backend)

    def fork(self, state: dict[str, Any]) -> None:
        """Nothing outlives an episode here."""
        check_same_environment(state, self._identity, self.n_envs)

    def close(self) -> None:
        """Close the pool."""
        self._pool.close()

    def _start(self) -> None:
        """Make the pool, in which nothing has happened yet."""
        try:
            with warnings.catch_warnings():
                # gymnasium's Box mentions that envpool's bounds lose precision.
                warnings.simplefilter("ignore", UserWarning)
                self._pool = envpool.make(
                    self._name,
                    env_type="gymnasium",
                    num_envs=self.n_envs,
                    num_threads=1,
                    seed=self._seeds,
                    **self._limit,
                    **self._keywords,
                )
                self._spaces = self._pool.observation_space, self._pool.action_space
        except (AssertionError, TypeError, ValueError, RuntimeError) as error:
            raise EnvironmentFault(
                f"environment.name: envpool {envpool.__version__} cannot make {self._name!r} with "
                f"{self._keywords}: {str(error).splitlines()[0]} Check environment.kwargs, or set "
                "environment.backend to gymnasium."
            ) from error
        self._taken: list[NDArray[Any]] = []
        self._resets: list[int] = []
        self._returns = np.zeros(self.n_envs)
        self._lengths = np.zeros(self.n_envs, np.int64)
        self._finished = FinishedEpisodes()

    def _act(self, chosen: NDArray[Any]) -> Step:
        self._taken.append(chosen)
        raw, reward, terminated, truncated, _ = self._pool.step(chosen)
        observation = self._flat(raw)
        reward = reward.astype(np.float64)
        self._lengths += 1
        check_finite(observation, reward, self._name, self._lengths)
        self._returns += reward
        truncated &= ~terminated
        ended = np.flatnonzero(terminated | truncated)
        self._observation = self._next_episodes(observation, ended) if ended.size else observation
        return Step.unnormalized(self._observation, reward, terminated, truncated, observation)

    def _next_episodes(self, observation: Observations, ended: NDArray[np.intp]) -> Observations:
        """Note the episodes that ended and begin the next ones in a copy of `observation`."""
        for i in ended.tolist():
            self._finished.add(float(self._returns[i]), int(self._lengths[i]))
        self._returns[ended] = 0.0
        self._lengths[ended] = 0
        raw, info = self._pool.reset(ended.astype(np.int32))
        following = observation.copy()
        following[info["env_id"]] = self._flat(raw)
        return following

    def _flat(self, raw: NDArray[Any]) -> Observations:
        """Raw observations [n, ...] of some environments as float32 [n, *obs]."""
        if self._as_is:
            return raw.astype(np.float32)
        flat = np.empty((len(raw), *self.observation_space.shape), np.float32)
        for one, vector in zip(raw, flat, strict=True):
            self._read(one, vector)
        return flat
