"""Search by a tree-structured Parzen estimator: that it learns, keeps apart, and stays quiet."""

import logging
import logging.handlers
import math
import sys

import numpy as np
import pytest

from amc.config.loader import ConfigLoader
from amc.errors import ConfigError, SearchError
from amc.optimizers import make
from amc.optimizers.tpe import TPEOptimizer, _columns, _distribution, _value

SPACE = {
    "kind": {"choices": ["bad", "good", "ugly"]},
    "lr": {"low": 1e-6, "high": 1.0, "log": True},
    "n": {"low": 1, "high": 64, "type": "int"},
    "width": {"choices": [32, 64, 128]},
    "theta": {"low": 0.0, "high": 1.0, "if": {"kind": "good"}},
}


def _score(kind, lr, n, width, theta=0.0):
    misses = (np.log10(lr) + 3.0) ** 2 + abs(n - 40) / 64 + (width != 64)
    return 3.0 * (kind == "good") + 2.0 * theta - misses


def _run(optimizer, rounds):
    for _ in range(rounds):
        suggestions = optimizer.suggest(4)
        optimizer.update(suggestions, [_score(**suggestion) for suggestion in suggestions])


@pytest.mark.parametrize("seed", [0, 1])
def test_it_goes_where_good_scores_lie_dense(seed):
    optimizer = TPEOptimizer(SPACE, n_calls=80, seed=seed)

    _run(optimizer, rounds=15)
    late = optimizer.suggest(12)

    assert sum(point["kind"] == "good" for point in late) >= 9
    assert sum(point["width"] == 64 for point in late) >= 7
    assert np.median([abs(math.log10(point["lr"]) + 3) for point in late]) < 0.75
    assert np.mean([point["theta"] for point in late if "theta" in point]) > 0.6


@pytest.mark.parametrize("seed", range(4))
def test_pending_points_keep_it_away(seed):
    def suggested(pending):
        optimizer = TPEOptimizer({"x": [0.0, 1.0]}, n_calls=100, seed=seed)
        told = [{"x": x} for x in np.linspace(0.0, 1.0, 21).tolist()]
        optimizer.update(told, [-abs(point["x"] - 0.5) for point in told])
        optimizer.expect([{"x": pending + 0.001 * index} for index in range(-6, 7)])
        return abs(optimizer.suggest(1)[0]["x"] - 0.5)

    assert suggested(pending=0.5) > 0.08 > suggested(pending=0.9)


def test_a_failed_trial_counts_as_the_worst():
    optimizer = TPEOptimizer({"x": [0.0, 1.0]}, n_calls=100, seed=1, n_initial_points=0)
    told = [{"x": x} for x in np.linspace(0.0, 1.0, 31).tolist()]

    optimizer.update(told, [None if point["x"] > 0.5 else -1e9 - point["x"] for point in told])

    assert all(point["x"] <= 0.5 for point in optimizer.suggest(6))


@pytest.mark.parametrize("n_calls, expected", [(50, 10), (21, 7), (3, 4)])
def test_it_begins_with_points_of_a_sobol_sequence(n_calls, expected):
    tpe, sobol = (make(name, SPACE, n_calls, seed=5) for name in ("tpe", "sobol"))

    assert tpe.suggest(expected) == sobol.suggest(expected)
    assert tpe.n_initial_points == expected


def test_every_kind_of_dimension_comes_back_from_optunas_terms():
    optimizer = TPEOptimizer(
        {**SPACE, "steps": {"low": 8, "high": 4096, "log": True, "type": "int"}}, n_calls=200
    )

    for suggestion in optimizer.suggest(200):
        point = optimizer.encoding.encode(suggestion)
        for name, axis in zip(optimizer.encoding.names, optimizer.encoding.axes, strict=True):
            if name in suggestion:
                distribution = _distribution(axis)
                columns = point[optimizer.encoding.columns[name]]
                again = _columns(distribution, _value(distribution, columns))
                assert axis.decode(again) == suggestion[name]


def test_optuna_logs_nothing_and_keeps_the_level_that_it_had(monkeypatch):
    logger, heard = logging.getLogger("optuna"), logging.handlers.BufferingHandler(1000)
    monkeypatch.setattr(logger, "handlers", [heard])
    monkeypatch.setattr(logger, "level", logging.INFO)
    optimizer = TPEOptimizer(SPACE, n_calls=40)

    _run(optimizer, rounds=4)

    assert heard.buffer == []
    assert logger.level == logging.INFO


def test_without_optuna_the_config_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    config = {
        "experiment_name": "e",
        "algorithm": "ppo",
        "environment": {"name": "CartPole-v1"},
        "training": {"total_timesteps": 1000},
        "hyperparameter_optimizer": {
            "type": "tpe",
            "n_calls": 4,
            "search_space": {"gamma": [0.9, 0.99]},
        },
    }

    with pytest.raises(ConfigError, match=r"pip install 'ai-mission-control\[tpe\]'") as caught:
        ConfigLoader().from_mapping(config)

    assert [fault.path for fault in caught.value.faults] == ["hyperparameter_optimizer.type"]


def test_a_driver_without_optuna_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "amc.optimizers.tpe")

    with pytest.raises(SearchError, match=r"^optimizer 'tpe': needs Optuna, .*\[tpe\]'\.$"):
        make("tpe", SPACE, n_calls=4)
