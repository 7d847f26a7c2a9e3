"""What every built-in search remembers: points observed, points pending, and how many there were.

`RecordingOptimizer` does the bookkeeping of `suggest` and `update`; a search adds where the next
point should be. Suggestion number i, counted over all that is observed and pending, draws from a
generator of its own, so that the state is the set of observations and nothing else: a search that
is told its history at once goes on with the same bits as one that lived through it.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from amc.errors import UsageError
from amc.optimizers.axes import Array
from amc.optimizers.base import Optimizer
from amc.optimizers.encoding import Encoding

# First key of every draw; far from the streams that trials take from the same seed.
STREAM = 7001
_DRAWS = 1000


class RecordingOptimizer(Optimizer):
    """Bookkeeping around a rule for the next point.

    Args:
        search_space: name to dimension, each a `Dimension` or any form that a config may write.
        n_calls: suggestions that the search may take in all, at least 1.
        seed: of every draw, 0 or more.
        n_initial_points: suggestions spread over the space before the model speaks, for a search
            that has a model.

    Attributes:
        encoding: of the search space.
        n_calls: as given.
        seed: as given.
        pending: canonical points [d] suggested and not updated, oldest first.
        taken: every observed or pending point, as bytes.
        n_observed: updates so far.

    Raises:
        ConfigError: a dimension is malformed.
        UsageError: the space or another argument is impossible.
    """

    def __init__(
        self,
        search_space: Mapping[str, Any],
        n_calls: int,
        seed: int = 0,
        n_initial_points: int | None = None,
    ) -> None:
        for name, value, least in (
            ("n_calls", n_calls, 1),
            ("seed", seed, 0),
            ("n_initial_points", n_initial_points or 0, 0),
        ):
            if value < least:
                raise UsageError(f"{name}: must be at least {least}, but got {value}.")
        self.encoding = Encoding(search_space)
        self.n_calls = n_calls
        self.seed = seed
        self.pending: list[Array] = []
        self.taken: set[bytes] = set()
        self.n_observed = 0

    def suggest(self, n_suggestions: int = 1) -> list[dict[str, Any]]:
        """See `Optimizer`; pending from now on, and none alike while the space has others left."""
        if n_suggestions < 1:
            raise UsageError(f"n_suggestions: must be at least 1, but got {n_suggestions}.")
        suggestions = []
        for _ in range(n_suggestions):
            point = self._next_point()
            if point is None:
                break
            # The point that the suggestion encodes to, not the one that it was decoded from: a
            # rebuilt search knows the suggestion only, and the two differ in the last bits.
            suggestions.append(self.encoding.decode(point))
            self._expect(self.encoding.encode(suggestions[-1]))
        return suggestions

    def expect(self, suggestions: Sequence[Mapping[str, Any]]) -> None:
        """See `Optimizer`.

        Raises:
            UsageError: a suggestion does not belong to the search space.
        """
        for point in [self.encoding.encode(suggestion) for suggestion in suggestions]:
            self._expect(point)

    def update(
        self, suggestions: Sequence[Mapping[str, Any]], scores: Sequence[float | None]
    ) -> None:
        """See `Optimizer`; either everything is learned or, on an error, nothing.

        Raises:
            UsageError: a suggestion does not belong to the search space, or there are not as many
                scores as suggestions.
        """
        if len(suggestions) != len(scores):
            raise UsageError(
                f"update: {len(suggestions)} suggestions but {len(scores)} scores. "
                "Give one for each."
            )
        points = [self.encoding.encode(suggestion) for suggestion in suggestions]
        for point, score in zip(points, [_finite(score) for score in scores], strict=True):
            self._observe(point, score)

    @abstractmethod
    def _next_point(self) -> Array | None:
        """Where the next suggestion should be, a point [d], or None if nothing is left."""

    def _observe(self, point: Array, score: float | None) -> None:
        """Learn the score, None if the trial failed, of a canonical point."""
        self.n_observed += 1
        for index, other in enumerate(self.pending):
            if np.array_equal(point, other):
                del self.pending[index]
                return
        self.taken.add(point.tobytes())

    @property
    def _index(self) -> int:
        """Number of the next suggestion."""
        return self.n_observed + len(self.pending)

    @property
    def _is_exhausted(self) -> bool:
        return self.encoding.lattice is not None and not self._untaken

    @property
    def _untaken(self) -> list[Array]:
        """What is left of a small discrete space."""
        lattice = self.encoding.lattice
        points = [] if lattice is None else list(lattice)
        return [np.asarray(point) for point in points if point.tobytes() not in self.taken]

    def _generator(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(STREAM, *key)))

    def _unseen(self, generator: np.random.Generator) -> Array:
        """A canonical point drawn evenly, not taken unless everything is."""
        if self.encoding.lattice is not None:
            points = self._untaken or list(self.encoding.lattice)
            return np.asarray(points[generator.integers(len(points))])
        for _ in range(_DRAWS):
            point = self.encoding.canonical(generator.random((1, self.encoding.n_columns)))[0]
            if point.tobytes() not in self.taken:
                break
        return np.asarray(point)

    def _expect(self, point: Array) -> None:
        self.pending.append(point)
        self.taken.add(point.tobytes())


def _finite(score: float | None) -> float | None:
    return None if score is None or not math.isfinite(score) else float(score)
