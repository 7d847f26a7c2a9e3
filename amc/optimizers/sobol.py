"""Sobol search: points of a scrambled Sobol sequence, spread more evenly than draws at random."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import qmc

from amc.optimizers.axes import Array
from amc.optimizers.record import RecordingOptimizer


class SobolOptimizer(RecordingOptimizer):
    """Searches a space evenly; what random search leaves in clumps and gaps is filled.

    The first 2, 4, 8, ... suggestions are the most even ones, for any number of dimensions. In a
    discrete space nothing is suggested twice while something else is left. Takes the arguments of
    `RecordingOptimizer`; `n_initial_points` has no meaning here.
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
        # One coordinate for each dimension, not for each column: a choice between k values takes
        # an equal share of one coordinate, where the greatest of k columns would be left to chance.
        self._sequence = qmc.Sobol(len(self.encoding.axes), rng=self._generator())

    def _next_point(self) -> Array:
        point = self.encoding.spread(nth(self._sequence, self._index))
        is_repeat = point.tobytes() in self.taken
        return self._unseen(self._generator(self._index)) if is_repeat else point


def nth(sequence: qmc.Sobol, index: int) -> Array:
    """Point number `index` of a sequence, wherever it stood before."""
    sequence.reset()
    if index > 0:  # scipy cannot skip zero points
        sequence.fast_forward(index)
    return np.asarray(sequence.random(1)[0])
