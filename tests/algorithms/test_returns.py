import math

import numpy as np
import pytest

from amc.algorithms.returns import (
    discounted_sums,
    explained_variance,
    generalized_advantage_estimation,
    temporal_differences,
)
from amc.errors import ShapeError

GAMMA = 0.9
T, N = 7, 3


def column(*numbers):
    return np.array(numbers, dtype=float)[:, None]


def flags(*ends):
    return np.array(ends, dtype=bool)[:, None]


@pytest.fixture
def rollout():
    """Seven random steps of three environments, with both kinds of ends."""
    generator = np.random.default_rng(0)
    terminated = generator.random((T, N)) < 0.2
    truncated = ~terminated & (generator.random((T, N)) < 0.2)
    return {
        "rewards": generator.normal(size=(T, N)),
        "values": generator.normal(size=(T, N)),
        "next_values": generator.normal(size=(T, N)),
        "terminated": terminated,
        "ended": terminated | truncated,
    }


def advantages(rollout, gae_lambda):
    differences = temporal_differences(
        rollout["rewards"],
        rollout["values"],
        rollout["next_values"],
        rollout["terminated"],
        GAMMA,
    )
    return generalized_advantage_estimation(
        differences, rollout["ended"], gamma=GAMMA, gae_lambda=gae_lambda
    )


def test_three_steps_worked_by_hand():
    differences = temporal_differences(
        column(1, 2, 3), column(10, 20, 30), column(20, 30, 40), flags(0, 0, 1), 0.5
    )

    result = generalized_advantage_estimation(
        differences, flags(0, 0, 1), gamma=0.5, gae_lambda=0.8
    )

    # d = 1 + 10 - 10, 2 + 15 - 20, 3 - 30;  A_2 = d_2, A_1 = d_1 + 0.4 A_2, A_0 = d_0 + 0.4 A_1
    assert differences.ravel().tolist() == [1.0, -3.0, -27.0]
    assert result.ravel() == pytest.approx([1 - 0.4 * 13.8, -3 - 0.4 * 27, -27])


def test_with_lambda_zero_an_advantage_is_one_temporal_difference(rollout):
    expected = (
        rollout["rewards"]
        + GAMMA * np.where(rollout["terminated"], 0, rollout["next_values"])
        - rollout["values"]
    )

    result = advantages(rollout, gae_lambda=0.0)

    np.testing.assert_allclose(result, expected, rtol=1e-12)


def test_with_lambda_one_an_advantage_is_the_discounted_return_minus_the_value():
    generator = np.random.default_rng(1)
    rewards, values = generator.normal(size=(T, N)), generator.normal(size=(T, N))
    after = generator.normal(size=(1, N))
    ended = np.zeros((T, N), dtype=bool)
    next_values = np.concatenate([values[1:], after])

    differences = temporal_differences(rewards, values, next_values, ended, GAMMA)
    result = generalized_advantage_estimation(differences, ended, gamma=GAMMA, gae_lambda=1.0)

    returns = discounted_sums(rewards, ended, GAMMA, last=after[0])
    np.testing.assert_allclose(result, returns - values, rtol=1e-12)


def test_a_truncated_episode_still_bootstraps():
    ends = flags(0, 1)

    cut_off = temporal_differences(column(1, 1), column(0, 0), column(0, 10), flags(0, 0), GAMMA)
    finished = temporal_differences(column(1, 1), column(0, 0), column(0, 10), ends, GAMMA)

    assert cut_off.ravel().tolist() == [1.0, 1 + GAMMA * 10]
    assert finished.ravel().tolist() == [1.0, 1.0]


def test_nothing_flows_from_one_episode_into_the_one_before(rollout):
    t = 3
    rollout["ended"][t] = True
    before = advantages(rollout, gae_lambda=0.95)

    rollout["rewards"][t + 1 :] += 100.0
    after = advantages(rollout, gae_lambda=0.95)

    np.testing.assert_array_equal(after[: t + 1], before[: t + 1])


def test_environments_do_not_mix(rollout):
    together = advantages(rollout, gae_lambda=0.95)

    alone = {name: array[:, 1:2] for name, array in rollout.items()}

    np.testing.assert_array_equal(advantages(alone, gae_lambda=0.95), together[:, 1:2])


def test_arrays_of_different_shape_are_refused_by_name():
    with pytest.raises(ShapeError, match=r"next_values \(3, 1\).*terminated \(2, 1\)"):
        temporal_differences(column(1, 2), column(1, 2), column(1, 2, 3), flags(0, 0), GAMMA)


def test_explained_variance_is_one_for_the_truth_and_zero_for_a_constant():
    returns = np.array([1.0, 2.0, 4.0])

    assert explained_variance(returns, returns) == 1.0
    assert explained_variance(np.full(3, 7.0), returns) == pytest.approx(0.0)
    assert explained_variance(-returns, returns) == pytest.approx(-3.0)
    assert math.isnan(explained_variance(returns, np.ones(3)))
