"""What can be said of scores over seeds: aggregates with intervals, and whether two differ.

    task    an environment; scores of different ones are brought to one scale first (`normalized`)
    scores  of one contender: for each task, one score per seed

Intervals are 95 % percentile bootstraps, stratified: seeds are drawn anew within each task. The
same scores give the same intervals. Source: Agarwal et al. 2021, Deep RL at the edge of the
statistical precipice, https://arxiv.org/abs/2108.13264.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Scores = Mapping[str, Sequence[float]]
Floats = NDArray[np.float64]

_RESAMPLES = 2000
_SEED = 0
_CUT = 0.25
_LEVELS = (2.5, 97.5)
# What is usual: one chance in twenty to see a difference that is none, four in five to see one.
_ALPHA, _POWER = 0.05, 0.8
_MOST_SEEDS = 10_000


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    Attributes:
        value: of the scores themselves.
        low: lower end of the interval; None where one seed says nothing of the spread.
        high: upper end.
    """

    value: float
    low: float | None
    high: float | None

    @property
    def may_be_none(self) -> bool | None:
        """Of a difference: whether chance may account for it; None if that cannot be said."""
        return None if self.low is None or self.high is None else self.low <= 0 <= self.high


def normalized(contenders: Sequence[Scores]) -> list[dict[str, list[float]]]:
    """Scores from 0, the lowest of all contenders in that task, to 1, the highest.

    Of a single task they stay as they are.

    Args:
        contenders: all with the same tasks.
    """
    tasks = list(contenders[0])
    if len(tasks) == 1:
        return [{task: list(scores[task]) for task in tasks} for scores in contenders]
    found: list[dict[str, list[float]]] = [{} for _ in contenders]
    for task in tasks:
        every = [score for scores in contenders for score in scores[task]]
        low, range_ = min(every), (max(every) - min(every)) or 1.0
        for scores, own in zip(contenders, found, strict=True):
            own[task] = [(score - low) / range_ for score in scores[task]]
    return found


def interquartile_mean(scores: Scores) -> Estimate:
    """The mean of the middle half of all scores."""
    return _estimate(lambda drawn: stats.trim_mean(drawn, _CUT, axis=-1), scores)


def probability_of_improvement(ours: Scores, theirs: Scores) -> Estimate:
    """How likely it is that a run of ours scores higher than one of theirs; a tie counts a half.

    The mean over tasks of Mann and Whitney's U over the number of pairs.
    """

    def probability(a: Floats, b: Floats) -> Floats:
        higher = a[..., :, None] > b[..., None, :]
        equal = a[..., :, None] == b[..., None, :]
        found: Floats = (higher + 0.5 * equal).mean(axis=(-2, -1))
        return found

    generator = np.random.default_rng(_SEED)
    values, drawn = [], []
    for task in ours:
        a, b = (np.asarray(scores[task], np.float64) for scores in (ours, theirs))
        values.append(float(probability(a, b)))
        drawn.append(probability(_drawn(a, generator), _drawn(b, generator)))
    is_certain = any(len(scores[task]) < 2 for scores in (ours, theirs) for task in ours)
    return _with_interval(fmean(values), None if is_certain else np.mean(drawn, axis=0))


def performance_profile(scores: Scores, thresholds: Floats) -> tuple[Floats, Floats, Floats]:
    """The share of runs above each threshold, the mean over tasks, and its pointwise interval.

    Returns:
        Share, lower and upper end, each of the length of `thresholds`.
    """
    generator = np.random.default_rng(_SEED)
    shares, drawn = [], []
    for own in scores.values():
        values = np.asarray(own, np.float64)
        shares.append((values[:, None] > thresholds).mean(axis=0))
        again = _drawn(values, generator)
        drawn.append((again[:, :, None] > thresholds).mean(axis=1))
    low, high = np.percentile(np.mean(drawn, axis=0), _LEVELS, axis=0)
    return np.mean(shares, axis=0), low, high


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """How much higher our mean is, with Welch's interval; scores of one task.

    Source: Welch 1947, The generalization of Student's problem.
    """
    mean = fmean(ours) - fmean(theirs)
    if min(len(ours), len(theirs)) < 2:
        return Estimate(mean, None, None)
    a, b = variance(ours) / len(ours), variance(theirs) / len(theirs)
    if a == b == 0:
        return Estimate(mean, mean, mean)
    freedom = (a + b) ** 2 / (a**2 / (len(ours) - 1) + b**2 / (len(theirs) - 1))
    half = float(stats.t.ppf(1 - _ALPHA / 2, freedom)) * math.sqrt(a + b)
    return Estimate(mean, mean - half, mean + half)


def seeds_to_tell(ours: Sequence[float], theirs: Sequence[float]) -> int | None:
    """On how many seeds each, a difference like the one at hand would be seen.

    By a two-sided t-test at 5 %, four times in five, if means and spreads are what they seem. None
    where they seem to be equal, or more than 10,000 would be needed, or a single seed shows no
    spread.
    """
    if min(len(ours), len(theirs)) < 2:
        return None
    gap = abs(fmean(ours) - fmean(theirs))
    spread = math.sqrt((variance(ours) + variance(theirs)) / 2)
    if gap == 0:
        return None
    if spread == 0:
        return 2
    low, high = 2, 2
    while _power(high, gap / spread) < _POWER:
        low, high = high, 2 * high
        if high > _MOST_SEEDS:
            return None
    while low < high:
        middle = (low + high) // 2
        if _power(middle, gap / spread) < _POWER:
            low = middle + 1
        else:
            high = middle
    return high


def _power(n: int, effect: float) -> float:
    """How often a t-test with n scores each sees a difference of so many standard deviations."""
    freedom, shift = 2 * n - 2, effect * math.sqrt(n / 2)
    critical = stats.t.ppf(1 - _ALPHA / 2, freedom)
    return float(stats.nct.sf(critical, freedom, shift) + stats.nct.cdf(-critical, freedom, shift))


def _estimate(statistic: Callable[[Floats], Floats], scores: Scores) -> Estimate:
    generator = np.random.default_rng(_SEED)
    tasks = [np.asarray(own, np.float64) for own in scores.values()]
    value = float(statistic(np.concatenate(tasks)))
    if any(len(own) < 2 for own in tasks):
        return Estimate(value, None, None)
    drawn = np.concatenate([_drawn(own, generator) for own in tasks], axis=1)
    return _with_interval(value, statistic(drawn))


def _drawn(scores: Floats, generator: np.random.Generator) -> Floats:
    """Scores drawn anew, with replacement, [resamples, n]."""
    return scores[generator.integers(0, len(scores), (_RESAMPLES, len(scores)))]


def _with_interval(value: float, drawn: Floats | None) -> Estimate:
    if drawn is None:
        return Estimate(value, None, None)
    low, high = np.percentile(drawn, _LEVELS)
    return Estimate(value, float(low), float(high))
