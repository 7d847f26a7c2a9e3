"""How much a point may improve on the best, when scores are noisy and other points are under way.

The noise hides which observed point is the best one, and what pending points will give is unknown.
So joint draws ("fantasies") of the function at all of them are taken from the Gaussian process;
each fantasy has a best value and a posterior of its own, and the expected improvement is averaged
over the fantasies. Fantasies at pending points leave no improvement there, which keeps parallel
suggestions apart.

    name      meaning                                                         shape
    P         observed and pending points                                     [p, d]
    F         fantasies at P                                                  [p, f]
    b         best value of each fantasy                                      [f]
    c         k(x, P)                                                         [p]
    mu, sd    mean by fantasy and standard deviation at x, given F at P       [f], scalar
    z         (mu - b) / sd                                                   [f]
    h(z)      pdf(z) + z cdf(z), so that sd h(z) is expected improvement      [f]

Sources: noisy expected improvement, Letham et al. 2019, https://arxiv.org/abs/1706.07094; the
logarithm of h without underflow, Ament et al. 2023, https://arxiv.org/abs/2310.20708.
"""

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.special import erfcx, log_ndtr, ndtr

from amc.optimizers.surrogate import Array, GaussianProcess, root

_LOG_SQRT_2PI = 0.5 * np.log(2.0 * np.pi)
# Below this variance, relative to s, rounding decides; the gradient of sd is taken as 0 there.
_LEAST_VARIANCE = 1e-10
# From here down 1 + z cdf/pdf cancels to nothing, and its limit 1/z^2 is exact enough.
_FAR = -1e3


def log_h(z: Array) -> Array:
    """log(pdf(z) + z cdf(z)) of the standard normal, for any z; same shape."""
    result = np.empty_like(z)
    near = z > -1.0
    middle = ~near & (z > _FAR)
    far = ~near & ~middle
    z_near, z_middle, z_far = z[near], z[middle], z[far]
    density = np.exp(-0.5 * z_near * z_near - _LOG_SQRT_2PI)
    result[near] = np.log(density + z_near * ndtr(z_near))
    ratio = np.sqrt(np.pi / 2.0) * erfcx(-z_middle / np.sqrt(2.0))
    result[middle] = np.log1p(z_middle * ratio) - 0.5 * z_middle * z_middle - _LOG_SQRT_2PI
    result[far] = -2.0 * np.log(-z_far) - 0.5 * z_far * z_far - _LOG_SQRT_2PI
    return result


def _log_sum(logs: Array) -> Array:
    # scipy's logsumexp costs as much as all the rest of a step uphill.
    greatest = logs.max(axis=-1, keepdims=True)
    return np.asarray(greatest[..., 0] + np.log(np.exp(logs - greatest).sum(axis=-1)))


def log_mean_improvement(mean: Array, deviation: Array, best: Array) -> Array:
    """Log of the expected improvement, averaged over fantasies.

    Args:
        mean: mu, float64 [..., f].
        deviation: sd, float64 [...].
        best: b, float64 [f].
    """
    z = (mean - best) / deviation[..., None]
    by_fantasy = np.log(deviation)[..., None] + log_h(z)
    return np.asarray(_log_sum(by_fantasy) - np.log(len(best)))


class NoisyImprovement:
    """Log noisy expected improvement on a Gaussian process, with its gradient.

    Args:
        process: conditioned on the scores.
        points: P, float64 [p, d], no two of them equal.
        normals: standard normal draws [p, f] that the fantasies are made of.
    """

    def __init__(self, process: GaussianProcess, points: Array, normals: Array) -> None:
        self.points = points
        self.mean, covariance = process.posterior(points)
        self._kernel = kernel = process.kernel
        fantasies = self.mean[:, None] + root(covariance, kernel.signal) @ normals
        self.best = fantasies.max(axis=0)
        self._factor = kernel.factor(points)
        self._weights = cho_solve((self._factor, True), fantasies - kernel.mean, check_finite=False)

    def predict(self, points: Array) -> tuple[Array, Array]:
        """The mu [q, f] and sd [q] at points [q, d]."""
        cross = self._kernel(points, self.points)
        half = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        variance = self._kernel.signal - np.sum(half * half, axis=0)
        least = _LEAST_VARIANCE * self._kernel.signal
        return self._kernel.mean + cross @ self._weights, np.sqrt(np.maximum(variance, least))

    def negative(self, x: Array) -> tuple[float, Array]:
        """Minus the log improvement at a point [d], and its gradient [d]: what L-BFGS descends."""
        kernel = self._kernel
        cross = kernel(x[None], self.points)[0]
        half = solve_triangular(self._factor, cross, lower=True, check_finite=False)
        back = solve_triangular(self._factor, half, lower=True, trans=1, check_finite=False)
        variance = kernel.signal - half @ half
        least = _LEAST_VARIANCE * kernel.signal
        deviation = np.sqrt(max(variance, least))
        z = (kernel.mean + cross @ self._weights - self.best) / deviation
        logs = log_h(z)
        total = _log_sum(logs)

        # d(sd h)/d mu = cdf and d(sd h)/d sd = pdf, here divided by sd h and weighted by fantasy.
        share = np.exp(logs - total)
        by_mean = share * np.exp(log_ndtr(z) - logs)
        by_deviation = np.sum(share * np.exp(-0.5 * z * z - _LOG_SQRT_2PI - logs))
        slope = kernel.gradient(x, self.points)
        gradient = slope.T @ (self._weights @ by_mean)
        if variance > least:
            gradient -= (slope.T @ back) * by_deviation / deviation
        value = np.log(deviation) + total - np.log(len(self.best))
        return -float(value), -gradient / deviation
