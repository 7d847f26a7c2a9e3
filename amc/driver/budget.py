"""How many trials an experiment is: what is promised at submit, and what the driver keeps to.

The door is `budget`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.config.search.rungs import ETA, rungs
from amc.ledger import Request

# Of a search that is large enough for them.
_FINALISTS, _TEST_SEEDS, _LARGE = 4, 3, 16
# Of a round that is halved: then nine are compared at its rung. On real curves rounds of 9, 12 and
# 18 need 49, 64 and 62 % of the steps (`benchmarks/pruning.py`); five would tell too little.
_TO_THE_END = 3
# The points of a larger grid are not counted; who asks for more calls than it has gets fewer.
_MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Budget:
    """What is trained if no trial fails, nobody stops it, and the search ends no sooner.

    Attributes:
        search_trials: trials of the search, or of the config where there is none.
        seeds: trials of each suggestion.
        suggestions: how many; the last has fewer seeds where their number does not go into
            `search_trials`.
        suggestions_per_round: how many are suggested together.
        finalists: suggestions that are trained again.
        finalist_seeds: trials of each of these.
        test_seeds: trials of the winner on seeds that had no part in choosing it.
        grid_points: of a grid that is smaller than the trials that were asked for; else None.
    """

    search_trials: int = 1
    seeds: int = 1
    suggestions: int = 1
    suggestions_per_round: int = 1
    finalists: int = 0
    finalist_seeds: int = 0
    test_seeds: int = 0
    grid_points: int | None = None

    @property
    def trials(self) -> int:
        """All of them."""
        return self.search_trials + self.finalists * self.finalist_seeds + self.test_seeds

    def next_seeds(self, searched: int, suggestions: int) -> list[int]:
        """Of each of the next suggestions, how many trials it gets; empty at the end.

        Args:
            searched: trials of the search so far.
            suggestions: how many are wanted at most.
        """
        left = self.search_trials - searched
        count = min(suggestions, -(-left // self.seeds))
        return [min(self.seeds, left - index * self.seeds) for index in range(count)]


def budget(config: ExperimentConfig, requests: Iterable[Request] = ()) -> Budget:
    """How many trials a config is, and what was asked for since it was submitted.

    What the number of calls shapes (a grid, whether there are finalists) is as it was submitted.

    Args:
        config: of the experiment.
        requests: that decisions have dealt with.

    Raises:
        UsageError: its choices make a grid that is too large.
    """
    search = config.hyperparameter_optimizer
    if search is None:
        return Budget(search_trials=config.seeds, seeds=config.seeds)
    seeds = search.seeds_per_trial
    suggestions = -(-search.n_calls // seeds)
    points = _grid_points(search, suggestions)
    is_short = points is not None and points < suggestions
    trials = points * seeds if points is not None and is_short else search.n_calls
    if search.type not in {"grid", "pbt"}:
        trials += sum(request.calls for request in requests)
    halvings = len(rungs(config.training)) - 1
    least = _TO_THE_END * ETA**halvings if search.pruner == "halving" else 1
    is_large = search.n_calls >= _LARGE
    # Whoever has copied stands for the same weights as those copied: a population has no finalists.
    has_finalists = is_large and search.type != "pbt"
    finalists = _if_none(search.finalists, _FINALISTS if has_finalists else 0)
    return Budget(
        search_trials=trials,
        seeds=seeds,
        suggestions=-(-trials // seeds),
        suggestions_per_round=max(least, search.trials_per_round // seeds),
        # What was not tried on all of its seeds is not tried again either.
        finalists=min(finalists, trials // seeds),
        finalist_seeds=search.finalist_seeds,
        test_seeds=_if_none(search.test_seeds, _TEST_SEEDS if is_large else 0),
        grid_points=points if is_short else None,
    )


def _if_none(asked: int | None, default: int) -> int:
    return default if asked is None else asked


def _grid_points(search: HyperparameterOptimizerConfig, n_calls: int) -> int | None:
    if search.type != "grid" or n_calls > _MOST_COUNTED:
        return None
    space = {name: dimension.to_json() for name, dimension in search.search_space.items()}
    return _points(json.dumps(space), n_calls)


@lru_cache(maxsize=64)
def _points(search_space: str, n_calls: int) -> int | None:
    # Whoever follows an experiment asks some times a second; who has no grid needs no numpy.
    from amc.optimizers.grid import GridOptimizer

    grid = GridOptimizer(json.loads(search_space), n_calls)
    return grid.n_points if prod(grid.levels) <= _MOST_COUNTED else None
