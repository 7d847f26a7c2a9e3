"""What one experiment teaches the search of another."""

from heapq import nlargest

from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.config.search.initial_points import point_of
from amc.config.search.warm_start import MOST_KNOWN, KnownPoint
from amc.errors import UsageError
from amc.ledger.history import History
from amc.ledger.standing import standings


def known_points(
    config: ExperimentConfig,
    search: HyperparameterOptimizerConfig,
    *,
    source: ExperimentConfig,
    history: History,
) -> tuple[KnownPoint, ...]:
    """The completed suggestions of an experiment that are points of another one's search space.

    Best first, and no more than a config can hold.

    Args:
        config: of the experiment that is to learn.
        search: the part of it that says how to search.
        source: config of the experiment that is learned from.
        history: of that experiment.

    Raises:
        UsageError: the two train different things, or no suggestion is a point of the space.
    """
    where = "hyperparameter_optimizer.warm_start"
    for name, theirs, ours in (
        ("algorithm", source.algorithm, config.algorithm),
        ("environment", source.environment.name, config.environment.name),
    ):
        if theirs != ours:
            raise UsageError(
                f"{where}: its {name} is {theirs!r}, but here it is {ours!r}, so its scores say "
                "nothing about this search. Name an experiment of the same."
            )
    other = source.hyperparameter_optimizer
    if source.schedule or (other is not None and other.type == "pbt"):
        raise UsageError(
            f"{where}: its hyperparameters changed in mid-training, so its scores say nothing of a "
            "point. Name another experiment."
        )
    points = []
    for standing in standings(history).values():
        trained = source.with_hyperparameters(standing.rows[0][0].hyperparameters)
        point = point_of(trained, search.search_space)
        if point is not None:
            points.append(KnownPoint(hyperparameters=point, score=standing.mean_score))
    if not points:
        raise UsageError(
            f"{where}: no completed trial of it is a point of this search space. "
            "Widen the space, or name another experiment."
        )
    return tuple(nlargest(MOST_KNOWN, points, key=lambda point: point.score))
