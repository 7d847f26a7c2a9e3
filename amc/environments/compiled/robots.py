"""What Gymnasium's v4 robots do around `mj_step`, compiled, to the same bits.

The arrays of MuJoCo's data are read and written where they lie: their addresses stay as they are
for as long as the data lives. Which operation is done in float32, and in which order numbers are
added, is NumPy's matter in `amc.environments.lean_mujoco`, which is the reference here.

    N   copies    A   numbers of an action    D   numbers of an observation
"""

from typing import Any, NamedTuple

import numpy as np
from numba import float32, float64, int64
from numpy.typing import NDArray

from amc.compilation import rounded, types
from amc.environments.compiled.addresses import array_at

HALF_CHEETAH, HOPPER, WALKER, ANT = range(4)

# Columns of `places`: addresses of MuJoCo's qpos, qvel and ctrl, and of the x that counts.
QPOS, QVEL, CTRL, X = range(4)
# Columns of `progress`: x before the step, and return and length of the episode at hand.
BEFORE, RETURN, LENGTH = range(3)
# Places in `constants`: seconds of a step, weights of speed and control, what being healthy is
# worth, whether falling ends an episode, and the least and greatest height, angle and state.
DT, FORWARD, CONTROL, HEALTHY, ENDS, LOW_Z, HIGH_Z, LOW_ANGLE, HIGH_ANGLE, LEAST, MOST = range(11)

_FASTEST = 10.0
"""Velocities beyond it are not observed by what walks."""


class Robots(NamedTuple):
    """Which robot, and where its copies are.

    Attributes:
        kind: as above.
        n_hidden: positions that are not observed, the first ones.
        n_positions: all of them.
        n_velocities: all of them.
        limit: steps after which an episode is truncated.
        constants: float64 [11].
        places: int64 [N, 4], addresses.
        bounds: float32 [2, A], least and greatest control.
        progress: float64 [N, 3]; updated.
    """

    kind: int
    n_hidden: int
    n_positions: int
    n_velocities: int
    limit: int
    constants: NDArray[np.float64]
    places: NDArray[np.int64]
    bounds: NDArray[np.float32]
    progress: NDArray[np.float64]


ROBOTS = types.NamedTuple(
    (
        *(int64, int64, int64, int64, int64),
        *(float64[::1], int64[:, ::1], float32[:, ::1], float64[:, ::1]),
    ),
    Robots,
)


@rounded
def command(robots: Robots, copy: int, action: Any, given: Any) -> bool:
    """Set a copy's controls to an action [A] within their bounds, which `given` [A] keeps.

    Returns:
        Whether the action was finite; MuJoCo answers one that is not with a silent reset.
    """
    controls = array_at(robots.places[copy, CTRL], len(action), np.float64)
    is_finite = True
    for j in range(len(action)):
        value = action[j]
        is_finite = is_finite and np.isfinite(value)
        given[j] = min(max(value, robots.bounds[0, j]), robots.bounds[1, j])
        controls[j] = given[j]
    robots.progress[copy, BEFORE] = array_at(robots.places[copy, X], 1, np.float64)[0]
    return is_finite


@rounded
def sum_of_squares(given: Any) -> Any:
    """In float32, in the order in which NumPy adds up to eight numbers."""
    total = given[0] * given[0]
    if len(given) == 8:
        pairs = np.empty(4, np.float32)
        for j in range(4):
            pairs[j] = given[2 * j] * given[2 * j] + given[2 * j + 1] * given[2 * j + 1]
        return (pairs[0] + pairs[1]) + (pairs[2] + pairs[3])
    for j in range(1, len(given)):
        total += given[j] * given[j]
    return total


@rounded
def lie_between(values: Any, first: int, least: float, most: float) -> bool:
    """Whether all values from the first one on do, and are neither bound."""
    for j in range(first, len(values)):
        if not least < values[j] < most:
            return False
    return True


@rounded
def are_finite(values: Any) -> bool:
    """Whether all values are."""
    for value in values:
        if not np.isfinite(value):
            return False
    return True


@rounded
def is_healthy(robots: Robots, positions: Any, velocities: Any) -> bool:
    """Whether a copy stands."""
    kind, constants = robots.kind, robots.constants
    if kind == HALF_CHEETAH:
        return True
    if kind == ANT:
        is_finite = are_finite(positions) and are_finite(velocities)
        return is_finite and constants[LOW_Z] <= positions[2] <= constants[HIGH_Z]
    if not constants[LOW_Z] < positions[1] < constants[HIGH_Z]:
        return False
    if not constants[LOW_ANGLE] < positions[2] < constants[HIGH_ANGLE]:
        return False
    least, most = constants[LEAST], constants[MOST]
    return kind == WALKER or (
        lie_between(positions, 2, least, most) and lie_between(velocities, 0, least, most)
    )


@rounded
def observe(robots: Robots, copy: int, observation: Any) -> bool:
    """Write what a copy observes; whether it is healthy."""
    positions = array_at(robots.places[copy, QPOS], robots.n_positions, np.float64)
    velocities = array_at(robots.places[copy, QVEL], robots.n_velocities, np.float64)
    n_seen = robots.n_positions - robots.n_hidden
    for j in range(n_seen):
        observation[j] = positions[robots.n_hidden + j]
    for j in range(robots.n_velocities):
        v = velocities[j]
        if robots.kind == HOPPER or robots.kind == WALKER:
            # Not a number stays so, as with numpy.clip.
            v = -_FASTEST if v < -_FASTEST else (_FASTEST if v > _FASTEST else v)
        observation[n_seen + j] = v
    return is_healthy(robots, positions, velocities)


@rounded
def read(robots: Robots, copy: int, given: Any, observation: Any) -> tuple[float, bool, bool]:
    """What a step of MuJoCo came to.

    Args:
        robots: where the copies are; their progress is updated.
        copy: the one that was stepped.
        given: [A], its controls.
        observation: [D], overwritten.

    Returns:
        Reward, and whether the episode terminated or was truncated; never both.
    """
    constants, progress = robots.constants, robots.progress[copy]
    can_end = constants[ENDS] != 0
    x = array_at(robots.places[copy, X], 1, np.float64)[0]
    velocity = (x - progress[BEFORE]) / constants[DT]
    stands = observe(robots, copy, observation)
    rewards = constants[FORWARD] * velocity
    if robots.kind != HALF_CHEETAH:
        rewards += (1.0 if stands or can_end else 0.0) * constants[HEALTHY]
    reward = rewards - np.float32(constants[CONTROL]) * sum_of_squares(given)
    terminated = can_end and not stands
    progress[RETURN] += reward
    progress[LENGTH] += 1
    return reward, terminated, not terminated and progress[LENGTH] >= robots.limit
