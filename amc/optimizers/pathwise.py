"""Whole functions drawn from a Gaussian process's posterior, to be asked anywhere in the cube.

Its door is `draw`. A function of the prior is a sum of random cosines; what it misses the targets
by is added back with the kernel, so that it becomes one of the posterior:

    f(x) = m + phi(x) w + k(x, X) K^-1 (y - m - phi(X) w - e),   w ~ N(0, I),  e ~ N(0, v I)
    phi_j(x) = sqrt(2 s / M) cos(omega_j x + b_j),   b_j even on [0, 2 pi)

For the Matern-5/2 kernel omega / l has Student's t distribution with 5 degrees of freedom. Notation
of `amc.optimizers.surrogate`. Source: Wilson et al. 2020, https://arxiv.org/abs/2002.09309.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import cho_solve

from amc.optimizers.surrogate import Array, Kernel

_FEATURES = 1024
_DEGREES = 5
# Points that are asked for together, so that their features fit into a cache.
_BLOCK = 2048


def draw(
    points: Array, targets: Array, kernel: Kernel, count: int, generator: np.random.Generator
) -> Callable[[Array], Array]:
    """So many functions of the posterior.

    Args:
        points: X, float64 [n, d].
        targets: y, float64 [n].
        kernel: of the process.
        count: how many functions.
        generator: what they are drawn from.

    Returns:
        A function from points [p, d] to values [count, p].
    """
    chi = generator.chisquare(_DEGREES, size=(1, _FEATURES)) / _DEGREES
    normals = generator.standard_normal((points.shape[1], _FEATURES))
    frequencies = normals / np.sqrt(chi) / kernel.length_scales[:, None]
    phases = generator.uniform(0.0, 2 * np.pi, _FEATURES)
    weights = generator.standard_normal((_FEATURES, count))
    noise = np.sqrt(kernel.noise) * generator.standard_normal((len(points), count))

    def prior(at: Array) -> Array:
        features = np.cos(at @ frequencies + phases)
        return np.asarray(np.sqrt(2 * kernel.signal / _FEATURES) * (features @ weights))

    missing = (targets - kernel.mean)[:, None] - prior(points) - noise
    update = cho_solve((kernel.factor(points, kernel.noise), True), missing, check_finite=False)

    def posterior(at: Array) -> Array:
        blocks = [at[first : first + _BLOCK] for first in range(0, len(at), _BLOCK)]
        values = [kernel.mean + prior(one) + kernel(one, points) @ update for one in blocks]
        return np.concatenate(values).T

    return posterior
