"""The interquartile mean and its interval."""

import numpy as np
import pytest

from amc.reports import interquartile


def test_it_is_the_mean_of_the_middle_half():
    found = interquartile.of([-1000.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 900.0])

    assert (found.mean, found.n) == (3.5, 8)


def test_of_three_it_is_their_mean():
    assert interquartile.of([1.0, 2.0, 6.0]).mean == 3.0


def test_a_single_score_has_no_interval():
    found = interquartile.of([7.0])

    assert (found.mean, found.low, found.high) == (7.0, None, None)


def test_equal_scores_leave_no_doubt():
    found = interquartile.of([500.0] * 4)

    assert (found.low, found.high) == (500.0, 500.0)


def test_the_interval_is_as_wide_as_the_mean_s_of_many_scores():
    scores = np.random.default_rng(0).uniform(0.0, 1.0, 400).tolist()

    found = interquartile.of(scores)

    # Draws beyond the quartiles count as these: their variance is 1/24, over half of the draws.
    half = 1.96 * np.sqrt(1 / 24) / 0.5 / np.sqrt(400)
    assert found.low is not None and found.high is not None
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.15)
    assert found == interquartile.of(scores), "the same each time"
