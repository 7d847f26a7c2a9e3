"""Where a population goes from what it copies: near it, on the scale of each dimension."""

from typing import Any

import numpy as np
import pytest

from amc.config.search.search_space import parse_dimension
from amc.optimizers.axes import make_axis
from amc.optimizers.encoding import Encoding
from amc.optimizers.perturbation import perturbed


@pytest.mark.parametrize(
    ("dimension", "value", "up", "down"),
    [
        ({"low": 1e-4, "high": 1e-1, "log": True}, 1e-2, 1.2e-2, 0.8e-2),
        ({"low": 1e-4, "high": 1e-1, "log": True}, 0.09, 0.1, 0.072),
        ({"low": 0.9, "high": 0.9999, "reverse_log": True}, 0.99, 0.992, 0.988),
        ([0.0, 1.0], 0.5, 0.6, 0.4),
        ([0.9, 1.0], 0.95, 0.96, 0.94),
        ({"low": 16, "high": 512, "log": True, "type": "int"}, 100, 120, 80),
        ({"low": 3, "high": 30, "type": "int"}, 4, 5, 3),
        ({"low": 3, "high": 30, "type": "int"}, 30, 30, 25),
        ({"choices": [256, 64, 128]}, 128, 256, 64),
        ({"choices": [256, 64, 128]}, 256, 256, 128),
        ({"choices": ["linear", "constant"]}, "constant", "constant", "linear"),
        ({"choices": [True, False]}, True, False, True),
    ],
)
def test_a_value_moves_by_a_fifth_or_to_a_neighbor(
    dimension: Any, value: Any, up: Any, down: Any
) -> None:
    axis = make_axis(parse_dimension(dimension))

    found = axis.moved(value, 1.2), axis.moved(value, 0.8)

    for one, wanted in zip(found, (up, down), strict=True):
        assert one == (pytest.approx(wanted) if type(wanted) is float else wanted)
    assert [type(one) for one in found] == [type(up), type(down)]


def test_draws_alone_decide_and_each_dimension_has_its_own() -> None:
    encoding = Encoding({"a": [0.1, 1.0], "b": [0.1, 1.0], "c": {"choices": ["x", "y", "z"]}})
    point = {"a": 0.5, "b": 0.5, "c": "y"}

    def explore(seed: int, resample: float) -> dict[str, Any]:
        return perturbed(encoding, point, np.random.default_rng(seed), resample)

    near = [explore(seed, 0.0) for seed in range(200)]
    mixed = [explore(seed, 0.25) for seed in range(400)]

    assert near == [explore(seed, 0.0) for seed in range(200)]
    moves = {(round(one["a"], 9), round(one["b"], 9), one["c"]) for one in near}
    assert len(moves) == 8
    afresh = sum(round(one["a"], 9) not in {0.58, 0.42} for one in mixed) / 400
    assert 0.18 < afresh < 0.32


def test_a_dimension_that_begins_to_count_is_drawn_and_one_that_ends_is_left_out() -> None:
    encoding = Encoding(
        {
            "kind": {"choices": ["plain", "noisy"]},
            "std": {"low": 1.0, "high": 2.0, "if": {"kind": "noisy"}},
        }
    )

    found = [
        perturbed(encoding, {"kind": "plain"}, np.random.default_rng(seed), 0.0)
        for seed in range(20)
    ]
    ended = [
        perturbed(encoding, {"kind": "noisy", "std": 1.5}, np.random.default_rng(seed), 0.0)
        for seed in range(20)
    ]

    assert {one["kind"] for one in found} == {"plain", "noisy"}
    assert all(("std" in one) == (one["kind"] == "noisy") for one in (*found, *ended))
    assert len({one["std"] for one in found if "std" in one}) > 5
