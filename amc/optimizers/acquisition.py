"""The acquisition that bayes_opt is given: where in the cube the next suggestion should be.

bayes_opt keeps the record of observations and asks; the answer is the point of highest log noisy
expected improvement (`amc.optimizers.improvement`) on our own Gaussian process
(`amc.optimizers.surrogate`), since bayes_opt's has one length scale for all dimensions, no noise
and no pending points. It must not know suggestions by name, or where scores come from.
"""

from typing import Any

import numpy as np
from bayes_opt.acquisition import AcquisitionFunction
from bayes_opt.target_space import TargetSpace
from numpy.random import Generator
from scipy.optimize import minimize
from scipy.stats import qmc

from amc.optimizers.encoding import Encoding
from amc.optimizers.improvement import NoisyImprovement, log_mean_improvement
from amc.optimizers.surrogate import Array, GaussianProcess, Kernel, fit
from amc.optimizers.targets import observations, rounded

FANTASIES = 64
_SOBOL_CANDIDATES = 1024  # a power of two, as Sobol sequences want it
_NEIGHBORS = 256
_INCUMBENTS = 4
_CLIMBS, _CLIMB_STEPS = 5, 50
# Pending points at least this far apart in some column: what is nearer tells the same.
SEPARATION = 1e-3


class NoisyExpectedImprovement(AcquisitionFunction):
    """Log noisy expected improvement with joint fantasies at observed and pending points.

    Args:
        encoding: of the search space.

    Attributes:
        generator: what the next `suggest` draws from.
        pending: points [d] that are being tried.
        taken: canonical points, as bytes, that are not to be suggested again while others are left.
    """

    def __init__(self, encoding: Encoding) -> None:
        super().__init__()
        self.generator: Generator = np.random.default_rng(0)
        self.pending: list[Array] = []
        self.taken: set[bytes] = set()
        self._encoding = encoding
        self._fitted: tuple[bytes, Kernel] | None = None

    def base_acq(self, mean: Array, std: Array, best: Array) -> Array:
        """See `amc.optimizers.improvement.log_mean_improvement`."""
        return log_mean_improvement(mean, std, best)

    def suggest(self, gp: Any, target_space: TargetSpace, *args: Any, **kwargs: Any) -> Array:
        """The best point [d] that is not taken, or the best of all if all are.

        Args:
            gp: bayes_opt's own model, which is not used.
            target_space: bayes_opt's record.
            *args: how bayes_opt would maximise; not used.
            **kwargs: likewise.
        """
        points, targets = observations(
            np.asarray(target_space.params, dtype=np.float64),
            np.asarray(target_space.target, dtype=np.float64),
        )
        process = GaussianProcess(points, targets, self._kernel(points, targets))
        known = np.unique(np.vstack([points, *map(rounded, self.pending)]), axis=0)
        normals = self.generator.standard_normal((len(known), FANTASIES))
        improvement = NoisyImprovement(process, known, normals)
        candidates = self._candidates(improvement)
        candidates = np.vstack([candidates, self._climbed(improvement, candidates)])
        values = self.base_acq(*improvement.predict(candidates), improvement.best)
        best_first = candidates[np.argsort(-values, kind="stable")]
        untaken = [point for point in best_first if point.tobytes() not in self.taken]
        apart = (point for point in untaken if self._is_apart(point))
        return next(apart, next(iter(untaken), best_first[0]))

    def get_acquisition_params(self) -> dict[str, Any]:
        """Nothing: the record and the seed are all there is to restore."""
        return {}

    def set_acquisition_params(self, params: dict[str, Any]) -> None:
        """Nothing to set."""

    def _kernel(self, points: Array, targets: Array) -> Kernel:
        # The suggestions of a round share their observations, and with them the fit.
        key = points.tobytes() + targets.tobytes()
        if self._fitted is None or self._fitted[0] != key:
            self._fitted = key, fit(points, targets, self._encoding.groups)
        return self._fitted[1]

    def _candidates(self, improvement: NoisyImprovement) -> Array:
        encoding = self._encoding
        if encoding.lattice is not None:
            return encoding.lattice
        sobol = qmc.Sobol(encoding.n_columns, rng=self.generator).random(_SOBOL_CANDIDATES)
        best = improvement.points[np.argsort(-improvement.mean, kind="stable")[:_INCUMBENTS]]
        points = np.vstack([sobol, self._neighbors(best)])
        return points if encoding.is_continuous else encoding.canonical(points)

    def _neighbors(self, points: Array) -> Array:
        # Steps of every size in about half of the columns; every other neighbour also gets a new
        # value in one dimension, without which a choice would hardly ever change.
        generator, groups = self.generator, self._encoding.groups
        near = np.repeat(points, _NEIGHBORS // len(points), axis=0)
        sizes = 10.0 ** generator.uniform(-3.0, -0.5, size=(len(near), 1))
        steps = sizes * generator.standard_normal(near.shape)
        near = np.clip(near + steps * (generator.random(near.shape) < 0.5), 0.0, 1.0)
        changed = generator.integers(len(self._encoding.axes), size=(len(near), 1)) == groups
        changed[::2] = False
        return np.where(changed, generator.random(near.shape), near)

    def _climbed(self, improvement: NoisyImprovement, candidates: Array) -> Array:
        if self._encoding.lattice is not None:
            return candidates[:0]
        values = self.base_acq(*improvement.predict(candidates), improvement.best)
        starts = candidates[np.argsort(-values, kind="stable")[:_CLIMBS]]
        ends = [self._climb(improvement, start) for start in starts]
        return self._encoding.canonical(np.array(ends))

    def _climb(self, improvement: NoisyImprovement, start: Array) -> Array:
        moves = self._encoding.movable(start)
        bounds = [(0.0, 1.0) if move else (x, x) for x, move in zip(start, moves, strict=True)]
        options = {"maxiter": _CLIMB_STEPS}
        end = minimize(
            improvement.negative, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        return np.asarray(np.clip(end.x, 0.0, 1.0))

    def _is_apart(self, point: Array) -> bool:
        if self._encoding.lattice is not None:
            return True
        return all(np.abs(point - other).max() >= SEPARATION for other in self.pending)
