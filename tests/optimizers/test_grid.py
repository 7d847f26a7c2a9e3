"""Grid search."""

import pytest

from amc.errors import UsageError
from amc.optimizers.grid import GridOptimizer


def _all(optimizer, size=7):
    suggestions = []
    while batch := optimizer.suggest(size):
        optimizer.update(batch, [0.0] * len(batch))
        suggestions += batch
    return suggestions


def test_a_grid_covers_the_space_and_then_ends():
    optimizer = GridOptimizer({"x": [0.0, 1.0], "y": {"choices": ["a", "b"]}}, n_calls=10)

    suggestions = _all(optimizer)

    expected = {(x, y) for x in (0.0, 0.25, 0.5, 0.75, 1.0) for y in "ab"}
    assert {(point["x"], point["y"]) for point in suggestions} == expected
    assert len(suggestions) == 10
    assert optimizer.suggest(1) == []


@pytest.mark.parametrize(
    "n_calls, levels", [(50, [2, 2, 2, 2, 3]), (31, [3, 2, 2, 2, 1]), (1, [1, 1, 1, 1, 1])]
)
def test_levels_fit_into_the_calls(n_calls, levels):
    optimizer = GridOptimizer({name: [0.0, 1.0] for name in "abcde"}, n_calls)

    assert sorted(optimizer.levels) == sorted(levels)


def test_whole_numbers_get_no_more_levels_than_they_have():
    optimizer = GridOptimizer({"n": {"low": 1, "high": 3, "type": "int"}, "x": [0.0, 1.0]}, 30)

    assert optimizer.levels == [3, 10]
    assert {point["n"] for point in _all(optimizer)} == {1, 2, 3}


def test_choices_are_all_kept_even_if_the_grid_grows_too_large():
    optimizer = GridOptimizer(
        {"a": {"choices": ["x", "y", "z"]}, "b": {"choices": [True, False]}}, 4
    )

    assert len(_all(optimizer)) == 6


def test_points_that_a_condition_makes_alike_are_tried_once():
    space = {"a": {"choices": ["x", "y"]}, "n": {"choices": [1, 2, 3], "if": {"a": "x"}}}

    suggestions = _all(GridOptimizer(space, n_calls=6))

    assert len(suggestions) == 4
    assert suggestions.count({"a": "y"}) == 1


def test_a_point_that_the_user_tried_is_left_out():
    optimizer = GridOptimizer({"a": {"choices": [1, 2, 3]}}, n_calls=3)
    optimizer.update([{"a": 2}], [1.0])

    assert {point["a"] for point in _all(optimizer)} == {1, 3}


def test_the_order_is_shuffled_by_the_seed():
    space = {"n": {"low": 0, "high": 19, "type": "int"}}

    orders = [[point["n"] for point in _all(GridOptimizer(space, 20, seed=s))] for s in (1, 1, 2)]

    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_a_hopeless_grid_is_refused():
    space = {f"c{index}": {"choices": list("abcdefghij")} for index in range(7)}

    with pytest.raises(UsageError, match="a grid of 10000000 points"):
        GridOptimizer(space, n_calls=50)
