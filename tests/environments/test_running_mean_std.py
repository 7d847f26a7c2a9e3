"""Running statistics, against numpy over everything seen."""

import numpy as np
import pytest

from amc.environments.compiled.running_mean_std import (
    COUNT,
    EPSILON,
    MEAN,
    SQUARES,
    add_and_scale,
    add_and_standardize,
    add_batch,
    new_running_mean_std,
    standardize,
)


def batches(n: int, d: int, count: int = 50):
    generator = np.random.default_rng(0)
    return [(generator.normal(3.0, 2.0, (n, d))).astype(np.float32) for _ in range(count)]


@pytest.mark.parametrize("n", [1, 8])
def test_moments_are_those_of_all_samples(n: int):
    seen = batches(n, 5)
    statistics = new_running_mean_std(5)

    for batch in seen:
        add_batch(statistics, batch)

    samples = np.concatenate(seen).astype(np.float64)
    assert statistics[COUNT] == pytest.approx(len(samples), rel=1e-5)
    assert statistics[MEAN] == pytest.approx(samples.mean(axis=0), rel=1e-4)
    assert statistics[SQUARES] / statistics[COUNT] == pytest.approx(samples.var(axis=0), rel=1e-3)


def test_moments_of_far_away_samples_lose_no_digits():
    statistics = new_running_mean_std(1)
    samples = 1e9 + np.random.default_rng(0).normal(size=(1000, 1))

    for sample in samples:
        add_batch(statistics, sample[None])

    # The first sample meets a mean of 0 with weight 1e-4, which adds 1e-4 * 1e18 to the squares.
    squares = statistics[SQUARES, 0] - 1e-4 * (1e9**2) / (1 + 1e-4 / 1000)
    assert np.isfinite(squares)
    assert statistics[MEAN, 0] == pytest.approx(samples.mean(), rel=1e-6)


def test_the_update_is_chans_to_the_last_bit_of_plain_python():
    first, second = batches(4, 1, count=2)
    statistics = new_running_mean_std(1)
    count, mean, squares = 1e-4, 0.0, 1e-4

    for batch in (first, second):
        add_batch(statistics, batch)
        values = [float(value) for value in batch[:, 0]]
        batch_mean = sum(values) / 4
        batch_squares = 0.0
        for value in values:
            batch_squares += (value - batch_mean) ** 2
        delta = batch_mean - mean
        mean += delta * 4 / (count + 4)
        squares += batch_squares + delta * delta * count * 4 / (count + 4)
        count += 4

    assert statistics[:, 0].tolist() == [count, mean, squares]


def test_standardize_centres_scales_and_clips():
    statistics = np.array([[10.0, 10.0], [1.0, 0.0], [40.0, 0.0]])
    out = np.empty((2, 2), np.float32)

    standardize(statistics, np.array([[5.0, 1.0], [1.0, 0.0]], np.float32), 10.0, out)

    assert out == pytest.approx(np.array([[2.0, 10.0], [0.0, 0.0]]), rel=1e-6)


def test_adding_and_standardizing_is_one_after_the_other():
    batch = batches(4, 3, count=1)[0]
    both, each = new_running_mean_std(3), new_running_mean_std(3)
    out, expected = np.empty((2, *batch.shape), np.float32)

    add_and_standardize(both, batch, 10.0, out)
    add_batch(each, batch)
    standardize(each, batch, 10.0, expected)

    assert np.array_equal(both, each)
    assert np.array_equal(out, expected)


def test_rewards_are_scaled_by_the_spread_of_discounted_returns():
    generator = np.random.default_rng(0)
    statistics, returns = new_running_mean_std(1), np.zeros((2, 1))
    history, running = [], np.zeros(2)
    out = np.empty(2)

    for _ in range(200):
        reward = generator.normal(1.0, 3.0, 2)
        add_and_scale(statistics, reward, returns, 0.9, 10.0, out)
        running = 0.9 * running + reward
        history.append(running)

    spread = np.sqrt(np.var(history) + EPSILON)
    assert returns[:, 0] == pytest.approx(running)
    assert out == pytest.approx(reward / spread, rel=1e-3)
