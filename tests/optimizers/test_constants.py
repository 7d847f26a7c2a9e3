from typing import Any

import pytest

from amc.optimizers.bayesian import BayesianOptimizer
from amc.optimizers.grid import GridOptimizer
from amc.optimizers.random import RandomOptimizer
from amc.optimizers.sobol import SobolOptimizer
from amc.optimizers.tpe import TPEOptimizer

SPACE = {
    "gamma": [0.9, 0.9],
    "n_epochs": {"low": 3, "high": 3, "type": "int"},
    "activation": {"choices": ["relu"]},
    "ent_coef": {"low": 0.1, "high": 0.5, "if": {"activation": "relu"}},
}
KINDS = [BayesianOptimizer, GridOptimizer, RandomOptimizer, SobolOptimizer, TPEOptimizer]
CONSTANTS = {"gamma": 0.9, "n_epochs": 3, "activation": "relu"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_is_in_every_suggestion_and_the_rest_is_searched(kind: Any):
    optimizer = kind(SPACE, n_calls=10, seed=1)

    found = []
    for _ in range(5):
        suggestions = optimizer.suggest(2)
        found += suggestions
        optimizer.update(suggestions, [s["ent_coef"] for s in suggestions])

    assert len(found) == 10
    assert all(CONSTANTS.items() <= suggestion.items() for suggestion in found)
    assert len({suggestion["ent_coef"] for suggestion in found}) == 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_space_of_constants_has_one_suggestion(kind: Any):
    space = {key: SPACE[key] for key in CONSTANTS}
    optimizer = kind(space, n_calls=4, seed=1)

    suggestions = optimizer.suggest(4)

    assert suggestions
    assert all(suggestion == CONSTANTS for suggestion in suggestions)
