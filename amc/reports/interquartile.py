"""The interquartile mean of scores over seeds, with its bootstrap interval. Its door is `of`.

The mean of the middle half of the scores: as robust as a median where one seed fails, and steadier.
Source: Agarwal et al. 2021, https://arxiv.org/abs/2108.13264. Of fewer than four scores it is their
mean, and a bootstrap of so few covers less than it claims: the report says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import bootstrap, trim_mean

_RESAMPLES = 4999
_CUT = 0.25
_SEED = 0


@dataclass(frozen=True)
class InterquartileMean:
    """Of some scores.

    Attributes:
        mean: of the middle half.
        low: lower end of its 95 % percentile-bootstrap interval; None of a single score.
        high: its upper end.
        n: how many scores.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


def of(scores: Sequence[float]) -> InterquartileMean:
    """The interquartile mean of at least one score; the same scores give the same interval."""
    values = np.asarray(scores, dtype=np.float64)
    mean = float(trim_mean(values, _CUT))
    if len(values) < 2:
        return InterquartileMean(mean, None, None, len(values))
    found = bootstrap(
        (values,),
        lambda drawn, axis: trim_mean(drawn, _CUT, axis=axis),
        confidence_level=0.95,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return InterquartileMean(mean, float(found.low), float(found.high), len(values))
