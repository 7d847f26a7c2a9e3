"""The contract of a search, and the table of the searches there are.

`make` is the room's door. A search suggests points of a search space and learns their scores; it
knows nothing of trials, files or queues. The searches are named by reference, so that importing
this module imports neither bayes_opt nor scipy.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from amc.errors import UsageError
from amc.plugins import resolve

GROUP = "amc.optimizers"
BUILT_IN = {
    "bayesian": "amc.optimizers.bayesian:BayesianOptimizer",
    "grid": "amc.optimizers.grid:GridOptimizer",
    "random": "amc.optimizers.random:RandomOptimizer",
}


class Optimizer(ABC):
    """Searches for the suggestion of highest score.

    A subclass, or any class with these two methods, is constructed as `make` does it. The same
    arguments and the same history of calls must give the same suggestions, and an optimizer that is
    told a whole history in one `update` must go on as one that lived through it round by round.
    """

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


def make(
    type: str,
    search_space: Mapping[str, Any],
    n_calls: int,
    seed: int = 0,
    n_initial_points: int | None = None,
) -> Optimizer:
    """The optimizer that a config names.

    Args:
        type: `bayesian`, `random`, `grid`, or a plug-in's name (entry points `amc.optimizers`).
        search_space: name to dimension, each a `Dimension` or any form that a config may write.
        n_calls: suggestions that the search may take in all, at least 1.
        seed: of every draw, 0 or more.
        n_initial_points: suggestions spread over the space before the model speaks; None leaves it
            to the optimizer.

    Raises:
        UsageError: no such optimizer, or a space that it cannot search.
    """
    optimizer = resolve(type, built_in=BUILT_IN, group=GROUP, kind="optimizer")(
        search_space, n_calls=n_calls, seed=seed, n_initial_points=n_initial_points
    )
    for method in ("suggest", "update"):
        if not callable(getattr(optimizer, method, None)):
            raise UsageError(
                f"hyperparameter_optimizer.type: {type!r} has no method {method!r}. "
                "An optimizer has suggest(n_suggestions) and update(suggestions, scores)."
            )
    return optimizer  # type: ignore[no-any-return]
