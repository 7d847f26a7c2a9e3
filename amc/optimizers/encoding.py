"""A search space and the unit cube: suggestions become points of [0, 1]^d and points suggestions.

The optimizers see nothing but the cube. `Encoding` is the door; it knows no optimizer. How a single
dimension is laid out, `amc.optimizers.axes` says. A dimension whose condition does not hold stands
at 1/2 in all of its columns and is left out of the suggestion.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amc.config.search.dimension import is_among
from amc.config.search.search_space import Dimension, parse_dimension
from amc.errors import UsageError
from amc.optimizers.axes import Array, Axis, make_axis
from amc.plugins import did_you_mean

INACTIVE = 0.5
# A space of at most so many points is searched by looking at every one of them.
LATTICE_LIMIT = 4096


class Encoding:
    """The unit cube of a search space.

    Args:
        search_space: name to dimension, each a `Dimension` or any form that a config may write.

    Attributes:
        names: the dimensions, in the order of the search space.
        axes: the layout of each dimension.
        groups: int [d], index of the dimension that each column belongs to.
        columns: of each dimension, by name.

    Raises:
        ConfigError: a dimension is malformed.
        UsageError: the space is empty, or a condition names no dimension that is always there.
    """

    def __init__(self, search_space: Mapping[str, Any]) -> None:
        if not search_space:
            raise UsageError(
                "search_space: empty, so there is nothing to search. Name a dimension."
            )
        self._space = {name: parse_dimension(raw) for name, raw in search_space.items()}
        self.names = tuple(self._space)
        self.axes = tuple(_axis(name, dimension) for name, dimension in self._space.items())
        self.groups: NDArray[np.intp] = np.repeat(
            np.arange(len(self.axes)), [axis.width for axis in self.axes]
        )
        ends = np.cumsum([axis.width for axis in self.axes])
        self.columns = {
            name: slice(end - axis.width, end)
            for name, axis, end in zip(self.names, self.axes, ends, strict=True)
        }
        self._check_conditions()

    @property
    def n_columns(self) -> int:
        """Columns of the cube, d."""
        return len(self.groups)

    @cached_property
    def is_continuous(self) -> bool:
        """Whether every point of the cube is a suggestion of its own."""
        return all(axis.levels is None for axis in self.axes) and not self._has_conditions

    def encode(self, suggestion: Mapping[str, Any]) -> Array:
        """The point [d] of a suggestion.

        Raises:
            UsageError: a name is missing or unknown, or a value is outside its dimension.
        """
        for name in suggestion:
            if name not in self._space:
                meant = did_you_mean(str(name), self.names)
                raise UsageError(
                    f"suggestion: {name!r} is not searched. {meant}Searched: "
                    f"{', '.join(self.names)}."
                )
        point = np.full(self.n_columns, INACTIVE)
        for name, axis in zip(self.names, self.axes, strict=True):
            if self._counts(name, suggestion):
                point[self.columns[name]] = _encoded(name, axis, suggestion)
        return point

    def settled(self, suggestion: Mapping[str, Any]) -> dict[str, Any]:
        """A suggestion of others as ours are: values of their dimension's own type, no more names.

        Raises:
            UsageError: a name is missing or unknown, or a value is outside its dimension.
        """
        self.encode(suggestion)
        return {
            name: axis.settled(suggestion[name])
            for name, axis in zip(self.names, self.axes, strict=True)
            if self._counts(name, suggestion)
        }

    def decode(self, point: Array) -> dict[str, Any]:
        """The suggestion that a point [d] stands for; keys in the order of the search space."""
        values = {
            name: axis.decode(point[self.columns[name]])
            for name, axis in zip(self.names, self.axes, strict=True)
        }
        return {name: value for name, value in values.items() if self._counts(name, values)}

    def canonical(self, points: Array) -> Array:
        """Each of the points [p, d] replaced by the point that its suggestion encodes to.

        Two points stand for the same suggestion if and only if their canonical points are equal.
        """
        return np.array([self.encode(self.decode(point)) for point in points])

    def spread(self, positions: Array) -> Array:
        """The canonical point [d] of one position in [0, 1) for each dimension, all shares even."""
        placed = zip(self.names, self.axes, positions, strict=True)
        return self.encode({name: axis.spread(float(position)) for name, axis, position in placed})

    def movable(self, point: Array) -> NDArray[np.bool_]:
        """Columns [d] along which a point may be moved continuously: active ranges."""
        values = self.decode(point)
        moves = [
            axis.is_range and name in values
            for name, axis in zip(self.names, self.axes, strict=True)
        ]
        return np.array(moves)[self.groups]

    @cached_property
    def lattice(self) -> Array | None:
        """Every canonical point [p, d] of a small discrete space; None for any other space."""
        levels = [axis.levels for axis in self.axes]
        counts = [level for level in levels if level is not None]
        if len(counts) < len(levels) or math.prod(counts) > LATTICE_LIMIT:
            return None
        points = [self.grid_point(indices, counts) for indices in product(*map(range, counts))]
        # Where a condition does not hold, several indices are one point.
        return np.array(list({point.tobytes(): point for point in points}.values()))

    def grid_point(self, indices: Sequence[int], levels: Sequence[int]) -> Array:
        """A canonical point [d] of a factorial grid.

        Args:
            indices: for each dimension, which of its levels.
            levels: for each dimension, how many levels the grid has.
        """
        placed = zip(self.names, self.axes, indices, levels, strict=True)
        return self.encode({name: axis.at(index, count) for name, axis, index, count in placed})

    def n_grid_points(self, levels: Sequence[int]) -> int:
        """How many different points a factorial grid of so many levels of each dimension has.

        Levels of a short range of whole numbers may be the same number, and where a condition does
        not hold all levels of its dimension are one point.
        """
        values = {
            name: {
                tuple(axis.encode(value)): value
                for value in map(axis.at, range(count), [count] * count)
            }
            for name, axis, count in zip(self.names, self.axes, levels, strict=True)
        }
        counts = {name: len(different) for name, different in values.items()}
        conditions = {name: self._space[name].condition for name in self.names}
        parents = {parent for condition in conditions.values() for parent in condition or {}}
        free = [name for name in self.names if name not in parents and not conditions[name]]
        total = 0
        for combination in product(*(values[parent].values() for parent in parents)):
            chosen = dict(zip(parents, combination, strict=True))
            active = [n for n in self.names if conditions[n] and self._counts(n, chosen)]
            total += math.prod(counts[name] for name in active)
        return total * math.prod(counts[name] for name in free)

    @cached_property
    def _has_conditions(self) -> bool:
        return any(dimension.condition for dimension in self._space.values())

    def _counts(self, name: str, values: Mapping[str, Any]) -> bool:
        condition = self._space[name].condition or {}
        return all(
            parent in values and is_among(values[parent], allowed)
            for parent, allowed in condition.items()
        )

    def _check_conditions(self) -> None:
        for name, dimension in self._space.items():
            for parent in dimension.condition or {}:
                if parent not in self._space:
                    meant = did_you_mean(parent, self.names)
                    raise UsageError(
                        f"search_space.{name}.if: {parent!r} is no dimension of this space. {meant}"
                        f"Dimensions: {', '.join(self.names)}."
                    )
                if self._space[parent].condition:
                    raise UsageError(
                        f"search_space.{name}.if: {parent!r} has a condition itself. "
                        "Name a dimension that is always there."
                    )


def _axis(name: str, dimension: Dimension) -> Axis:
    try:
        return make_axis(dimension)
    except ValueError as error:
        raise UsageError(f"search_space.{name}: {error}") from error


def _encoded(name: str, axis: Axis, suggestion: Mapping[str, Any]) -> list[float]:
    if name not in suggestion:
        raise UsageError(f"suggestion: {name!r} is missing. Give a value for it.")
    try:
        return axis.encode(suggestion[name])
    except ValueError as error:
        raise UsageError(f"suggestion.{name}: {error}") from error
