"""The contract of a search: it suggests points of a search space and learns their scores.

It knows nothing of trials, files or queues.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any


class Optimizer(ABC):
    """Searches for the suggestion of highest score.

    Any class with `suggest` and `update` will do (`amc.optimizers.plug_in`). The same arguments and
    the same history of calls must give the same suggestions. A subclass of this one promises more:
    told its history in `update` and `expect` alone, it goes on as one that lived through it.

    Attributes:
        uses_scores: whether what it suggests depends on them. If not, nobody tells them: all that
            was suggested stays pending.
    """

    uses_scores = True

    @abstractmethod
    def suggest(self, n_suggestions: int = 1) -> list[dict[str, Any]]:
        """The next suggestions, to be tried at the same time.

        A suggestion is pending until `update` tells its score. Fewer than asked for, or none, are
        returned only by a search that has nothing left to suggest.
        """

    @abstractmethod
    def update(
        self, suggestions: Sequence[Mapping[str, Any]], scores: Sequence[float | None]
    ) -> None:
        """Learn scores, higher is better.

        Args:
            suggestions: pending ones, in any order, or points of the user's own.
            scores: one for each; None or a number that is not finite says that the trial failed.
        """

    def expect(self, suggestions: Sequence[Mapping[str, Any]]) -> None:
        """Take suggestions as pending, as if `suggest` had just returned them.

        Each suggestion of a search is either told, in `update`, or expected, and none is both. A
        plug-in need not have this method: for one without it a copy is told instead that what is
        pending scored as the worst so far, and answers in its place.

        Args:
            suggestions: ones that are being tried, in the order of their numbers.
        """
        raise NotImplementedError(f"{type(self).__name__} has no expect.")
