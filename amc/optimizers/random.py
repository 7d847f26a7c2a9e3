"""Random search: every suggestion drawn evenly over the unit cube of the search space."""

from amc.optimizers.axes import Array
from amc.optimizers.record import RecordingOptimizer


class RandomOptimizer(RecordingOptimizer):
    """Searches at random; what every other search must beat.

    In a discrete space nothing is suggested twice while something else is left.
    """

    uses_scores = False

    def _next_point(self) -> Array:
        return self._unseen(self._generator(self._index))
