"""Copies of one compiled environment, stepped together, with same-step autoreset.

N   copies    S   numbers of a state    D   numbers of an observation
"""

from typing import Any, NamedTuple, Self

import numpy as np
from numba import boolean, float32, float64, int64, uint64
from numpy.typing import NDArray

from amc.compilation import compiled, rounded, types
from amc.environments.compiled.classic_control import Observation, State, reset_one, step_one

# Environments may hand their seed to code that takes a C int; see `EpisodeSeeds`.
_SEED_BITS = np.uint64(0x7FFFFFFF)


class World(NamedTuple):
    """Which environment, and where each copy of it stands; the arrays are updated.

    Attributes:
        kind: as in `classic_control`.
        parameter: as there.
        limit: steps after which an episode is truncated.
        offset: of the seeds of episodes; see `EpisodeSeeds`.
        factor: of these.
        episodes: int64 [N], the number of each copy's episode, from 0 on.
        lengths: int64 [N], its steps so far.
        returns: float64 [N], the sum of its rewards so far.
        state: float64 [N, S].
    """

    kind: int
    parameter: float
    limit: int
    offset: np.uint64
    factor: np.uint64
    episodes: NDArray[np.int64]
    lengths: NDArray[np.int64]
    returns: NDArray[np.float64]
    state: NDArray[np.float64]


class Outcome(NamedTuple):
    """Room for what a step brings; overwritten.

    Attributes:
        observation: float32 [N, D], where an episode ended the first one of the next.
        following: float32 [N, D], where an episode ended its true last one.
        reward: float64 [N].
        terminated: bool [N].
        truncated: bool [N].
        finished: float64 [N, 2], return and length of each episode that ended, in order.
    """

    observation: NDArray[np.float32]
    following: NDArray[np.float32]
    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    finished: NDArray[np.float64]

    @classmethod
    def room(cls, shape: tuple[int, ...]) -> Self:
        """Room for observations [N, D]."""
        n = shape[0]
        return cls(
            np.empty(shape, np.float32),
            np.empty(shape, np.float32),
            np.empty(n),
            np.empty(n, np.bool_),
            np.empty(n, np.bool_),
            np.empty((n, 2)),
        )


WORLD = types.NamedTuple(
    (
        *(int64, float64, int64, uint64, uint64),
        *(int64[::1], int64[::1], float64[::1], float64[:, ::1]),
    ),
    World,
)
OUTCOME = types.NamedTuple(
    (
        *(float32[:, ::1], float32[:, ::1], float64[::1]),
        *(boolean[::1], boolean[::1], float64[:, ::1]),
    ),
    Outcome,
)


@rounded
def begin_episode(world: World, copy: int, observation: Observation) -> None:
    """Begin the next episode of a copy, with a seed of its own."""
    world.episodes[copy] += 1
    world.lengths[copy] = 0
    world.returns[copy] = 0.0
    number = np.uint64(world.episodes[copy] * len(world.state) + copy)
    seed: Any = (world.offset + world.factor * number) & _SEED_BITS
    generator = np.empty(4, np.uint64)
    reset_one(world.kind, seed, generator, world.state[copy], observation)


@rounded
def act_in(
    world: World, copy: int, choice: int, torque: np.float32, observation: Observation
) -> tuple[float, bool, bool]:
    """Act in a copy.

    Returns:
        Reward, and whether the episode terminated or was truncated; never both.
    """
    state: State = world.state[copy]
    reward, terminated = step_one(world.kind, world.parameter, choice, torque, state, observation)
    world.returns[copy] += reward
    world.lengths[copy] += 1
    return reward, terminated, not terminated and world.lengths[copy] >= world.limit


@compiled(types.void(WORLD, float32[:, ::1]), is_rounded=True)
def reset_all(world: World, observation: NDArray[np.float32]) -> None:
    """Begin a new episode in every copy; observation [N, D] is overwritten."""
    for copy in range(len(world.state)):
        begin_episode(world, copy, observation[copy])


@compiled(int64(WORLD, int64[::1], float32[::1], OUTCOME), is_rounded=True)
def step_all(
    world: World, choices: NDArray[np.int64], torques: NDArray[np.float32], outcome: Outcome
) -> int:
    """Act once in every copy, and begin anew where an episode ended.

    Args:
        world: where it stands.
        choices: [N], or empty where actions are numbers.
        torques: [N], or empty where they are choices.
        outcome: what comes of it.

    Returns:
        How many episodes ended.
    """
    ended = 0
    for copy in range(len(world.state)):
        choice = choices[copy] if len(choices) else 0
        torque = torques[copy] if len(torques) else np.float32(0)
        observation = outcome.observation[copy]
        reward, terminated, truncated = act_in(world, copy, choice, torque, observation)
        outcome.reward[copy] = reward
        outcome.terminated[copy] = terminated
        outcome.truncated[copy] = truncated
        for k in range(len(observation)):
            outcome.following[copy, k] = observation[k]
        if terminated or truncated:
            outcome.finished[ended, 0] = world.returns[copy]
            outcome.finished[ended, 1] = world.lengths[copy]
            ended += 1
            begin_episode(world, copy, observation)
    return ended
