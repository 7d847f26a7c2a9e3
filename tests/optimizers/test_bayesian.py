"""Bayesian search: that it finds optima, keeps parallel suggestions apart, and bears anything."""

import numpy as np
import pytest

from amc.optimizers.bayesian import MOST_PENDING, BayesianOptimizer

BRANIN = {"x": [-5.0, 10.0], "y": [0.0, 15.0]}


def _branin(x, y):
    bowl = (y - 5.1 / (4.0 * np.pi**2) * x * x + 5.0 / np.pi * x - 6.0) ** 2
    return -float(bowl + 10.0 * (1.0 - 1.0 / (8.0 * np.pi)) * np.cos(x) + 10.0)


def _run(optimizer, function, rounds, size=4):
    scores = []
    for _ in range(rounds):
        suggestions = optimizer.suggest(size)
        told = [function(**suggestion) for suggestion in suggestions]
        optimizer.update(suggestions, told)
        scores += told
    return scores


@pytest.mark.parametrize("seed", [0, 1])
def test_branin_is_solved_in_thirty_evaluations(seed):
    optimizer = BayesianOptimizer(BRANIN, n_calls=30, seed=seed)

    scores = _run(optimizer, _branin, rounds=10, size=3)

    # A random point is 54 below the optimum on average, the best of 30 about 2.
    assert max(scores) > -0.39789 - 0.05


def test_a_choice_and_a_log_scale_are_found_together():
    def score(kind, lr, n):
        return (kind == "good") - (np.log10(lr) + 3.0) ** 2 - 0.01 * (n - 40) ** 2

    space = {
        "kind": {"choices": ["bad", "good", "ugly"]},
        "lr": {"low": 1e-6, "high": 1.0, "log": True},
        "n": {"low": 1, "high": 64, "type": "int"},
    }

    scores = _run(BayesianOptimizer(space, n_calls=36), score, rounds=9)

    assert max(scores) > 0.9


def test_noise_does_not_hold_it_on_one_point():
    generator = np.random.default_rng(0)
    optimizer = BayesianOptimizer({"x": [0.0, 1.0]}, n_calls=32)

    _run(optimizer, lambda x: -((x - 0.3) ** 2) + 0.1 * generator.standard_normal(), rounds=7)
    spread = [suggestion["x"] for suggestion in optimizer.suggest(4)]

    assert min(np.diff(sorted(spread))) >= 1e-3


def test_parallel_suggestions_never_collapse_onto_one_point():
    optimizer = BayesianOptimizer(BRANIN, n_calls=60, seed=2)
    _run(optimizer, _branin, rounds=5)

    points = np.array([[point["x"] / 15.0, point["y"] / 15.0] for point in optimizer.suggest(12)])

    distances = np.abs(points[:, None] - points).max(axis=2)[np.triu_indices(12, k=1)]
    assert distances.min() >= 1e-3


def test_failures_keep_it_away():
    optimizer = BayesianOptimizer({"x": [0.0, 1.0]}, n_calls=60, seed=1)

    def score(x):
        return None if x > 0.5 else x

    for _ in range(10):
        suggestions = optimizer.suggest(4)
        optimizer.update(suggestions, [score(**suggestion) for suggestion in suggestions])
    late = [suggestion["x"] for suggestion in optimizer.suggest(4)]

    assert sum(x <= 0.5 for x in late) >= 2


def test_the_first_suggestions_are_spread_over_the_space():
    optimizer = BayesianOptimizer({"x": [0.0, 1.0], "y": [0.0, 1.0]}, 100, n_initial_points=16)

    points = np.array([list(suggestion.values()) for suggestion in optimizer.suggest(16)])

    quarters = {(bool(x > 0.5), bool(y > 0.5)) for x, y in points}
    assert len(quarters) == 4
    assert all(len(np.unique((points[:, column] * 16).astype(int))) == 16 for column in (0, 1))


@pytest.mark.parametrize(
    "n_dimensions, n_calls, expected", [(1, 50, 4), (3, 50, 8), (6, 50, 14), (6, 20, 6), (3, 2, 4)]
)
def test_the_number_of_initial_points_follows_the_space(n_dimensions, n_calls, expected):
    space = {f"x{index}": [0.0, 1.0] for index in range(n_dimensions)}

    assert BayesianOptimizer(space, n_calls).n_initial_points == expected


def test_without_any_score_it_goes_on_spreading():
    optimizer = BayesianOptimizer(BRANIN, n_calls=20, n_initial_points=0)

    suggestions = optimizer.suggest(10)

    assert len({suggestion["x"] for suggestion in suggestions}) == 10


def test_a_great_many_pending_suggestions_are_spread_without_the_model():
    optimizer = BayesianOptimizer({"x": [0.0, 1.0]}, n_calls=1000, n_initial_points=1)
    optimizer.expect([{"x": index / 1000.0} for index in range(MOST_PENDING)])
    optimizer.update([{"x": 0.7}], [1.0])

    suggestions = optimizer.suggest(3)

    assert len({suggestion["x"] for suggestion in suggestions}) == 3


def test_a_point_tried_many_times_over_is_learned_every_time():
    optimizer = BayesianOptimizer({"a": {"choices": [1, 2, 3]}}, n_calls=50, n_initial_points=3)

    for _ in range(4):
        optimizer.update([{"a": 1}] * 5 + [{"a": 3}] * 5, [0.0, 0.1, 0.2, 0.3, 0.4] * 2)

    assert optimizer.suggest(1) == [{"a": 2}]
    assert optimizer.n_observed == 40
