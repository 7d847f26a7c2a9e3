"""PPO's loss of some rows and its derivatives with respect to what the networks put out.

    B             rows of the rollout                 n    rows at hand
    out, delta    what a network put out for these rows, and the derivatives to be found, [n, A]
    share         1 / rows of the minibatch

Formulas as in `amc.algorithms.losses` and `amc.algorithms.distributions`. Where the reference takes
the smaller or larger of two numbers, the comparison here lets "not a number" through.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amc.algorithms.kernels.blas import Floats, Number
from amc.algorithms.kernels.elementwise import ONE, ZERO, within
from amc.compilation import inlined

# Columns of the statistics, which are sums over rows until a minibatch is done; the first six in
# the order of `amc.algorithms.ppo_learner.STATISTICS`.
LOSS, POLICY_LOSS, VALUE_LOSS, ENTROPY, CLIPPED, APPROX_KL, PENALTY = range(7)
N_STATISTICS = 7
Statistics = NDArray[np.float64]

# First columns of a rollout's rows; behind them observation, action, and the old policy's output.
LOG_PROB, VALUE, ADVANTAGE, RETURN, OBSERVATION = range(5)

EPSILON = 1e-8
HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
HALF = np.float32(0.5)


class Objective(NamedTuple):
    """What to minimise; names as in PPO's hyperparameters, 0 for what is off."""

    clip_range: float
    clip_range_vf: float
    ent_coef: float
    vf_coef: float
    kl_coef: float
    max_grad_norm: float
    target_kl: float
    batch_size: int
    normalize_advantage: bool


class RolloutRows(NamedTuple):
    """What to learn from, one row of numbers per step."""

    rows: Floats  # [B, columns]
    action: int  # first column of the action: A entries, or one number, the choice
    policy: int  # first column of the old policy: A log-probabilities, or means
    old_log_std: Floats  # [A]; empty for a choice among actions
    log_std: Floats  # [A] a view of the parameters; likewise
    by_log_std: Floats  # [A] a view of the gradient; likewise


class MicroBatch(NamedTuple):
    """Some rows of a minibatch, and what they share with the rest of it."""

    places: NDArray[np.int64]  # [n] in the rollout
    center: np.float32  # of the advantages
    scale: np.float32  # by which centred advantages are multiplied
    share: np.float32


@inlined
def mean_and_scale(
    rows: Floats, index: NDArray[np.int64], is_wanted: bool
) -> tuple[Number, Number]:
    """Mean and 1 / (std + epsilon) of advantages; 0 and 1 if they are to stay as they are."""
    n = index.size
    if n < 2 or not is_wanted:
        return ZERO, ONE
    total = 0.0
    for i in range(n):
        total += rows[index[i], ADVANTAGE]
    mean = total / n
    squares = 0.0
    for i in range(n):
        squares += (rows[index[i], ADVANTAGE] - mean) ** 2
    return np.float32(mean), np.float32(1 / (math.sqrt(squares / (n - 1)) + EPSILON))


@inlined
def surrogate(log_ratio: Number, advantage: Number, clip: Number, statistics: Statistics) -> Number:
    """Add -min(r A, clip(r) A) to the statistics; its derivative by the log-probability."""
    ratio = math.exp(log_ratio)
    plain = ratio * advantage
    held = (ONE + within(ratio - ONE, clip)) * advantage
    statistics[CLIPPED] += abs(ratio - ONE) > clip
    statistics[APPROX_KL] += ratio - 1.0 - log_ratio
    if held < plain:
        statistics[POLICY_LOSS] -= held
        return ZERO
    statistics[POLICY_LOSS] -= plain
    return -plain


@inlined
def log_softmax(out: Floats) -> None:
    """Turn each row of logits into log-probabilities, in place."""
    for i in range(out.shape[0]):
        largest = out[i, 0]
        for j in range(1, out.shape[1]):
            largest = max(largest, out[i, j])
        total = ZERO
        for j in range(out.shape[1]):
            total += math.exp(out[i, j] - largest)
        shift = largest + math.log(total)
        for j in range(out.shape[1]):
            out[i, j] -= shift


@inlined
def categorical_loss(
    out: Floats,
    delta: Floats,
    rollout: RolloutRows,
    micro_batch: MicroBatch,
    objective: Objective,
    statistics: Statistics,
) -> None:
    """Derivatives by the logits z; `out`, which holds them, becomes log-probabilities.

    d log p(a) / d z_j = [j = a] - p_j              d H / d z_j = -p_j (log p_j + H)
    d KL(old || new) / d z_j = p_j - p_old_j
    """
    log_softmax(out)
    clip, kl = np.float32(objective.clip_range), np.float32(objective.kl_coef)
    ent = np.float32(objective.ent_coef)
    for i in range(out.shape[0]):
        row = rollout.rows[micro_batch.places[i]]
        choice = int(row[rollout.action])
        entropy = ZERO
        for j in range(out.shape[1]):
            delta[i, j] = math.exp(out[i, j])
            entropy -= delta[i, j] * out[i, j]
        advantage = (row[ADVANTAGE] - micro_batch.center) * micro_batch.scale
        slope = surrogate(out[i, choice] - row[LOG_PROB], advantage, clip, statistics)
        for j in range(out.shape[1]):
            p = delta[i, j]
            derivative = p * (ent * (out[i, j] + entropy) - slope)
            if kl > ZERO:
                old = row[rollout.policy + j]
                derivative += kl * (p - math.exp(old))
                statistics[PENALTY] += math.exp(old) * (old - out[i, j])
            delta[i, j] = micro_batch.share * derivative
        delta[i, choice] += micro_batch.share * slope
        statistics[ENTROPY] -= entropy


@inlined
def gaussian_loss(
    out: Floats,
    delta: Floats,
    rollout: RolloutRows,
    micro_batch: MicroBatch,
    objective: Objective,
    statistics: Statistics,
) -> None:
    """Derivatives by the means m, which `out` holds; those by log s are added to `by_log_std`.

    d log p(a) / d m_j = (a_j - m_j) / s_j^2        d H / d log s_j = 1
    d log p(a) / d log s_j = (a_j - m_j)^2 / s_j^2 - 1
    """
    n, size = out.shape
    clip, by_log_std = np.float32(objective.clip_range), rollout.by_log_std
    inverse = np.empty(size, np.float32)
    constant = np.float32(HALF_LOG_TWO_PI * size)
    for j in range(size):
        inverse[j] = math.exp(-rollout.log_std[j])
        constant += rollout.log_std[j]
        by_log_std[j] -= n * micro_batch.share * np.float32(objective.ent_coef)
    for i in range(n):
        row = rollout.rows[micro_batch.places[i]]
        squares = ZERO
        for j in range(size):
            scaled = (row[rollout.action + j] - out[i, j]) * inverse[j]
            delta[i, j] = scaled
            squares += scaled * scaled
        advantage = (row[ADVANTAGE] - micro_batch.center) * micro_batch.scale
        log_ratio = -HALF * squares - constant - row[LOG_PROB]
        slope = micro_batch.share * surrogate(log_ratio, advantage, clip, statistics)
        for j in range(size):
            scaled = delta[i, j]
            delta[i, j] = slope * scaled * inverse[j]
            by_log_std[j] += slope * (scaled * scaled - ONE)
    statistics[ENTROPY] -= n * (constant + 0.5 * size)


@inlined
def add_gaussian_penalty(
    out: Floats,
    delta: Floats,
    rollout: RolloutRows,
    micro_batch: MicroBatch,
    objective: Objective,
    statistics: Statistics,
) -> None:
    """Add the KL penalty's derivatives.

    d KL / d m_j = (m_j - m_old_j) / s_j^2
    d KL / d log s_j = 1 - (s_old_j^2 + (m_j - m_old_j)^2) / s_j^2
    """
    weight = micro_batch.share * np.float32(objective.kl_coef)
    for i in range(out.shape[0]):
        row = rollout.rows[micro_batch.places[i]]
        for j in range(out.shape[1]):
            inverse = math.exp(-rollout.log_std[j])
            distance = (out[i, j] - row[rollout.policy + j]) * inverse
            wider = rollout.log_std[j] - rollout.old_log_std[j]
            # s_old^2 / s^2 - 1 without cancellation: the two are nearly equal.
            spread = math.expm1(-2 * wider) + distance * distance
            delta[i, j] += weight * distance * inverse
            rollout.by_log_std[j] -= weight * spread
            statistics[PENALTY] += wider + HALF * spread


@inlined
def value_loss(
    out: Floats,
    delta: Floats,
    rollout: RolloutRows,
    micro_batch: MicroBatch,
    objective: Objective,
    statistics: Statistics,
) -> None:
    """Derivatives by V of mean((V - R)^2), or of the larger error with V kept near V_old."""
    clip = np.float32(objective.clip_range_vf)
    factor = micro_batch.share * np.float32(2 * objective.vf_coef)
    for i in range(out.shape[0]):
        row = rollout.rows[micro_batch.places[i]]
        error = out[i, 0] - row[RETURN]
        square = error * error
        if clip > ZERO:
            moved = out[i, 0] - row[VALUE]
            near = row[VALUE] + within(moved, clip) - row[RETURN]
            if near * near > square:
                square = near * near
                error = near if abs(moved) <= clip else ZERO
        statistics[VALUE_LOSS] += square
        delta[i, 0] = factor * error
