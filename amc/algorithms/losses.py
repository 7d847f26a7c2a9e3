"""What PPO minimises: pure functions over a minibatch.

    name         meaning                                                 shape
    r            probability ratio pi(a|s) / pi_old(a|s)                 [B]
    A            advantages, usually normalised over the minibatch       [B]
    V, V_old, R  values now, values when collected, returns              [B]

Source: Schulman et al. 2017, https://arxiv.org/abs/1707.06347.
"""

import torch
from torch import Tensor

EPSILON = 1e-8
KL_COEFFICIENT_BOUNDS = (1e-4, 1e4)


def normalize(advantages: Tensor) -> Tensor:
    """Zero mean and unit std over a minibatch; a single advantage has none and stays."""
    if len(advantages) < 2:
        return advantages
    return (advantages - advantages.mean()) / (advantages.std() + EPSILON)


def clipped_surrogate(ratio: Tensor, advantages: Tensor, clip_range: float) -> Tensor:
    """-mean(min(r A, clip(r, 1-c, 1+c) A)), eq. 7."""
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    return -torch.min(ratio * advantages, clipped * advantages).mean()


def value_loss(
    values: Tensor, old_values: Tensor, returns: Tensor, clip_range_vf: float | None
) -> Tensor:
    """mean((V - R)^2), or the larger of it and the same with V kept near V_old.

    With clipping: mean(max((V - R)^2, (V_old + clip(V - V_old, -c, c) - R)^2)), as in the
    authors' code. The larger one, so that clipping can stop a value only from running too far,
    never from coming back. `c` is in the units of the returns.
    """
    error = (values - returns).square()
    if clip_range_vf is None:
        return error.mean()
    near = old_values + (values - old_values).clamp(-clip_range_vf, clip_range_vf)
    return torch.max(error, (near - returns).square()).mean()


def approximate_kl(log_ratio: Tensor) -> Tensor:
    """mean(r - 1 - log r): an unbiased estimate of KL(old || new) that is never negative.

    Source: Schulman 2020, http://joschu.net/blog/kl-approx.html.
    """
    return (log_ratio.exp() - 1 - log_ratio).mean()


def adapt_kl_coefficient(coefficient: float, divergence: float, target: float) -> float:
    """Halve the penalty's weight when the policy moved too little, double it when too far.

        beta / 2 if d < target / 1.5,   2 beta if d > 1.5 target,   bounded by KL_COEFFICIENT_BOUNDS

    Source: section 4 of the paper.
    """
    if divergence < target / 1.5:
        coefficient /= 2
    elif divergence > target * 1.5:
        coefficient *= 2
    low, high = KL_COEFFICIENT_BOUNDS
    return min(max(coefficient, low), high)
