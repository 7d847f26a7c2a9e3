"""One epoch of PPO in one call: minibatches forward, loss, backward, clipping, optimizer.

A minibatch is worked on in micro-batches of as many rows as the scratch memory holds, so that
activations stay in the processor's first caches.
"""

import numpy as np
from numba import float64, int64
from numpy.typing import NDArray

from amc.algorithms.kernels.descent import Descent, clipping_scale, descend
from amc.algorithms.kernels.networks import (
    Networks,
    backward,
    forward,
    input_rows,
    output_rows,
    transpose_weights,
)
from amc.algorithms.kernels.ppo_loss import (
    APPROX_KL,
    ENTROPY,
    LOSS,
    OBSERVATION,
    PENALTY,
    POLICY_LOSS,
    VALUE_LOSS,
    MicroBatch,
    Objective,
    RolloutRows,
    Statistics,
    add_gaussian_penalty,
    categorical_loss,
    gaussian_loss,
    mean_and_scale,
    value_loss,
)
from amc.compilation import compiled, inlined, typeof, types

POLICY, VALUE = range(2)

_F = np.zeros(1, np.float32)
NETWORKS = typeof(Networks(1, _F, _F, _F, np.zeros((1, 1, 4), np.int64), _F, _F, 1, 1))
DESCENT = typeof(Descent(0, 0.0, 0, _F, _F, np.zeros(4)))
OBJECTIVE = typeof(Objective(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1, True))
ROLLOUT = typeof(RolloutRows(np.zeros((1, 1), np.float32), 0, 0, _F, _F, _F))


@inlined
def add_gradient(
    networks: Networks,
    which: int,
    rollout: RolloutRows,
    micro_batch: MicroBatch,
    objective: Objective,
    statistics: Statistics,
    is_first: bool,
) -> None:
    """Add to one network's gradient what some rows contribute: forward, loss, backward."""
    n = micro_batch.places.size
    rows = input_rows(networks, which, n)
    for i in range(n):
        for j in range(rows.shape[1]):
            rows[i, j] = rollout.rows[micro_batch.places[i], OBSERVATION + j]
    out = forward(networks, which, n)
    delta = output_rows(networks.deltas, networks, which, n)
    if which == VALUE:
        value_loss(out, delta, rollout, micro_batch, objective, statistics)
    elif rollout.log_std.size == 0:
        categorical_loss(out, delta, rollout, micro_batch, objective, statistics)
    else:
        gaussian_loss(out, delta, rollout, micro_batch, objective, statistics)
        if objective.kl_coef > 0:
            add_gaussian_penalty(out, delta, rollout, micro_batch, objective, statistics)
    backward(networks, which, n, is_first)


@inlined
def begin_minibatch(rollout: RolloutRows, statistics: Statistics) -> None:
    """Clear what the micro-batches of a minibatch add to."""
    for k in range(rollout.by_log_std.size):
        rollout.by_log_std[k] = 0
    for k in range(statistics.size):
        statistics[k] = 0


@inlined
def finish_minibatch(objective: Objective, statistics: Statistics, total: int) -> None:
    """Turn sums over rows into means, and these into the loss."""
    for k in range(statistics.size):
        statistics[k] /= total
    statistics[LOSS] = (
        statistics[POLICY_LOSS]
        + objective.vf_coef * statistics[VALUE_LOSS]
        + objective.ent_coef * statistics[ENTROPY]
        + objective.kl_coef * statistics[PENALTY]
    )


@compiled(
    types.UniTuple(int64, 2)(NETWORKS, ROLLOUT, int64[::1], OBJECTIVE, DESCENT, float64[:, ::1])
)
def ppo_epoch(
    networks: Networks,
    rollout: RolloutRows,
    order: NDArray[np.int64],
    objective: Objective,
    descent: Descent,
    statistics: Statistics,
) -> tuple[int, int]:
    """Descend once over the rows of a rollout, minibatch by minibatch.

    Args:
        networks: POLICY and VALUE.
        rollout: what to learn from.
        order: [B], in which the rows are visited.
        objective: what to minimise.
        descent: the optimizer.
        statistics: [minibatches, N_STATISTICS], overwritten.

    Returns:
        How many minibatches were looked at, and how many led to a step: one fewer where the policy
        had moved too far.
    """
    count = 0
    for first in range(0, order.size, objective.batch_size):
        index = order[first : first + objective.batch_size]
        center, scale = mean_and_scale(rollout.rows, index, objective.normalize_advantage)
        share, means = np.float32(1 / index.size), statistics[count]
        begin_minibatch(rollout, means)
        for which in range(2):
            transpose_weights(networks, which)
            for start in range(0, index.size, networks.capacity):
                micro_batch = MicroBatch(
                    index[start : start + networks.capacity], center, scale, share
                )
                add_gradient(networks, which, rollout, micro_batch, objective, means, start == 0)
        finish_minibatch(objective, means, index.size)
        count += 1
        if objective.target_kl > 0 and means[APPROX_KL] > 1.5 * objective.target_kl:
            return count, count - 1
        clip = clipping_scale(networks.gradient, objective.max_grad_norm)
        descend(networks.flat, networks.gradient, clip, descent, descent.steps + count)
    return count, count
