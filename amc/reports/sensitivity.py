"""How much each hyperparameter mattered: Sobol' indices of what the search knows of its space.

The search's own Gaussian process (`amc.optimizers.surrogate`) is fitted to what the search was told
of its suggestions, whichever kind of search it was. A function f drawn from its posterior is asked
all over the space: every dimension independent and even on the scale on which it is searched, each
whole number and each choice with its equal share; what a condition switches off is left out.

    alone_i = Var(E[f | x_i]) / Var(f)          what x_i explains by itself, "first-order index"
    total_i = E[Var(f | all but x_i)] / Var(f)  the same and all of its interactions

The bars are means over 64 functions of the posterior, the error bars 2.5 % and 97.5 % quantiles: so
wide is what so few, so noisy scores leave open. It is of the whole space: what matters near the
optimum alone, and what matters only for very bad trials, count by the room that they have.

Sources: Saltelli et al. 2010, https://doi.org/10.1016/j.cpc.2009.09.018 (the estimators, as scipy
has them); Hutter et al. 2014, https://proceedings.mlr.press/v32/hutter14.html (for
hyperparameters); Le Gratiet et al. 2014, https://arxiv.org/abs/1307.2223 (error bars by functions
of the posterior). Its doors are `importance_of` and `importance`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import sobol_indices, uniform
from threadpoolctl import threadpool_limits

from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.config.search.rungs import rungs
from amc.driver.rows import Rows
from amc.driver.suggesting import known_rows
from amc.driver.told import told
from amc.ledger import History
from amc.optimizers.axes import Array
from amc.optimizers.encoding import Encoding
from amc.optimizers.pathwise import draw
from amc.optimizers.surrogate import fit
from amc.optimizers.targets import FAILED, observations

_FUNCTIONS = 64
# Points at which each function is asked, for each dimension; a power of two, as Sobol' wants it.
_POINTS = 512
# Their stream of random draws below the experiment's seed, which no search has.
_STREAM = 7009


@dataclass(frozen=True)
class Share:
    """What one hyperparameter explains of the score's variance over the search space.

    Attributes:
        name: as the search space writes it.
        alone: by itself, 0 to 1.
        total: with its interactions, 0 to 1.
        low: lower end of the 95 % interval of `total`.
        high: its upper end.
    """

    name: str
    alone: float
    total: float
    low: float
    high: float


@dataclass(frozen=True)
class Importance:
    """How much each hyperparameter mattered.

    Attributes:
        shares: in the order of the search space; empty where nothing can be said.
        n_scores: how many suggestions it is from, failed ones too.
        why: why there are no shares; empty where there are.
    """

    shares: tuple[Share, ...] = ()
    n_scores: int = 0
    why: str = ""


def importance_of(config: ExperimentConfig, history: History) -> Importance:
    """The importance of the hyperparameters of an experiment, as far as it has come."""
    search = config.hyperparameter_optimizer
    if search is None:
        return Importance(why="Nothing was searched, so no hyperparameter can be said to matter.")
    if search.type == "pbt":
        return Importance(
            why="In a population hyperparameters change in mid-training, so a score is not that "
            "of a point of the search space, and none can be said to matter more."
        )
    suggestions, scores = what_was_told(config, search, history)
    return importance(search.search_space, suggestions, scores, seed=config.seed)


def what_was_told(
    config: ExperimentConfig, search: HyperparameterOptimizerConfig, history: History
) -> tuple[list[Mapping[str, Any]], list[float | None]]:
    """Suggestions and what the search was told of them, None for a failure.

    With pruning these are ranks, by which it compares what was halted.
    """
    is_pruned = search.pruner is not None
    rows = history.aggregate(Rows(rungs(config.training) if is_pruned else None))
    lessons = told([*known_rows(config, search), *rows.values()], is_pruned=is_pruned).lessons
    suggestions = [one for lesson in lessons for one in lesson.suggestions]
    return suggestions, [score for lesson in lessons for score in lesson.scores]


def importance(
    search_space: Mapping[str, Any],
    suggestions: Sequence[Mapping[str, Any]],
    scores: Sequence[float | None],
    *,
    seed: int = 0,
) -> Importance:
    """The importance of the dimensions of a search space.

    Args:
        search_space: name to dimension, in any form.
        suggestions: points of it.
        scores: of each; None failed.
        seed: of the draws: the same one gives the same numbers.
    """
    encoding = Encoding(search_space)
    varied = [index for index, axis in enumerate(encoding.axes) if axis.levels != 1]
    n_scores = len(scores)
    why = _why_not(len(varied), scores)
    if why:
        return Importance(n_scores=n_scores, why=why)
    points, targets = observations(
        np.array([encoding.encode(suggestion) for suggestion in suggestions]),
        np.array([FAILED if score is None else score for score in scores], dtype=np.float64),
    )
    with threadpool_limits(limits=1):
        alone, total = _indices(encoding, varied, (points, targets), seed)
    low, high = np.percentile(total, [2.5, 97.5], axis=0)
    shares = (
        Share(encoding.names[index], *map(float, numbers))
        for index, *numbers in zip(
            varied, alone.mean(axis=0), total.mean(axis=0), low, high, strict=True
        )
    )
    return Importance(tuple(shares), n_scores)


def _why_not(n_dimensions: int, scores: Sequence[float | None]) -> str:
    # As many as the search itself wants before its model may speak.
    least = 2 * n_dimensions + 2
    known = {score for score in scores if score is not None}
    if not n_dimensions:
        return "The search space has a single point, so nothing in it can matter."
    if len(scores) < least:
        return (
            f"{len(scores)} scored suggestions are too few to say which of {n_dimensions} "
            f"hyperparameters matter: {least} are the least."
        )
    if len(known) < 2 and None not in scores:
        return "All suggestions scored the same, so none of the hyperparameters made a difference."
    return "" if known else "Every suggestion failed, so there is no score to explain."


def _indices(
    encoding: Encoding, varied: Sequence[int], observed: tuple[Array, Array], seed: int
) -> tuple[Array, Array]:
    """First-order and total indices [functions, dimensions], each from 0 to 1."""
    points, targets = observed
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAM,)))
    kernel = fit(points, targets, encoding.groups)
    functions = draw(points, targets, kernel, _FUNCTIONS, generator)

    def ask(positions: Array) -> Array:
        """Values [functions, p] at positions [dimensions, p] in [0, 1)."""
        everywhere = np.zeros((positions.shape[1], len(encoding.axes)))
        everywhere[:, varied] = np.minimum(positions.T, 1.0 - 2.0**-53)
        return functions(np.array([encoding.spread(one) for one in everywhere]))

    found = sobol_indices(
        func=ask, n=_POINTS, dists=[uniform(0.0, 1.0)] * len(varied), rng=generator
    )
    alone = np.clip(np.nan_to_num(found.first_order), 0.0, 1.0)
    total = np.clip(np.nan_to_num(found.total_order), 0.0, 1.0)
    # By their definition no part is greater than its whole; the estimates do not know.
    return np.minimum(alone, total).reshape(_FUNCTIONS, -1), total.reshape(_FUNCTIONS, -1)
