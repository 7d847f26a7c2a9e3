"""Each kind of dimension as columns of the unit cube.

`make_axis` is the door. Nothing here knows of whole search spaces, of conditions or of optimizers.

    dimension                        columns   a value v of it becomes
    range, scale t                   1         (t(v) - t(low)) / (t(high) - t(low))
    whole numbers, scale t           1         the same, from t(low - 1/2) to t(high + 1/2)
    choice between k numbers         1         the whole numbers 0 to k - 1, smallest number first
    choice between k other values    k         1 in its own column, 0 in the others

t(v) is v, log v, or -log(1 - v) for `reverse_log`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amc.config.search.dimension import is_among, is_number
from amc.config.search.search_space import Dimension

Array = NDArray[np.float64]


class Axis(ABC):
    """One dimension as columns of the cube.

    Attributes:
        width: number of columns.
        levels: number of distinct values; None for a continuum.
        is_range: whether a move along the columns is a move between neighbouring values.
        is_even: whether every level has the same share of its column.
    """

    width = 1
    levels: int | None
    is_range = False
    is_even = False

    @abstractmethod
    def encode(self, value: Any) -> list[float]:
        """The columns of a value. Raises ValueError, with a sentence, if it is not one of ours."""

    @abstractmethod
    def decode(self, columns: Array) -> Any:
        """The value that columns in [0, 1] stand for."""

    @abstractmethod
    def settled(self, value: Any) -> Any:
        """One of our values, which `encode` took, in the type in which `decode` gives it."""

    def spread(self, position: float) -> Any:
        """The value at a position in [0, 1) where all values share the axis evenly on its scale."""
        return self.decode(np.array([position]))

    @abstractmethod
    def moved(self, value: Any, factor: float) -> Any:
        """A value near one of ours: up for a factor above 1, down for one below, within bounds."""

    @abstractmethod
    def at(self, level: int, levels: int) -> Any:
        """Value number `level` of `levels` values spread evenly; a single one is the middle."""


def make_axis(dimension: Dimension) -> Axis:
    """The axis of a dimension.

    Raises:
        ValueError: the range has no width, or more than a float can hold.
    """
    if dimension.choices is None:
        return RangeAxis(dimension)
    if all(is_number(choice) for choice in dimension.choices):
        return NumberChoiceAxis(dimension.choices)
    return ChoiceAxis(dimension.choices)


class RangeAxis(Axis):
    """Numbers between two bounds, both included, on a scale."""

    is_range = True

    def __init__(self, dimension: Dimension) -> None:
        self.dimension = dimension
        self.is_whole = dimension.type == "int"
        self.is_even = self.is_whole and dimension.scale == "linear"
        self.levels = int(dimension.high) - int(dimension.low) + 1 if self.is_whole else None
        # Half a step outwards gives the first and the last whole number a full share of the cube.
        margin = 0.5 if self.is_whole else 0.0
        self._start = self._scale(dimension.low - margin)
        self._width = self._scale(dimension.high + margin) - self._start
        if not 0.0 < self._width < math.inf:
            raise ValueError(
                f"from {dimension.low} to {dimension.high} on a {dimension.scale} scale is a width "
                f"of {self._width} in floating point. Choose bounds that a float can tell apart."
            )

    def encode(self, value: Any) -> list[float]:
        """See `Axis`."""
        low, high = self.dimension.low, self.dimension.high
        if not is_number(value) or not low <= value <= high:
            raise ValueError(f"{value!r} is not a number from {low} to {high}.")
        if self.is_whole and value != int(value):
            raise ValueError(f"{value!r} is not a whole number.")
        return [min(max((self._scale(value) - self._start) / self._width, 0.0), 1.0)]

    def decode(self, columns: Array) -> float | int:
        """See `Axis`."""
        low, high = self.dimension.low, self.dimension.high
        position = float(columns[0])
        value = min(max(self._unscale(self._start + position * self._width), low), high)
        # Searches often end at a bound, where log and exp would leave a last digit behind.
        if position in (0.0, 1.0):
            value = high if position else low
        return round(value) if self.is_whole else float(value)

    def settled(self, value: Any) -> float | int:
        """See `Axis`."""
        return int(value) if self.is_whole else float(value)

    def moved(self, value: Any, factor: float) -> float | int:
        """See `Axis`; the factor is of what the scale measures, and a whole number moves by one."""
        low, high = self.dimension.low, self.dimension.high
        match self.dimension.scale:
            case "log":
                found = value * factor
            case "reverse_log":
                found = 1.0 - (1.0 - value) * (2.0 - factor)
            case "linear":
                found = low + (value - low) * factor
        if self.is_whole:
            least = value + 1 if factor > 1 else value - 1
            found = max(round(found), least) if factor > 1 else min(round(found), least)
        return self.settled(min(max(found, low), high))

    def at(self, level: int, levels: int) -> float | int:
        """See `Axis`; two levels are the bounds."""
        if levels == self.levels:
            return int(self.dimension.low) + level
        return self.decode(np.array([level / (levels - 1) if levels > 1 else 0.5]))

    def _scale(self, value: float) -> float:
        if self.dimension.scale == "log":
            return math.log(value)
        return -math.log1p(-value) if self.dimension.scale == "reverse_log" else float(value)

    def _unscale(self, value: float) -> float:
        if self.dimension.scale == "log":
            return math.exp(value)
        return -math.expm1(-value) if self.dimension.scale == "reverse_log" else value


class NumberChoiceAxis(Axis):
    """A choice between numbers: neighbours in size are neighbours in the cube."""

    is_even = True

    def __init__(self, choices: Sequence[Any]) -> None:
        self.choices = sorted(choices)
        self.levels = len(choices)
        self._index = RangeAxis(Dimension(low=0, high=len(choices) - 1, type="int"))

    def encode(self, value: Any) -> list[float]:
        """See `Axis`."""
        return self._index.encode(_position(value, self.choices))

    def decode(self, columns: Array) -> Any:
        """See `Axis`."""
        return self.choices[int(self._index.decode(columns))]

    def settled(self, value: Any) -> Any:
        """See `Axis`."""
        return self.choices[_position(value, self.choices)]

    def moved(self, value: Any, factor: float) -> Any:
        """See `Axis`; to the next in size."""
        return _neighbor(value, self.choices, factor)

    def at(self, level: int, levels: int) -> Any:
        """See `Axis`; two levels are the least and the greatest number."""
        return self.choices[int(self._index.at(level, levels))]


class ChoiceAxis(Axis):
    """A choice between values of any other kind, none nearer to one than to another."""

    def __init__(self, choices: Sequence[Any]) -> None:
        self.choices = choices
        self.levels = self.width = len(choices)

    def encode(self, value: Any) -> list[float]:
        """See `Axis`."""
        position = _position(value, self.choices)
        return [float(index == position) for index in range(self.width)]

    def decode(self, columns: Array) -> Any:
        """See `Axis`; the greatest column wins."""
        return self.choices[int(np.argmax(columns))]

    def settled(self, value: Any) -> Any:
        """See `Axis`."""
        return self.choices[_position(value, self.choices)]

    def spread(self, position: float) -> Any:
        """See `Axis`."""
        return self.choices[int(position * self.width)]

    def moved(self, value: Any, factor: float) -> Any:
        """See `Axis`; to the next in the order in which they were written."""
        return _neighbor(value, self.choices, factor)

    def at(self, level: int, levels: int) -> Any:
        """See `Axis`; the first values in the order in which they were written."""
        return self.choices[level]


def _neighbor(value: Any, choices: Sequence[Any], factor: float) -> Any:
    position = _position(value, choices) + (1 if factor > 1 else -1)
    return choices[min(max(position, 0), len(choices) - 1)]


def _position(value: Any, choices: Sequence[Any]) -> int:
    for position, choice in enumerate(choices):
        if is_among(_plain(value), [_plain(choice)]):
            return position
    raise ValueError(f"{value!r} is not one of {', '.join(map(repr, choices))}.")


def _plain(value: Any) -> Any:
    # What comes back from JSON holds lists where the search space may hold tuples.
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
