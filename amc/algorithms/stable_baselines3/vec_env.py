"""Our environments as SB3 sees one: a `VecEnv`, and a stand-in for its `VecNormalize`.

SB3's replay buffers keep raw values and normalise them when they are sampled, through a
`VecNormalize`. Here normalisers are in the environment already, so `AsVecNormalize` answers for
them, and of the end of an episode a buffer gets the raw observation.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from amc.environments.vector import Observations, Step, VectorEnvironment

Info = dict[str, Any]


class AsVecEnv(VecEnv):  # type: ignore[misc]  # an extra, of which mypy sees nothing
    """A vector environment under SB3's interface.

    Args:
        environment: whose spaces count.
        step: takes actions, and steps the environment.
        reset: the first observations.
        ends_raw: whether an episode's last observation is told as it was before normalisation.
    """

    def __init__(
        self,
        environment: VectorEnvironment,
        step: Callable[[NDArray[Any]], Step],
        reset: Callable[[], Observations],
        *,
        ends_raw: bool,
    ) -> None:
        # Copies, for SB3 seeds the space of actions and draws from it.
        spaces = deepcopy((environment.observation_space, environment.action_space))
        super().__init__(environment.n_envs, *spaces)
        self._step, self._reset, self._ends_raw = step, reset, ends_raw
        self._actions: NDArray[Any] = np.empty(0)
        # Nobody writes in these.
        self._nothing: list[Info] = [{} for _ in range(environment.n_envs)]

    def reset(self) -> Observations:
        """The first observations, [N, D]."""
        return self._reset()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Remember what to do."""
        self._actions = actions

    def step_wait(self) -> tuple[Observations, NDArray[np.float32], NDArray[np.bool_], list[Info]]:
        """Do it: observations, rewards, ends of episodes, and what SB3 asks of these."""
        step = self._step(self._actions)
        ended = step.terminated | step.truncated
        infos = self._nothing
        if ended.any():
            infos = [self._info(step, copy) if ended[copy] else {} for copy in range(len(ended))]
        # A copy: PPO adds the value of what follows to it where time ran out.
        return step.observation, step.reward.astype(np.float32), ended, infos

    def _info(self, step: Step, copy: int) -> Info:
        last = step.raw_next_observation if self._ends_raw else step.next_observation
        return {
            "terminal_observation": last[copy],
            "TimeLimit.truncated": bool(step.truncated[copy]),
        }

    def close(self) -> None:
        """The environment is closed by whoever made it."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Nothing of a single environment is to be had but that it draws no pictures."""
        if attr_name != "render_mode":
            raise AttributeError(attr_name)
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Nothing can be set."""
        raise AttributeError(attr_name)

    def env_method(
        self, method_name: str, *arguments: Any, indices: Any = None, **keywords: Any
    ) -> list[Any]:
        """Nothing can be called."""
        raise AttributeError(method_name)

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """No wrapper of SB3's is there."""
        return [False] * self.num_envs


class AsVecNormalize:
    """What SB3's replay buffers ask a `VecNormalize`, answered by a normalised environment."""

    def __init__(self, environment: VectorEnvironment) -> None:
        self._environment = environment
        self._reward: NDArray[np.float32] = np.empty(0, np.float32)

    def seen(self, step: Step) -> Step:
        """Remember a step's raw rewards; the step."""
        self._reward = step.raw_reward.astype(np.float32)
        return step

    def get_original_obs(self) -> Observations:
        """The present observations, raw."""
        return self._environment.raw_observation

    def get_original_reward(self) -> NDArray[np.float32]:
        """The rewards of the last step, raw."""
        return self._reward

    def unnormalize_obs(self, observation: Observations) -> Observations:
        """It is raw already: see `AsVecEnv`."""
        return observation

    def normalize_obs(self, observation: Observations) -> Observations:
        """Raw observations [B, D] as the learner would see them now."""
        return self._environment.normalize_observation(observation)

    def normalize_reward(self, reward: NDArray[np.float32]) -> NDArray[np.float64]:
        """Raw rewards [B, K] as the learner would be paid them now."""
        flat = reward.astype(np.float64).reshape(-1)
        return self._environment.normalize_reward(flat).reshape(reward.shape)
