"""The interval of a mean of few scores, against another implementation and by simulation."""

import numpy as np
import pytest
from scipy.stats import t

from amc.ledger.interval import half_width, quantile


@pytest.mark.parametrize("nu", [1, 2, 3, 4, 5, 29, 30, 999])
def test_the_quantile_is_that_of_students_distribution(nu: int):
    assert quantile(nu) == pytest.approx(t.ppf(0.975, nu), rel=1e-12)


def test_of_a_hundred_intervals_about_95_hold_the_mean():
    draws = np.random.default_rng(0).normal(10.0, 3.0, (20_000, 3))

    errors = draws.std(axis=1, ddof=1) / np.sqrt(3)
    holds = np.abs(draws.mean(axis=1) - 10.0) <= [half_width(error, 3) for error in errors]

    # 2,000 drawn again and again spread by 0.0015.
    assert holds.mean() == pytest.approx(0.95, abs=0.006)
