"""What PPO does between two steps of MuJoCo, in one call: read, normalise, note, choose, command.

MuJoCo itself is stepped by its own bindings, which turn its errors into exceptions; called from
compiled code, an error of MuJoCo's would end the process. Step by step this is what `PPO` does with
`VectorEnvironment`s, in the same order and to the same bits; that is the reference, which tests
compare it with.

    T   steps    N   copies    D   numbers of an observation    A   numbers of an action
"""

import numpy as np
from numba import float32, float64, int64
from numpy.typing import NDArray

from amc.algorithms.kernels.blas import Floats
from amc.algorithms.kernels.elementwise import IDENTITY
from amc.algorithms.kernels.inference import FLOATS, MATRIX, add_noise, pass_through
from amc.algorithms.kernels.networks import FEW_ROWS, Networks, transpose_weights
from amc.algorithms.kernels.playing import (
    COLLECTED,
    NORMALIZATION,
    Collected,
    copy_into,
    pay,
    see,
)
from amc.algorithms.kernels.ppo_epoch import NETWORKS, POLICY
from amc.compilation import compiled, rounded, types
from amc.environments.arrays import all_finite
from amc.environments.compiled.robots import ROBOTS, Robots, command, read
from amc.environments.inside import Normalization

# What was done last: nothing yet, a step of MuJoCo, or the ended copies were begun anew.
NOTHING, STEP, RESET = range(3)
# What comes of it: MuJoCo may step; copies have ended, and are to be begun anew; an action, or what
# a step brought, is not finite.
READY, ENDED, BAD_ACTION, BAD_STEP = range(4)


@rounded
def read_all(
    robots: Robots, t: int, given: Floats, reward: NDArray[np.float64], collected: Collected
) -> int:
    """What the step t came to in every copy: READY, ENDED or BAD_STEP."""
    outcome = READY
    for i in range(len(reward)):
        row = collected.raw[i]
        reward[i], terminated, truncated = read(robots, i, given[t, i], row)
        collected.terminated[t, i] = terminated
        collected.ended[t, i] = terminated or truncated
        if terminated or truncated:
            outcome = ENDED
    return outcome if all_finite(collected.raw, reward) else BAD_STEP


@compiled(
    int64(
        *(types.UniTuple(int64, 2), NETWORKS, FLOATS, ROBOTS, NORMALIZATION, float32[:, :, ::1]),
        *(float32[:, :, ::1], MATRIX, MATRIX, float64[::1], COLLECTED),
    ),
    is_rounded=True,
)
def go_on(
    moment: tuple[int, int],
    networks: Networks,
    log_std: Floats,
    robots: Robots,
    normalization: Normalization,
    noise: Floats,
    given: Floats,
    observation: Floats,
    following: Floats,
    reward: NDArray[np.float64],
    collected: Collected,
) -> int:
    """Go on from one step of MuJoCo to the next.

    Args:
        moment: the step that was taken, or is the first to be taken, and what was done last.
        networks: of which one is the policy.
        log_std: [A].
        robots: updated, and so are the controls of their copies.
        normalization: updated.
        noise: [T, N, A].
        given: [T, N, A], the controls of each step; written.
        observation: [N, D], what is acted on; updated.
        following: [N, D], what the step led to before anything began anew; updated.
        reward: [N], of the step; updated.
        collected: what comes of it; `raw` [N, D] must hold the present observations.

    Returns:
        READY, ENDED, BAD_ACTION or BAD_STEP.
    """
    t, done = moment
    n = len(observation)
    if done == STEP:
        outcome = read_all(robots, t, given, reward, collected)
        copy_into(following, collected.raw)
        if outcome != READY:
            return outcome
    if done != NOTHING:
        see(normalization, collected.raw, following, done == RESET, observation, collected.last)
        pay(normalization, reward, collected.ended[t], collected.rewards[t])
        t += 1
    if t == len(noise):
        return READY
    if n >= FEW_ROWS and done == NOTHING:
        transpose_weights(networks, POLICY)
    copy_into(collected.observations[t], observation)
    out = collected.torques[t]
    pass_through(networks, POLICY, IDENTITY, observation, out)
    add_noise(log_std, noise[t], out)
    for i in range(n):
        if not command(robots, i, out[i], given[t, i]):
            return BAD_ACTION
    return READY
