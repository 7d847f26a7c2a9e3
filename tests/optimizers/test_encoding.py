"""Whole search spaces: names, conditions, lattices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc.errors import ConfigError, UsageError
from amc.optimizers.encoding import Encoding

MIXED = {
    "learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
    "gamma": {"low": 0.9, "high": 0.9999, "reverse_log": True},
    "n_epochs": {"low": 1, "high": 20, "type": "int"},
    "batch_size": {"choices": [64, 128, 256]},
    "noise_type": {"choices": ["ou", "normal", "none"]},
    "noise_theta": {"low": 0.05, "high": 0.5, "if": {"noise_type": "ou"}},
}


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=8, max_size=8))
def test_a_suggestion_survives_the_way_through_the_cube(columns):
    encoding = Encoding(MIXED)

    suggestion = encoding.decode(np.array(columns))
    again = encoding.decode(encoding.encode(suggestion))

    assert again.keys() == suggestion.keys()
    for name, value in suggestion.items():
        assert again[name] == (pytest.approx(value) if isinstance(value, float) else value)


def test_suggestions_are_the_same_exactly_where_canonical_points_are():
    encoding = Encoding({"a": {"choices": ["x", "y"]}, "b": {"low": 1, "high": 3, "type": "int"}})
    points = np.random.default_rng(0).random((200, encoding.n_columns))

    canonical = encoding.canonical(points)
    suggestions = {str(encoding.decode(point)) for point in points}

    assert len(np.unique(canonical, axis=0)) == len(suggestions) == 6
    assert np.array_equal(encoding.canonical(canonical), canonical)


def test_a_dimension_without_its_condition_is_left_out():
    encoding = Encoding(MIXED)
    suggestion = encoding.decode(np.full(8, 0.5)) | {"noise_type": "normal"}
    suggestion.pop("noise_theta")

    point = encoding.encode(suggestion)

    assert "noise_theta" not in encoding.decode(point)
    assert point[-1] == 0.5
    assert not encoding.movable(point)[-1]


def test_only_active_ranges_can_be_moved_along():
    encoding = Encoding(MIXED)

    moves = encoding.movable(encoding.encode(encoding.decode(np.full(8, 0.5))))

    assert moves.tolist() == [True, True, True, False, False, False, False, True]


def test_a_small_discrete_space_is_known_point_by_point():
    encoding = Encoding(
        {
            "kind": {"choices": ["a", "b"]},
            "level": {"low": 0, "high": 4, "type": "int", "if": {"kind": "a"}},
        }
    )

    suggestions = [encoding.decode(point) for point in encoding.lattice]

    assert len(suggestions) == 6
    assert {"kind": "b"} in suggestions
    assert {"kind": "a", "level": 4} in suggestions


@pytest.mark.parametrize(
    "dimension", [[0.0, 1.0], {"low": 1, "high": 5000, "type": "int"}], ids=["continuum", "large"]
)
def test_any_other_space_has_no_lattice(dimension):
    assert Encoding({"x": dimension, "y": {"choices": [1, 2]}}).lattice is None


@pytest.mark.parametrize(
    "suggestion, sentence",
    [
        ({"lr": 0.01, "gama": 0.9}, "'gama' is not searched. Did you mean 'gamma'?"),
        ({"lr": 0.01}, "'gamma' is missing"),
        ({"lr": 0.2, "gamma": 0.9}, "suggestion.lr: 0.2 is not a number from 0.001 to 0.1"),
    ],
)
def test_a_suggestion_that_does_not_belong_is_refused_by_name(suggestion, sentence):
    encoding = Encoding({"lr": [0.001, 0.1], "gamma": [0.8, 0.99]})

    with pytest.raises(UsageError) as caught:
        encoding.encode(suggestion)

    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "space, sentence",
    [
        ({}, "nothing to search"),
        ({"x": {"low": 0, "high": 1, "if": {"y": 1}}}, "'y' is no dimension of this space"),
        (
            {
                "x": {"choices": ["a", "b"], "if": {"z": 0}},
                "y": {"low": 0, "high": 1, "if": {"x": "a"}},
                "z": {"choices": [0, 1]},
            },
            "'x' has a condition itself",
        ),
    ],
)
def test_an_impossible_space_is_refused(space, sentence):
    with pytest.raises(UsageError, match=sentence):
        Encoding(space)


def test_a_malformed_dimension_is_a_fault_of_the_config():
    with pytest.raises(ConfigError, match="low < high must hold"):
        Encoding({"x": [1.0, 0.0]})
