"""Dimensions as columns: scales, whole numbers, choices."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc.config.search.search_space import Dimension, parse_dimension
from amc.optimizers.axes import ChoiceAxis, NumberChoiceAxis, RangeAxis, make_axis


def _middle(raw):
    return make_axis(parse_dimension(raw)).decode(np.array([0.5]))


@given(
    st.floats(1e-6, 1e6),
    st.floats(1.001, 1e6),
    st.sampled_from(["linear", "log"]),
    st.floats(0.0, 1.0),
)
def test_a_number_survives_the_way_through_the_cube(low, ratio, scale, position):
    axis = RangeAxis(Dimension(low, low * ratio, scale))

    value = axis.decode(np.array([position]))
    again = axis.decode(np.array(axis.encode(value)))

    assert low <= value <= low * ratio
    assert again == pytest.approx(value, rel=1e-9)


@given(st.integers(-1000, 1000), st.integers(1, 3000), st.data())
def test_a_whole_number_survives_exactly(low, width, data):
    scale = "log" if low > 0 and data.draw(st.booleans()) else "linear"
    value = data.draw(st.integers(low, low + width))
    axis = RangeAxis(Dimension(low, low + width, scale, "int"))

    columns = axis.encode(value)

    assert 0.0 <= columns[0] <= 1.0
    assert axis.decode(np.array(columns)) == value
    assert isinstance(axis.decode(np.array(columns)), int)


def test_each_scale_has_its_own_middle():
    assert _middle([0.0, 10.0]) == 5.0
    assert _middle({"low": 1e-4, "high": 1e-2, "log": True}) == pytest.approx(1e-3)
    assert _middle({"low": 0.9, "high": 0.999, "reverse_log": True}) == pytest.approx(0.99)


def test_bounds_are_reached_exactly():
    axis = make_axis(parse_dimension({"low": 0.001, "high": 0.1, "log": True}))

    ends = [axis.decode(np.array([0.0])), axis.decode(np.array([1.0]))]

    assert ends == [0.001, 0.1]


def test_every_whole_number_has_the_same_share_of_the_cube():
    axis = RangeAxis(Dimension(1, 4, type="int"))

    values = [axis.decode(np.array([position])) for position in np.linspace(0.001, 0.999, 400)]

    assert [values.count(value) for value in (1, 2, 3, 4)] == [100, 100, 100, 100]


def test_a_choice_between_numbers_is_ordered_by_size():
    axis = make_axis(parse_dimension({"choices": [256, 64, 128]}))

    columns = [axis.encode(choice)[0] for choice in (64, 128, 256)]

    assert isinstance(axis, NumberChoiceAxis)
    assert columns == sorted(columns)
    assert [axis.decode(np.array([column])) for column in columns] == [64, 128, 256]


def test_other_choices_are_equally_far_from_each_other():
    axis = make_axis(parse_dimension({"choices": ["ou", "normal", "none"]}))

    columns = np.array([axis.encode(choice) for choice in ("ou", "normal", "none")])
    distances = [math.dist(columns[i], columns[j]) for i, j in ((0, 1), (0, 2), (1, 2))]

    assert isinstance(axis, ChoiceAxis)
    assert len(set(distances)) == 1
    assert axis.decode(np.array([0.1, 0.9, 0.3])) == "normal"


def test_a_choice_is_known_again_after_json_made_a_list_of_it():
    axis = ChoiceAxis([(64, 64), (256, 256)])

    assert axis.encode([256, 256]) == [0.0, 1.0]


def test_true_is_not_one():
    axis = ChoiceAxis(["auto", 1])

    with pytest.raises(ValueError, match="True is not one of"):
        axis.encode(True)


@pytest.mark.parametrize("value", [0.05, 11, "1", None, True, math.nan, 1.5])
def test_a_value_outside_the_dimension_is_refused(value):
    axis = RangeAxis(Dimension(1, 10, type="int"))

    with pytest.raises(ValueError, match=r"is not a (whole )?number"):
        axis.encode(value)


@pytest.mark.parametrize("low, high", [(-1.7e308, 1.7e308), (0.0, 0.0)])
def test_a_range_that_floats_cannot_divide_is_refused(low, high):
    with pytest.raises(ValueError, match="Choose bounds that a float can tell apart"):
        RangeAxis(Dimension(low, high))


def test_levels_of_a_range_are_its_ends_or_its_middle():
    axis = RangeAxis(Dimension(1.0, 100.0, "log"))

    assert [axis.at(level, 3) for level in range(3)] == pytest.approx([1.0, 10.0, 100.0])
    assert axis.at(0, 1) == pytest.approx(10.0)
