"""Gymnasium's classic control: which of its classes has compiled code, and the classes themselves.

The doors are `Classic`, and `ByGymnasium`, which steps the same states without compiled code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Self

import gymnasium
import numpy as np
from gymnasium.envs.classic_control import AcrobotEnv, CartPoleEnv, MountainCarEnv, PendulumEnv
from numpy.typing import NDArray

from amc.environments.compiled.classic_control import (
    ACROBOT,
    CARTPOLE,
    MOUNTAIN_CAR,
    PENDULUM,
    STATE_SIZES,
)
from amc.environments.compiled.stepping import Outcome, World
from amc.environments.episode_seeds import EpisodeSeeds

NO_LIMIT = 2**62

_KINDS: dict[type, int] = {
    CartPoleEnv: CARTPOLE,
    MountainCarEnv: MOUNTAIN_CAR,
    AcrobotEnv: ACROBOT,
    PendulumEnv: PENDULUM,
}
# The argument that compiled code takes, too, and where an environment keeps it.
_SET: dict[int, tuple[str, Callable[[Any], Any]]] = {
    CARTPOLE: ("sutton_barto_reward", attrgetter("_sutton_barto_reward")),
    MOUNTAIN_CAR: ("goal_velocity", attrgetter("goal_velocity")),
    PENDULUM: ("g", attrgetter("g")),
}


@dataclass(frozen=True)
class Classic:
    """One of Gymnasium's classes as it was made.

    Attributes:
        made_by: the class.
        parameter: see `compiled.classic_control`; 0 where there is none.
    """

    made_by: type
    parameter: float

    @classmethod
    def of(cls, environment: gymnasium.Env[Any, Any]) -> Self | None:
        """What an environment is; None if there is no compiled code for it."""
        made_by = type(environment)
        if made_by not in _KINDS:
            return None
        _, read = _SET.get(_KINDS[made_by], ("", lambda made: 0.0))
        return cls(made_by, float(read(environment)))

    @property
    def kind(self) -> int:
        """As in `compiled.classic_control`."""
        return _KINDS[self.made_by]

    def make(self) -> Any:
        """Another one."""
        name, _ = _SET.get(self.kind, ("", None))
        return self.made_by(**({name: self.parameter} if name else {}))

    def world(self, n_envs: int, seeds: EpisodeSeeds, limit: int | None) -> World:
        """So many copies of it, of which none has begun."""
        return World(
            kind=self.kind,
            parameter=self.parameter,
            limit=limit or NO_LIMIT,
            offset=np.uint64(seeds.offset),
            factor=np.uint64(seeds.factor),
            episodes=np.full(n_envs, -1, np.int64),
            lengths=np.zeros(n_envs, np.int64),
            returns=np.zeros(n_envs),
            state=np.zeros((n_envs, STATE_SIZES[self.kind])),
        )


class ByGymnasium:
    """`compiled.stepping` with Gymnasium's own class in place of compiled code.

    Args:
        classic: which one.
    """

    def __init__(self, classic: Classic) -> None:
        self._environment = classic.make()
        self._acts_in_numbers = classic.kind == PENDULUM

    def reset_all(self, world: World, observation: NDArray[np.float32]) -> None:
        """As `compiled.stepping.reset_all`."""
        for copy in range(len(world.state)):
            self._begin(world, copy, observation)

    def step_all(
        self,
        world: World,
        choices: NDArray[np.int64],
        torques: NDArray[np.float32],
        outcome: Outcome,
    ) -> int:
        """As `compiled.stepping.step_all`."""
        ended = 0
        actions: Any = torques.reshape(-1, 1) if self._acts_in_numbers else choices
        made = self._environment
        for copy, action in enumerate(actions):
            made.state = world.state[copy].copy()
            observation, reward, terminated, _, _ = made.step(action)
            world.state[copy] = made.state
            world.returns[copy] += reward
            world.lengths[copy] += 1
            truncated = not terminated and world.lengths[copy] >= world.limit
            outcome.observation[copy] = outcome.following[copy] = observation
            outcome.reward[copy] = reward
            outcome.terminated[copy], outcome.truncated[copy] = terminated, truncated
            if terminated or truncated:
                outcome.finished[ended] = world.returns[copy], world.lengths[copy]
                ended += 1
                self._begin(world, copy, outcome.observation)
        return ended

    def _begin(self, world: World, copy: int, observation: NDArray[np.float32]) -> None:
        world.episodes[copy] += 1
        world.lengths[copy] = 0
        world.returns[copy] = 0.0
        number = int(world.episodes[copy]) * len(world.state) + copy
        seed = EpisodeSeeds.numbered(int(world.offset), int(world.factor), number)
        observation[copy], _ = self._environment.reset(seed=seed)
        world.state[copy] = self._environment.state
