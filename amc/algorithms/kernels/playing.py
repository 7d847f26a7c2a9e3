"""Whole rollouts in one call: policy, environment and normalisers, where all of it is compiled.

Step by step it does what `PPO` does with `VectorEnvironment`s, in the same order and to the same
bits; that is the reference, which tests compare it with.

    T   steps    N   copies    D   numbers of an observation    A   outputs of the policy
"""

from typing import NamedTuple

import numpy as np
from numba import boolean, float32, float64, int64
from numpy.typing import NDArray

from amc.algorithms.kernels.blas import Floats
from amc.algorithms.kernels.elementwise import IDENTITY
from amc.algorithms.kernels.inference import FLOATS, MATRIX, add_noise, pass_through
from amc.algorithms.kernels.networks import FEW_ROWS, OUTPUTS, Networks, transpose_weights
from amc.algorithms.kernels.ppo_epoch import NETWORKS, POLICY
from amc.compilation import compiled, inlined, rounded, types
from amc.environments.compiled.running_mean_std import (
    add_and_scale,
    add_and_standardize,
    standardize,
)
from amc.environments.compiled.stepping import WORLD, World, act_in, begin_episode
from amc.environments.inside import Normalization
from amc.environments.normalization import CLIP


class Collected(NamedTuple):
    """Room for a rollout; overwritten.

    Attributes:
        observations: float32 [T, N, D], as the policy saw them.
        choices: int64 [T, N], or empty where actions are numbers.
        torques: float32 [T, N, A], or empty where they are choices.
        rewards: float64 [T, N], as the learner is paid.
        terminated: bool [T, N].
        ended: bool [T, N], terminated or truncated.
        cut_at: int64 [C, 2], step and copy of each truncated episode, in order.
        cut: float32 [C, D], what it led to, as the policy would have seen it.
        finished: float64 [T * N, 2], return and length of each episode that ended, in order.
        last: float32 [N, D], what the last step led to, before anything began anew.
        raw: float32 [N, D], the present observations before they were normalised.
    """

    observations: NDArray[np.float32]
    choices: NDArray[np.int64]
    torques: NDArray[np.float32]
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    cut_at: NDArray[np.int64]
    cut: NDArray[np.float32]
    finished: NDArray[np.float64]
    last: NDArray[np.float32]
    raw: NDArray[np.float32]


COLLECTED = types.NamedTuple(
    (
        *(float32[:, :, ::1], int64[:, ::1], float32[:, :, ::1]),
        *(float64[:, ::1], boolean[:, ::1], boolean[:, ::1]),
        *(int64[:, ::1], float32[:, ::1], float64[:, ::1], MATRIX, MATRIX),
    ),
    Collected,
)
NORMALIZATION = types.NamedTuple(
    (float64[:, ::1], float64[:, ::1], float64[:, ::1], float64), Normalization
)


@inlined
def highest(out: Floats, choices: NDArray[np.int64]) -> None:
    """The place of each row's highest number, the first on a tie."""
    for i in range(len(out)):
        best = 0
        for j in range(1, out.shape[1]):
            if out[i, j] > out[i, best]:
                best = j
        choices[i] = best


@rounded
def copy_into(rows: Floats, values: Floats) -> None:
    """Rows = values, both [N, D]."""
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            rows[i, j] = values[i, j]


@rounded
def act_in_all(
    world: World,
    t: int,
    following: Floats,
    reward: NDArray[np.float64],
    collected: Collected,
    counts: tuple[int, int],
) -> tuple[int, int]:
    """Act once in every copy, by the actions of step t, and begin anew where an episode ended.

    Returns:
        How many episodes were cut off so far, and how many ended.
    """
    n_cut, n_finished = counts
    raw = collected.raw
    for i in range(len(raw)):
        choice = collected.choices[t, i] if len(collected.choices) else 0
        torque = collected.torques[t, i, 0] if len(collected.torques) else np.float32(0)
        reward[i], terminated, truncated = act_in(world, i, choice, torque, raw[i])
        for j in range(raw.shape[1]):
            following[i, j] = raw[i, j]
        collected.terminated[t, i] = terminated
        collected.ended[t, i] = terminated or truncated
        if truncated:
            collected.cut_at[n_cut, 0], collected.cut_at[n_cut, 1] = t, i
            n_cut += 1
        if terminated or truncated:
            collected.finished[n_finished, 0] = world.returns[i]
            collected.finished[n_finished, 1] = world.lengths[i]
            n_finished += 1
            begin_episode(world, i, raw[i])
    return n_cut, n_finished


@rounded
def see(
    normalization: Normalization,
    raw: Floats,
    following: Floats,
    has_ended: bool,
    observation: Floats,
    seen: Floats,
) -> None:
    """What the policy sees of the present observations, and of what the step led to."""
    if normalization.observations.size == 0:
        copy_into(observation, raw)
        copy_into(seen, following)
        return
    add_and_standardize(normalization.observations, raw, CLIP, observation)
    if has_ended:
        standardize(normalization.observations, following, CLIP, seen)
    else:
        copy_into(seen, observation)


@rounded
def pay(
    normalization: Normalization,
    reward: NDArray[np.float64],
    ended: NDArray[np.bool_],
    paid: NDArray[np.float64],
) -> None:
    """What the learner is paid for rewards [N]."""
    if normalization.rewards.size == 0:
        for i in range(len(reward)):
            paid[i] = reward[i]
        return
    returns = normalization.returns
    add_and_scale(normalization.rewards, reward, returns, normalization.gamma, CLIP, paid)
    for i in range(len(reward)):
        if ended[i]:
            returns[i, 0] = 0.0


@compiled(
    types.UniTuple(int64, 2)(
        NETWORKS, FLOATS, WORLD, NORMALIZATION, float32[:, :, ::1], MATRIX, COLLECTED
    ),
    is_rounded=True,
)
def collect(
    networks: Networks,
    log_std: Floats,
    world: World,
    normalization: Normalization,
    noise: Floats,
    observation: Floats,
    collected: Collected,
) -> tuple[int, int]:
    """Act for some steps.

    Args:
        networks: of which one is the policy.
        log_std: [A], of a Gaussian policy; empty where actions are choices.
        world: where the environment stands; updated.
        normalization: updated.
        noise: [T, N, A].
        observation: [N, D], what is acted on; updated.
        collected: what comes of it.

    Returns:
        How many episodes were cut off, and how many ended.
    """
    n = len(observation)
    out = np.empty((n, noise.shape[2]), np.float32)
    following, seen = np.empty_like(observation), collected.last
    reward = np.empty(n)
    counts = 0, 0
    if n >= FEW_ROWS:
        transpose_weights(networks, POLICY)
    for t in range(len(noise)):
        copy_into(collected.observations[t], observation)
        pass_through(networks, POLICY, IDENTITY, observation, out)
        add_noise(log_std, noise[t], out)
        if log_std.size == 0:
            highest(out, collected.choices[t])
        else:
            copy_into(collected.torques[t], out)
        first_cut, first_finished = counts
        counts = act_in_all(world, t, following, reward, collected, counts)
        n_cut, n_finished = counts
        has_ended = n_finished > first_finished
        see(normalization, collected.raw, following, has_ended, observation, seen)
        pay(normalization, reward, collected.ended[t], collected.rewards[t])
        for k in range(first_cut, n_cut):
            for j in range(seen.shape[1]):
                collected.cut[k, j] = seen[collected.cut_at[k, 1], j]
    return counts


@compiled(
    types.int64(
        *(NETWORKS, FLOATS, WORLD, float64[:, ::1], int64, int64[::1]),
        *(MATRIX, float64[:, ::1], int64[:, ::1]),
    ),
    is_rounded=True,
)
def play(
    networks: Networks,
    log_std: Floats,
    world: World,
    statistics: NDArray[np.float64],
    n_steps: int,
    quota: NDArray[np.int64],
    observation: Floats,
    finished: NDArray[np.float64],
    ended: NDArray[np.int64],
) -> int:
    """Play episodes with the most probable actions, until there are enough.

    Args:
        networks: of which one is the policy.
        log_std: [A], of a Gaussian policy; empty where actions are choices.
        world: where the environment stands; updated.
        statistics: float64 [3, D], see `running_mean_std`; [3, 0] to normalise nothing.
        n_steps: how many at most.
        quota: int64 [N], episodes that are still wanted of each copy; updated.
        observation: [N, D], what is acted on; updated.
        finished: float64 [episodes, 2], return and length of each, in order; overwritten.
        ended: int64 [episodes, 2], its copy, and whether it was truncated; overwritten.

    Returns:
        How many episodes there were.
    """
    n, raw = len(observation), np.empty_like(observation)
    has_choices = log_std.size == 0
    last = networks.layers.shape[1] - 1
    out = np.empty((n, networks.layers[POLICY, last, OUTPUTS]), np.float32)
    choices, torques = np.zeros(n, np.int64), np.zeros(n, np.float32)
    found, wanted = 0, quota.sum()
    if n >= FEW_ROWS:
        transpose_weights(networks, POLICY)
    for _ in range(n_steps):
        if wanted == 0:
            break
        pass_through(networks, POLICY, IDENTITY, observation, out)
        if has_choices:
            highest(out, choices)
        else:
            for i in range(n):
                torques[i] = out[i, 0]
        for i in range(n):
            _, terminated, truncated = act_in(world, i, choices[i], torques[i], raw[i])
            if not (terminated or truncated):
                continue
            if quota[i] > 0:
                quota[i] -= 1
                wanted -= 1
                finished[found, 0], finished[found, 1] = world.returns[i], world.lengths[i]
                ended[found, 0], ended[found, 1] = i, truncated
                found += 1
            begin_episode(world, i, raw[i])
        if statistics.size:
            standardize(statistics, raw, CLIP, observation)
        else:
            copy_into(observation, raw)
    return found
