"""From a record of scores to targets that a Gaussian process can be fitted to.

`observations` is the door. It is a pure function of the set of scores: the order in which they came
leaves no trace, so neither does the order in which workers finish.
"""

import numpy as np
from numpy.typing import NDArray

from amc.optimizers.surrogate import Array

# What stands in the record for the score of a failed trial.
FAILED = float("-inf")

# A Gaussian process costs the cube of its points: 12 s a suggestion at 1,000 of them. Beyond so
# many, the best are kept, and as many of the others, spread evenly over the cube's first column.
MOST_POINTS = 300
# Tukey's fence: a score further than this many quartile distances below the quartiles is moved
# there. What diverged once should not flatten the differences between what works.
_FENCE = 1.5
# A failed trial counts as this many standard deviations worse than the worst one that did not fail:
# low enough to be left alone, near enough not to bend the model around it.
_FAILURE_DROP = 0.5
# Scores that differ by less, relative to the greatest, are equal.
_ROUNDING = 1e-12
# Digits of a coordinate. Less is rounding, which would set repeated points apart.
_DIGITS = 9


def observations(points: Array, scores: Array) -> tuple[Array, Array]:
    """Points [n, d] and standardised targets [n] of at most `MOST_POINTS` trials.

    Args:
        points: float64 [N, d] of the unit cube, in any order, repeats allowed.
        scores: float64 [N], `FAILED` for a failed trial.
    """
    points = rounded(points)
    order = np.lexsort((scores, *points.T))
    kept = order[_most_telling(scores[order])]
    return points[kept], standardized(scores[kept])


def rounded(points: Array) -> Array:
    """Points as the model sees them: equal where they differ by rounding only."""
    return np.asarray(np.round(points, _DIGITS))


def standardized(scores: Array) -> Array:
    """Targets [n] of mean 0 and standard deviation 1, without a bad tail; failures stand lowest."""
    failed = np.isneginf(scores)
    if failed.all():
        return np.zeros(len(scores))
    known = _scaled(scores[~failed])
    lower, upper = np.percentile(known, [25, 75])
    known = _scaled(np.maximum(known, lower - _FENCE * (upper - lower)))
    spread = known.std()
    if spread <= _ROUNDING:
        known, spread = np.full(len(known), known[0]), 1.0
    targets = np.full(len(scores), known.min() - _FAILURE_DROP * spread)
    targets[~failed] = known
    return np.asarray((targets - targets.mean()) / (targets.std() or 1.0))


def _scaled(scores: Array) -> Array:
    # To within [-1, 1], so that no square overflows or vanishes.
    return np.asarray(scores / (np.abs(scores).max() or 1.0))


def _most_telling(scores: Array) -> NDArray[np.intp]:
    if len(scores) <= MOST_POINTS:
        return np.arange(len(scores))
    best_first = np.argsort(-scores, kind="stable")
    half = MOST_POINTS // 2
    others = np.sort(best_first[half:])
    spread = others[np.linspace(0, len(others) - 1, MOST_POINTS - half).astype(int)]
    return np.sort(np.concatenate([best_first[:half], spread]))
