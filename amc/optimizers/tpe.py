"""Search by a tree-structured Parzen estimator: the model is Optuna's, record and promises ours.

Optuna is asked for one point at a time, by a study that is made for the question and forgotten with
the answer: it lies in no storage, and what it says follows from the record alone. This is the one
module that knows Optuna, which is an extra (`pip install 'ai-mission-control[tpe]'`).

    dimension                        for Optuna                      its column
    choice between other values      a category                      1 in its own, 0 in the others
    even whole numbers, k levels     a whole number, 0 to k - 1      the middle of one of k shares
    anything else                    a float, 0 to 1                 the same

Source: Bergstra et al. 2011, https://papers.nips.cc/paper/4443; Watanabe 2023,
https://arxiv.org/abs/2304.11127.
"""

import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from amc.errors import SearchError
from amc.optimizers.axes import Array, Axis, ChoiceAxis
from amc.optimizers.sobol import SobolOptimizer

try:
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
except ImportError as error:
    raise SearchError(
        "optimizer 'tpe': needs Optuna, which is not installed here. "
        "Install it: pip install 'ai-mission-control[tpe]'."
    ) from error

_INITIAL_POINTS = 10  # as many as Optuna's sampler draws at random
# On a small space Optuna proposes the same point again and again; so many proposals are heard.
_PROPOSALS = 8

Distribution: TypeAlias = CategoricalDistribution | FloatDistribution | IntDistribution


class TPEOptimizer(SobolOptimizer):
    """Searches where good scores lie denser than the others.

    Cheap at any number of observations, and at home among choices and conditions. Pending points
    count among the bad ones, failed ones as the worst. Takes the arguments of `RecordingOptimizer`.
    `n_initial_points`, from the Sobol sequence, defaults to 10, at most a third of `n_calls`, at
    least 4.
    """

    uses_scores = True

    def __init__(
        self,
        search_space: Mapping[str, Any],
        n_calls: int,
        seed: int = 0,
        n_initial_points: int | None = None,
    ) -> None:
        super().__init__(search_space, n_calls, seed, n_initial_points)
        default = max(4, min(_INITIAL_POINTS, n_calls // 3))
        self.n_initial_points = default if n_initial_points is None else n_initial_points
        self._observed: list[tuple[float, Array]] = []
        axes = zip(self.encoding.names, self.encoding.axes, strict=True)
        self._distributions = {name: _distribution(axis) for name, axis in axes}

    def _next_point(self) -> Array:
        if self._index < self.n_initial_points or not any(map(_is_scored, self._observed)):
            return super()._next_point()
        for proposal in range(_PROPOSALS):
            point = self._proposed(self._generator(self._index, proposal))
            if point.tobytes() not in self.taken:
                return point
        return point if self._is_exhausted else self._unseen(self._generator(self._index))

    def _observe(self, point: Array, score: float | None) -> None:
        super()._observe(point, score)
        self._observed.append((-math.inf if score is None else score, point))

    def _proposed(self, generator: np.random.Generator) -> Array:
        with _silent():
            sampler = optuna.samplers.TPESampler(
                seed=int(generator.integers(2**32)), n_startup_trials=0, constant_liar=True
            )
            study = optuna.create_study(direction="maximize", sampler=sampler)
        # Optuna weighs observations by their order, so it is one that arrival has no part in.
        for score, point in sorted(self._observed, key=lambda seen: (seen[0], seen[1].tobytes())):
            study.add_trial(self._trial(point, value=score))
        for point in sorted(self.pending, key=lambda point: point.tobytes()):
            study.add_trial(self._trial(point, state=optuna.trial.TrialState.RUNNING))
        values = study.ask(self._distributions).params
        columns = [_columns(item, values[name]) for name, item in self._distributions.items()]
        return np.asarray(self.encoding.canonical(np.concatenate(columns)[None])[0])

    def _trial(self, point: Array, **outcome: Any) -> optuna.trial.FrozenTrial:
        """What Optuna is told of a canonical point: the dimensions that count there."""
        active = self.encoding.decode(point)
        distributions = {name: self._distributions[name] for name in active}
        params = {
            name: _value(item, point[self.encoding.columns[name]])
            for name, item in distributions.items()
        }
        return optuna.trial.create_trial(params=params, distributions=distributions, **outcome)


def _distribution(axis: Axis) -> Distribution:
    if isinstance(axis, ChoiceAxis):
        return CategoricalDistribution(range(axis.width))
    if axis.levels is not None and axis.is_even:
        return IntDistribution(0, axis.levels - 1)
    return FloatDistribution(0.0, 1.0)


def _value(distribution: Distribution, columns: Array) -> float | int:
    if isinstance(distribution, CategoricalDistribution):
        return int(np.argmax(columns))
    if isinstance(distribution, IntDistribution):
        return int(min(columns[0] * (distribution.high + 1), distribution.high))
    return float(columns[0])


def _columns(distribution: Distribution, value: Any) -> Array:
    if isinstance(distribution, CategoricalDistribution):
        return np.asarray(np.eye(len(distribution.choices))[value])
    if isinstance(distribution, IntDistribution):
        return np.array([(value + 0.5) / (distribution.high + 1)])
    return np.array([value])


def _is_scored(observed: tuple[float, Array]) -> bool:
    return observed[0] > -math.inf


@contextmanager
def _silent() -> Iterator[None]:
    """Without the line that Optuna logs for each study; what the user asked it to log stays."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
