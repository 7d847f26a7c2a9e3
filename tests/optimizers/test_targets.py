"""From scores to targets."""

import numpy as np
import pytest

from amc.optimizers.targets import FAILED, MOST_POINTS, observations, standardized


def test_the_order_of_arrival_leaves_no_trace():
    generator = np.random.default_rng(0)
    points, scores = generator.random((30, 2)), generator.random(30)
    points[7] = points[3]
    order = generator.permutation(30)

    first = observations(points, scores)
    second = observations(points[order], scores[order])

    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_targets_are_standardised():
    targets = standardized(np.array([3.0, 1.0, 2.0, 5.0]))

    assert targets.mean() == pytest.approx(0.0)
    assert targets.std() == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_the_unit_of_the_scores_does_not_matter(scale):
    scores = np.array([0.3, -1.0, 0.1, FAILED])

    np.testing.assert_allclose(standardized(scale * scores), standardized(scores))


def test_a_bad_tail_is_pulled_in_and_a_good_one_is_not():
    targets = standardized(np.array([-1e6, 1.0, 2.0, 3.0, 4.0, 5.0, 100.0]))

    assert targets[0] > targets[1] - 1.0
    assert targets[-1] > 2.0


def test_one_divergence_does_not_drown_the_rest():
    targets = standardized(np.array([-1e18, 1.0, 2.0, 3.0, 4.0, 5.0]))

    assert np.diff(targets[1:]).min() > 0.1


@pytest.mark.parametrize(
    "scores", [[500.0, FAILED, 500.0], [0.0, FAILED], [0.1 + 0.2, FAILED, 0.3]]
)
def test_a_failure_counts_even_where_all_other_scores_are_equal(scores):
    targets = standardized(np.array(scores))

    assert targets[1] < targets[0] - 1.0
    assert np.delete(targets, 1).tolist() == [targets[0]] * (len(scores) - 1)


def test_a_failed_trial_is_worse_than_every_other():
    targets = standardized(np.array([1.0, FAILED, 2.0, 0.5]))

    assert np.isfinite(targets).all()
    assert targets[1] < np.delete(targets, 1).min()


@pytest.mark.parametrize("scores", [[FAILED, FAILED], [2.5, 2.5, 2.5], [7.0], [1e300, 1e300]])
def test_where_nothing_can_be_learned_targets_are_zero(scores):
    assert standardized(np.array(scores)).tolist() == [0.0] * len(scores)


def test_of_many_trials_the_best_are_kept():
    generator = np.random.default_rng(0)
    points, scores = generator.random((1000, 1)), generator.random(1000)

    kept, targets = observations(points, scores)

    assert kept.shape == (MOST_POINTS, 1)
    assert targets.shape == (MOST_POINTS,)
    best = points[np.argsort(-scores)[: MOST_POINTS // 2]]
    assert np.isin(np.round(best, 9), kept).all()
