"""What the search tries next: the optimizer of a config, brought to where its search stands."""

from collections.abc import Sequence
from typing import Any

from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.config.search.rungs import rungs
from amc.driver.told import Row, teach, told
from amc.optimizers import make

_BEFORE_ALL = -1


def next_suggestions(
    config: ExperimentConfig,
    search: HyperparameterOptimizerConfig,
    rows: Sequence[Row],
    count: int,
) -> list[dict[str, Any]]:
    """The next suggestions of a search; fewer than asked for only if nothing is left to suggest.

    Args:
        config: of the experiment.
        search: the part of it that says how to search.
        rows: one for each suggestion so far, in any order.
        count: how many are wanted, at least 1.
    """
    optimizer = make(
        search.type,
        search_space=search.search_space,
        n_calls=-(-search.n_calls // search.seeds_per_trial),
        seed=config.seed,
        n_initial_points=search.n_initial_points,
    )
    teach(optimizer, told([*_known(config, search), *rows], is_pruned=search.pruner is not None))
    # The search's suggestion n is point n of the config, as long as there are any.
    tried = sum(not row.is_users for row in rows)
    own = [dict(point) for point in search.initial_points[tried:][:count]]
    if own:
        optimizer.expect(own)
    return own + (optimizer.suggest(count - len(own)) if count > len(own) else [])


def _known(config: ExperimentConfig, search: HyperparameterOptimizerConfig) -> list[Row]:
    """What another experiment taught: trained to their end, and learned before anything else."""
    points = (search.warm_start.points if search.warm_start else None) or ()
    end = len(rungs(config.training)) - 1
    return [
        Row(number - len(points), point.hyperparameters, _BEFORE_ALL, end, point.score)
        for number, point in enumerate(points)
    ]
