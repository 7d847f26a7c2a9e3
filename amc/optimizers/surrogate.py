"""The Gaussian process behind the Bayesian search: what the scores say about the whole cube.

`fit` chooses the hyperparameters, `GaussianProcess` conditions on the targets. numpy and scipy
only: for matrices of at most 300 rows torch would give nothing but 2.5 s of import. It knows
neither suggestions nor acquisitions.

    name      meaning                                                               shape
    X         observed points of the unit cube                                      [n, d]
    y         their targets, standardised, higher is better                         [n]
    l         length scales, one for each of the g dimensions of the search space   [g] or [d]
    s, v, m   signal variance, noise variance, constant mean                        scalars
    k(a, b)   s (1 + q + q^2/3) exp(-q),  q = sqrt(5) |(a - b) / l|                 Matern-5/2
    K         k(X, X) + (v + jitter s) I                                            [n, n]
    theta     log l, log s, log v, m                                                [g + 3]

Source: Rasmussen & Williams 2006, sections 2.2 and 5.4, https://gaussianprocess.org/gpml.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

Array = NDArray[np.float64]

# Log-normal priors, as (median, standard deviation of the logarithm). Length scales have their
# median at this times sqrt(g). The prior decides the search: with BoTorch's, whose scales are
# longer, the same kind of search left a regret of .20 on Hartmann-6 instead of .03. Medians from
# .15 to .3 score alike within the noise.
LENGTH_SCALE_PRIOR = (0.2, 1.0)
SIGNAL_PRIOR = (1.0, 0.5)
NOISE_PRIOR = (1e-2, 2.0)
MEAN_SD = 1.0

_LIMITS = {"length": (1e-2, 1e2), "signal": (1e-2, 1e2), "noise": (1e-6, 4.0), "mean": (-4.0, 4.0)}
# Where the climb starts: multiples of the median length scale, noise variances. The second start
# finds the short, noisy explanation that a smooth start walks past.
_STARTS = ((1.0, 1e-2), (1 / 3, 1e-1))
_STEPS = 50
# Relative to s; keeps Cholesky factors of repeated and neighbouring points alive.
JITTER = 1e-8


@dataclass(frozen=True)
class Kernel:
    """The hyperparameters: l by column [d], s, v and m."""

    length_scales: Array
    signal: float
    noise: float
    mean: float

    def __call__(self, a: Array, b: Array) -> Array:
        """k(a, b): points [p, d] and [q, d] to float64 [p, q]."""
        q = np.sqrt(5.0) * cdist(a / self.length_scales, b / self.length_scales)
        return np.asarray(self.signal * (1.0 + q + q * q / 3.0) * np.exp(-q))

    def gradient(self, x: Array, b: Array) -> Array:
        """Derivative of k(x, b) by x: a point [d] and points [q, d] to float64 [q, d]."""
        difference = (x - b) / self.length_scales
        q = np.sqrt(5.0 * np.sum(difference * difference, axis=1))
        slope = -5.0 / 3.0 * self.signal * (1.0 + q) * np.exp(-q)
        return np.asarray(slope[:, None] * difference / self.length_scales)

    def factor(self, points: Array, noise: float = 0.0) -> Array:
        """Lower Cholesky factor of k(points, points) with noise and jitter on the diagonal."""
        covariance = self(points, points)
        covariance[np.diag_indices_from(covariance)] += noise + JITTER * self.signal
        return np.asarray(cholesky(covariance, lower=True, check_finite=False))


class GaussianProcess:
    """A Gaussian process conditioned on noisy targets y [n] at points X [n, d]."""

    def __init__(self, points: Array, targets: Array, kernel: Kernel) -> None:
        self.points = points
        self.kernel = kernel
        self._factor = kernel.factor(points, kernel.noise)
        self._weights = cho_solve((self._factor, True), targets - kernel.mean, check_finite=False)

    def posterior(self, points: Array) -> tuple[Array, Array]:
        """Mean [p] and covariance [p, p] of the function without its noise, at points [p, d]."""
        cross = self.kernel(self.points, points)
        half = solve_triangular(self._factor, cross, lower=True, check_finite=False)
        mean = self.kernel.mean + cross.T @ self._weights
        return mean, self.kernel(points, points) - half.T @ half


def root(covariance: Array, scale: float) -> Array:
    """A lower triangular root of a covariance [p, p] that may be singular up to rounding.

    Args:
        covariance: symmetric, positive semi-definite but for rounding.
        scale: variance that jitter is measured by.
    """
    for power in range(-8, 0):
        shifted = covariance.copy()
        shifted[np.diag_indices_from(shifted)] += scale * 10.0**power
        try:
            return np.asarray(cholesky(shifted, lower=True, check_finite=False))
        except np.linalg.LinAlgError:
            continue
    return np.diag(np.sqrt(np.maximum(np.diag(covariance), 0.0)))


def fit(points: Array, targets: Array, groups: NDArray[np.intp]) -> Kernel:
    """The kernel of highest posterior density, by L-BFGS from fixed starts.

    A pure function of its arguments, so that a rebuilt search finds the same bits.

    Args:
        points: X, float64 [n, d].
        targets: y, float64 [n], standardised.
        groups: int [d], the dimension that each column belongs to; they share a length scale.
    """
    density = _Density(points, targets, groups)
    ends = [
        minimize(
            density,
            density.start(*start),
            jac=True,
            method="L-BFGS-B",
            bounds=density.bounds,
            options={"maxiter": _STEPS},
        )
        for start in _STARTS
    ]
    return density.kernel(min(ends, key=lambda end: float(end.fun)).x)


class _Density:
    """Negative log posterior density of theta, with its gradient."""

    def __init__(self, points: Array, targets: Array, groups: NDArray[np.intp]) -> None:
        self._points = points
        self._targets = targets
        self._groups = groups
        self._g = int(groups.max()) + 1
        median, deviation = LENGTH_SCALE_PRIOR
        self._median_length = median * np.sqrt(self._g)
        # The priors of theta, all of them normal.
        self._center = self._theta(
            self._median_length, signal=SIGNAL_PRIOR[0], noise=NOISE_PRIOR[0]
        )
        self._spread = np.array([deviation] * self._g + [SIGNAL_PRIOR[1], NOISE_PRIOR[1], MEAN_SD])

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """Limits of theta."""
        logs = [np.log(_LIMITS[name]) for name in ["length"] * self._g + ["signal", "noise"]]
        return [(float(low), float(high)) for low, high in logs] + [_LIMITS["mean"]]

    def start(self, length: float, noise: float) -> Array:
        """A theta to climb from; length in units of the median."""
        return self._theta(length * self._median_length, signal=1.0, noise=noise)

    def kernel(self, theta: Array) -> Kernel:
        """What theta says."""
        signal, noise = np.exp(theta[-3:-1])
        scales = np.exp(theta[: self._g])[self._groups]
        return Kernel(scales, float(signal), float(noise), float(theta[-1]))

    def __call__(self, theta: Array) -> tuple[float, Array]:
        kernel = self.kernel(theta)
        scaled = self._points / kernel.length_scales
        q = np.sqrt(5.0) * cdist(scaled, scaled)
        decay = np.exp(-q)
        signal = kernel.signal * (1.0 + q + q * q / 3.0) * decay
        covariance = signal.copy()
        covariance[np.diag_indices_from(covariance)] += kernel.noise + JITTER * kernel.signal
        factor = cholesky(covariance, lower=True, check_finite=False)
        residual = self._targets - kernel.mean
        weights = cho_solve((factor, True), residual, check_finite=False)
        inverse = cho_solve((factor, True), np.eye(len(residual)), check_finite=False)

        # d/dt of the likelihood's negative logarithm is half the sum of (K^-1 - w w^T) * dK/dt.
        outer = inverse - np.outer(weights, weights)
        by_distance = outer * (kernel.signal * 5.0 / 3.0) * (1.0 + q) * decay
        by_column = by_distance.sum(axis=1) @ (scaled * scaled) - np.sum(
            scaled * (by_distance @ scaled), axis=0
        )
        trace = np.trace(outer)
        z = (theta - self._center) / self._spread
        gradient = z / self._spread
        gradient[: self._g] += np.bincount(self._groups, weights=by_column, minlength=self._g)
        gradient[-3] += 0.5 * (np.sum(outer * signal) + JITTER * kernel.signal * trace)
        gradient[-2] += 0.5 * kernel.noise * trace
        gradient[-1] -= weights.sum()
        value = 0.5 * residual @ weights + np.log(np.diag(factor)).sum() + 0.5 * z @ z
        return float(value), gradient

    def _theta(self, length: float, *, signal: float, noise: float) -> Array:
        logs = np.log([length] * self._g + [signal, noise])
        return np.append(logs, 0.0)
