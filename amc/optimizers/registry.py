"""The searches there are, by name; the door is `make`.

They are named by reference: importing this module imports neither bayes_opt, scipy nor Optuna.
"""

from collections.abc import Mapping
from typing import Any

from amc.errors import SearchError, UsageError
from amc.optimizers.base import Optimizer
from amc.optimizers.plug_in import PlugIn
from amc.plugins import resolve

GROUP = "amc.optimizers"
BUILT_IN = {
    "bayesian": "amc.optimizers.bayesian:BayesianOptimizer",
    "grid": "amc.optimizers.grid:GridOptimizer",
    # What a population begins with; how it goes on is the driver's.
    "pbt": "amc.optimizers.random:RandomOptimizer",
    "random": "amc.optimizers.random:RandomOptimizer",
    "sobol": "amc.optimizers.sobol:SobolOptimizer",
    "tpe": "amc.optimizers.tpe:TPEOptimizer",
}


def make(
    type: str,
    search_space: Mapping[str, Any],
    n_calls: int,
    seed: int = 0,
    n_initial_points: int | None = None,
) -> Optimizer:
    """The optimizer that a config names.

    Args:
        type: one of `BUILT_IN`, or a plug-in's name (entry points `amc.optimizers`).
        search_space: name to dimension, each a `Dimension` or any form that a config may write.
        n_calls: suggestions that the search may take in all, at least 1.
        seed: of every draw, 0 or more.
        n_initial_points: suggestions spread over the space before the model speaks; None leaves it
            to the optimizer.

    Raises:
        UsageError: no such optimizer, or a space that it cannot search.
        SearchError: a plug-in that cannot be loaded or made, or has not the two methods; or a
            search whose package is not installed.
    """
    offered = {"n_calls": n_calls, "seed": seed, "n_initial_points": n_initial_points}
    factory = _factory(type)
    if type in BUILT_IN:
        return factory(search_space, **offered)  # type: ignore[no-any-return]
    return PlugIn(type, factory, search_space, offered)


def _factory(type: str) -> Any:
    try:
        return resolve(type, built_in=BUILT_IN, group=GROUP, kind="optimizer")
    except (SearchError, UsageError):
        raise
    except Exception as error:
        said = f"{error.__class__.__name__}: {error}"
        raise SearchError(f"optimizer {type!r}: cannot be loaded: {said}") from error
