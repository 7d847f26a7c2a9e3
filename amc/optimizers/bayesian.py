"""Bayesian search on bayes_opt: the record and the loop are its, model and acquisition are ours.

bayes_opt works on the unit cube only (`amc.optimizers.encoding`): its own handling of scales, whole
numbers and choices fails in ways that `docs/optimizers.md` lists. This is the one module, with
`amc.optimizers.acquisition`, that knows bayes_opt.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from bayes_opt import BayesianOptimization
from scipy.stats import qmc
from threadpoolctl import threadpool_limits

from amc.optimizers.acquisition import NoisyExpectedImprovement
from amc.optimizers.axes import Array
from amc.optimizers.record import RecordingOptimizer
from amc.optimizers.sobol import nth
from amc.optimizers.targets import FAILED

# With more points under way than this the model has little to say about the next one, and its cost
# grows with their cube: further suggestions are spread evenly.
MOST_PENDING = 128
# Repeated observations stand this far apart in the record, where bayes_opt wants no two alike. The
# model rounds it away.
_NUDGE = 2.0**-40


class BayesianOptimizer(RecordingOptimizer):
    """Searches where noisy scores promise the most.

        optimizer = BayesianOptimizer(search_space={"lr": [0.001, 0.1]}, n_calls=50)
        suggestions = optimizer.suggest(n_suggestions=4)
        optimizer.update(suggestions, scores=[train(**suggestion) for suggestion in suggestions])

    Takes the arguments of `RecordingOptimizer`. `n_initial_points` defaults to 2 d + 2 for d
    dimensions, at most a third of `n_calls`, at least 4.
    """

    def __init__(
        self,
        search_space: Mapping[str, Any],
        n_calls: int,
        seed: int = 0,
        n_initial_points: int | None = None,
    ) -> None:
        super().__init__(search_space, n_calls, seed, n_initial_points)
        n_dimensions = len(self.encoding.axes)
        default = max(4, min(2 * n_dimensions + 2, n_calls // 3))
        self.n_initial_points = default if n_initial_points is None else n_initial_points
        self._acquisition = NoisyExpectedImprovement(self.encoding)
        self._bayes_opt = BayesianOptimization(
            f=None,
            pbounds={f"{column:05d}": (0.0, 1.0) for column in range(self.encoding.n_columns)},
            acquisition_function=self._acquisition,
            random_state=0,
            verbose=0,
        )

    def suggest(self, n_suggestions: int = 1) -> list[dict[str, Any]]:
        """See `RecordingOptimizer`; on one thread, since the number of threads changes the bits."""
        with threadpool_limits(limits=1):
            return super().suggest(n_suggestions)

    def _next_point(self) -> Array:
        generator = self._generator(self._index)
        point = self._modeled(generator) if self._has_model else self._spread()
        point = self.encoding.canonical(point[None])[0]
        is_repeat = point.tobytes() in self.taken
        return self._unseen(generator) if is_repeat and not self._is_exhausted else point

    @property
    def _has_model(self) -> bool:
        return (
            self._index >= self.n_initial_points
            and len(self.pending) < MOST_PENDING
            and bool(np.isfinite(self._bayes_opt.space.target).any())
        )

    def _modeled(self, generator: np.random.Generator) -> Array:
        self._acquisition.generator = generator
        self._acquisition.pending = self.pending
        self._acquisition.taken = self.taken
        suggestion = self._bayes_opt.suggest()
        return np.asarray(self._bayes_opt.space.params_to_array(suggestion), dtype=np.float64)

    def _spread(self) -> Array:
        return nth(self._sobol, self._index)

    @cached_property
    def _sobol(self) -> qmc.Sobol:
        return qmc.Sobol(self.encoding.n_columns, rng=self._generator())

    def _observe(self, point: Array, score: float | None) -> None:
        super()._observe(point, score)
        space = self._bayes_opt.space
        recorded = point.copy()
        while recorded in space:
            recorded[0] += _NUDGE if point[0] < 0.5 else -_NUDGE
        # Not through bayes_opt.register, which also formats the whole record for its log.
        space.register(recorded, FAILED if score is None else score)
