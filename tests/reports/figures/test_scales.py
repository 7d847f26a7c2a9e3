"""Where values stand on an axis, as they were searched."""

import pytest

from amc.config.search.search_space import parse_dimension
from amc.reports.figures import scales


@pytest.mark.parametrize(
    ("form", "value", "place"),
    [
        ([0.0, 4.0], 1.0, 0.25),
        ({"low": 1e-4, "high": 1e-2, "log": True}, 1e-3, 0.5),
        ({"low": 0.9, "high": 0.999, "reverse_log": True}, 0.99, 0.5),
        ({"low": 1, "high": 9, "type": "int"}, 3, 0.25),
        ({"choices": ["a", "b"]}, "b", 0.75),
        ({"choices": [64, 16, 32]}, 16, 1 / 6),
        ({"choices": [True, 1]}, 1, 0.75),
        ({"choices": [[64, 64], [32]]}, [32], 0.75),
    ],
)
def test_a_value_stands_where_its_scale_has_it(form, value, place: float):
    assert scales.position(parse_dimension(form), value) == pytest.approx(place)


@pytest.mark.parametrize("value", [None, "x", 5.0])
def test_what_is_no_value_of_a_dimension_has_no_place(value):
    assert scales.position(parse_dimension([0.0, 4.0]), value) is None
    assert scales.position(parse_dimension({"choices": ["a"]}), value) is None


def test_a_hyperparameter_that_is_not_there_is_not_the_choice_of_none():
    dimension = parse_dimension({"choices": [None, 1.0]})

    assert scales.place({"clip": None}, "clip", dimension) == 0.25
    assert scales.place({}, "clip", dimension) is None


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ([0.1, 0.4], ["0.1", "0.2", "0.3", "0.4"]),
        ({"low": 1e-4, "high": 1e-1, "log": True}, ["0.0001", "0.001", "0.01", "0.1"]),
        ({"low": 0.9, "high": 0.9999, "reverse_log": True}, ["0.9999", "0.999", "0.99", "0.9"]),
        ({"low": 16, "high": 512, "log": True, "type": "int"}, ["20", "50", "100", "200", "500"]),
        ({"choices": ["tanh", "a_very_long_name"]}, ["tanh", "a_very_long…"]),
    ],
)
def test_ticks_are_round_values(form, written: list[str]):
    found = scales.ticks(parse_dimension(form))

    assert [text for _, text in found] == written
    assert all(0 <= place <= 1 for place, _ in found)
