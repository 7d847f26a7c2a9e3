"""Grid search: the points of a factorial grid, each once, in an order shuffled by the seed."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from amc.errors import UsageError
from amc.optimizers.axes import Array, Axis, ChoiceAxis
from amc.optimizers.record import RecordingOptimizer

MOST_POINTS = 1_000_000


class GridOptimizer(RecordingOptimizer):
    """Searches a grid of about `n_calls` points.

    Ranges and choices between numbers get as many levels as fit into `n_calls`, the same number for
    each as nearly as possible; a choice between anything else always has all of its values, even if
    the grid then has more than `n_calls` points. A whole grid is tried and then nothing more is
    suggested; a search that stops early has seen a random part of it. Takes the arguments of
    `RecordingOptimizer`; `n_initial_points` has no meaning here.

    Raises:
        UsageError: the choices alone make more than a million points.
    """

    uses_scores = False

    def __init__(
        self,
        search_space: Mapping[str, Any],
        n_calls: int,
        seed: int = 0,
        n_initial_points: int | None = None,
    ) -> None:
        super().__init__(search_space, n_calls, seed, n_initial_points)
        self.levels = levels(self.encoding.axes, min(n_calls, MOST_POINTS))
        if prod(self.levels) > MOST_POINTS:
            raise UsageError(
                f"search_space: its choices make a grid of {prod(self.levels)} points, more than "
                f"{MOST_POINTS}. Use the random or the bayesian optimizer, or fewer choices."
            )
        self._order = self._generator().permutation(prod(self.levels))
        self._next = 0

    @property
    def n_points(self) -> int:
        """How many suggestions there are in all."""
        return self.encoding.n_grid_points(self.levels)

    def _next_point(self) -> Array | None:
        while self._next < len(self._order):
            indices = np.unravel_index(self._order[self._next], self.levels)
            point = self.encoding.grid_point([int(index) for index in indices], self.levels)
            if point.tobytes() not in self.taken:
                return point
            # What is taken stays taken, so there is never a reason to look back.
            self._next += 1
        return None


def levels(axes: Sequence[Axis], n_points: int) -> list[int]:
    """How many values of each axis make a grid of at most `n_points`, all choices kept.

    Grows the axis with the fewest levels, the first of them on a tie, as long as the grid fits.
    """
    counts = [axis.levels or 1 if isinstance(axis, ChoiceAxis) else 1 for axis in axes]
    growing = set(range(len(axes)))
    while growing:
        index = min(growing, key=lambda index: (counts[index], index))
        grown = [count + (place == index) for place, count in enumerate(counts)]
        if counts[index] == axes[index].levels or prod(grown) > n_points:
            growing.remove(index)
        else:
            counts = grown
    return counts
