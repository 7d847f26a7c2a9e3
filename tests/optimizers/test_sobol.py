"""Sobol search: how evenly it covers a space."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import qmc

from amc.optimizers.random import RandomOptimizer
from amc.optimizers.sobol import SobolOptimizer

SQUARE = {"x": [0.0, 1.0], "y": [0.0, 1.0]}


def test_every_sixteenth_of_every_range_and_every_cell_of_a_square_gets_its_share():
    points = np.array([[s["x"], s["y"]] for s in SobolOptimizer(SQUARE, 16, seed=4).suggest(16)])

    assert (
        {int(x * 16) for x in points[:, 0]} == {int(y * 16) for y in points[:, 1]} == {*range(16)}
    )
    assert len({(int(x * 4), int(y * 4)) for x, y in points}) == 16


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_more_even_than_random_search(seed: int):
    def discrepancy(kind: type[SobolOptimizer | RandomOptimizer]) -> float:
        suggestions = kind(SQUARE, 40, seed=seed).suggest(40)
        return float(qmc.discrepancy([[s["x"], s["y"]] for s in suggestions]))

    assert discrepancy(SobolOptimizer) < 0.5 * discrepancy(RandomOptimizer)


def test_choices_and_whole_numbers_get_equal_shares():
    space = {
        "kind": {"choices": ["a", "b", "c", "d"]},
        "n": {"low": 1, "high": 8, "type": "int"},
        "x": [0.0, 1.0],
    }

    suggestions = SobolOptimizer(space, n_calls=64, seed=2).suggest(64)

    assert set(Counter(s["kind"] for s in suggestions).values()) == {16}
    assert set(Counter(s["n"] for s in suggestions).values()) == {8}
    assert set(Counter((s["kind"], s["n"]) for s in suggestions).values()) == {2}


def test_a_log_scale_is_covered_decade_by_decade():
    suggestions = SobolOptimizer({"lr": {"low": 1e-4, "high": 1.0, "log": True}}, 16).suggest(16)

    decades = Counter(int(np.floor(np.log10(s["lr"]))) for s in suggestions)
    assert decades == {-1: 4, -2: 4, -3: 4, -4: 4}


def test_a_point_depends_on_the_seed_and_its_number_only():
    together, apart = SobolOptimizer(SQUARE, 16, seed=5), SobolOptimizer(SQUARE, 16, seed=5)

    one_by_one = [apart.suggest(1)[0] for _ in range(11)]

    assert together.suggest(8) + together.suggest(3) == one_by_one
