"""Statistics of scores over seeds: closed forms, independent implementations, and coverage."""

import math

import numpy as np
import pytest
from scipy import stats

from amc.inference import (
    difference,
    interquartile_mean,
    normalized,
    performance_profile,
    probability_of_improvement,
    seeds_to_tell,
)


def test_the_interquartile_mean_is_that_of_the_middle_half():
    found = interquartile_mean({"it": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1000.0]})

    assert found.value == pytest.approx((2 + 3 + 4 + 5) / 4)


def test_its_interval_covers_the_truth_about_as_often_as_it_claims():
    generator = np.random.default_rng(0)
    draws = generator.normal(10.0, 3.0, (200, 20))

    found = [interquartile_mean({"it": draw}) for draw in draws]

    covered = sum(one.low <= 10.0 <= one.high for one in found)
    assert 0.88 <= covered / len(found) <= 0.99


def test_its_interval_is_scipy_s_where_there_is_one_task():
    scores = np.random.default_rng(1).normal(size=12)
    theirs = stats.bootstrap(
        (scores,),
        lambda drawn, axis: stats.trim_mean(drawn, 0.25, axis=axis),
        method="percentile",
        n_resamples=20_000,
        rng=0,
    ).confidence_interval

    ours = interquartile_mean({"it": scores})

    assert ours.low == pytest.approx(theirs.low, abs=0.06)
    assert ours.high == pytest.approx(theirs.high, abs=0.06)


def test_its_interval_is_as_wide_as_that_of_many_scores():
    scores = np.random.default_rng(0).uniform(0.0, 1.0, 400)

    found = interquartile_mean({"it": scores})

    # Draws beyond the quartiles count as these: their variance is 1/24, over half of the draws.
    half = 1.96 * np.sqrt(1 / 24) / 0.5 / np.sqrt(400)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.15)


def test_seeds_are_drawn_within_their_task():
    # Within a task nothing varies; drawn over both, the mean would.
    found = interquartile_mean({"low": [0.0] * 4, "high": [1.0] * 4})

    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)


def test_the_same_scores_give_the_same_interval():
    scores = {"it": [1.0, 5.0, 2.0, 7.0, 3.0]}

    assert interquartile_mean(scores) == interquartile_mean(dict(scores))


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([3.0, 4.0], [1.0, 2.0], 1.0),
        ([1.0, 2.0], [3.0, 4.0], 0.0),
        ([1.0, 1.0], [1.0, 1.0], 0.5),
        ([1.0, 3.0], [2.0, 2.0], 0.5),
    ],
)
def test_the_probability_of_improvement_counts_pairs(ours, theirs, expected):
    assert probability_of_improvement({"it": ours}, {"it": theirs}).value == expected


def test_it_is_mann_and_whitney_s_u_over_the_number_of_pairs():
    generator = np.random.default_rng(2)
    ours, theirs = generator.normal(1, 1, 9), generator.normal(0, 1, 7)

    found = probability_of_improvement({"it": ours}, {"it": theirs})

    assert found.value == pytest.approx(stats.mannwhitneyu(ours, theirs).statistic / 63)
    assert found.low < found.value < found.high


def test_over_tasks_it_is_the_mean():
    ours, theirs = {"a": [1.0, 2.0], "b": [0.0, 0.0]}, {"a": [0.0, 0.0], "b": [1.0, 2.0]}

    assert probability_of_improvement(ours, theirs).value == 0.5


def test_of_single_seeds_there_is_no_interval():
    for found in (
        interquartile_mean({"it": [1.0]}),
        probability_of_improvement({"it": [1.0]}, {"it": [2.0, 3.0]}),
        difference([1.0], [2.0, 3.0]),
    ):
        assert found.low is None and found.high is None


def test_a_profile_falls_from_all_to_none():
    thresholds = np.array([-1.0, 0.5, 1.5, 9.0])

    share, low, high = performance_profile({"it": [0.0, 1.0, 2.0, 2.0]}, thresholds)

    np.testing.assert_allclose(share, [1.0, 0.75, 0.5, 0.0])
    assert (low <= share).all() and (share <= high).all()


def test_tasks_of_different_scales_count_alike():
    ours, theirs = normalized(
        [{"small": [0.0, 1.0], "large": [500.0]}, {"small": [0.5], "large": [-500.0, 0.0]}]
    )

    assert ours == {"small": [0.0, 1.0], "large": [1.0]}
    assert theirs == {"small": [0.5], "large": [0.0, 0.5]}


def test_a_single_task_keeps_its_scores_and_a_flat_one_divides_by_nothing():
    assert normalized([{"it": [3.0]}, {"it": [7.0]}]) == [{"it": [3.0]}, {"it": [7.0]}]
    assert normalized([{"a": [3.0], "b": [1.0]}, {"a": [3.0], "b": [2.0]}])[0] == {
        "a": [0.0],
        "b": [0.0],
    }


@pytest.mark.parametrize(
    ("fresh", "recorded", "holds"),
    [
        ([490.0, 500.0, 495.0], [500.0, 480.0, 499.0], True),
        ([100.0, 120.0, 110.0], [500.0, 480.0, 499.0], False),
        ([500.0, 500.0], [500.0, 500.0], True),
        ([400.0, 400.0], [500.0, 500.0], False),
        ([500.0], [500.0, 500.0], None),
        ([1.0, 2.0], [1.5], None),
    ],
)
def test_a_score_holds_where_chance_may_account_for_the_difference(fresh, recorded, holds):
    assert difference(fresh, recorded).may_be_none is holds


def test_the_interval_of_a_difference_is_welch_s():
    # By hand: means 2 and 5, variances 1 and 4, n 3 and 3; standard error 1.29099, 2.94118 degrees
    # of freedom, t = 3.21873.
    found = difference([1.0, 2.0, 3.0], [3.0, 5.0, 7.0])

    assert found.value == -3.0
    assert (found.low, found.high) == pytest.approx((-3 - 4.15540, -3 + 4.15540), abs=1e-3)


def test_a_difference_of_what_never_varies_is_certain():
    assert difference([5.0, 5.0], [3.0, 3.0]).low == 2.0


def test_how_many_seeds_tell_a_difference_is_what_tables_say():
    # Cohen 1988, table 2.4.1: d = 0.8 takes 26, d = 0.5 takes 64 in each group.
    for effect, expected in [(0.8, 26), (0.5, 64)]:
        shape = np.array([-1.0, 1.0]) / math.sqrt(2)

        assert seeds_to_tell(shape + effect, shape) == expected


def test_so_many_seeds_tell_it_four_times_in_five():
    generator = np.random.default_rng(3)
    n = seeds_to_tell([1.2, 3.2], [0.0, 2.0])
    ours = generator.normal(1.2, math.sqrt(2), (2000, n))
    theirs = generator.normal(0.0, math.sqrt(2), (2000, n))

    seen = stats.ttest_ind(ours, theirs, axis=1).pvalue < 0.05

    assert seen.mean() == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([1.0, 1.0], [1.0, 1.0], None),
        ([1.0], [2.0, 3.0], None),
        ([0.0, 1e6], [1.0, 1e6], None),
        ([2.0, 2.0], [1.0, 1.0], 2),
    ],
)
def test_where_no_number_of_seeds_can_be_named_none_is(ours, theirs, expected):
    assert seeds_to_tell(ours, theirs) == expected
