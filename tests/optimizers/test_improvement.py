"""Log noisy expected improvement: closed form, slopes, and what pending points do to it."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import norm

from amc.optimizers.improvement import NoisyImprovement, log_h, log_mean_improvement
from amc.optimizers.surrogate import GaussianProcess, Kernel

KERNEL = Kernel(np.array([0.4, 0.6]), signal=1.0, noise=0.01, mean=0.0)


def _improvement(pending=()):
    points = np.random.default_rng(0).random((10, 2))
    process = GaussianProcess(points, np.sin(6.0 * points[:, 0]), KERNEL)
    known = np.vstack([points, *pending])
    return NoisyImprovement(process, known, np.random.default_rng(1).normal(size=(len(known), 32)))


def test_log_h_is_the_logarithm_of_the_closed_form():
    z = np.linspace(-5.0, 5.0, 101)

    np.testing.assert_allclose(log_h(z), np.log(norm.pdf(z) + z * norm.cdf(z)), rtol=1e-8)


@pytest.mark.parametrize("seam", [-1.0, -1e3])
def test_log_h_has_no_step_where_its_formulas_meet(seam):
    below, above = log_h(np.array([np.nextafter(seam, -np.inf), np.nextafter(seam, np.inf)]))

    assert below == pytest.approx(above, rel=1e-9)


def test_log_h_neither_underflows_nor_overflows():
    values = log_h(np.array([-1e100, -1e6, 0.0, 1e6]))

    assert np.isfinite(values).all()
    assert (np.diff(values) > 0).all()


def test_the_mean_over_fantasies_is_a_mean():
    mean, best = np.array([[0.1, 0.4]]), np.array([0.3, 0.2])
    z = (mean[0] - best) / 0.5

    value = log_mean_improvement(mean, np.array([0.5]), best)

    expected = np.mean(0.5 * (norm.pdf(z) + z * norm.cdf(z)))
    assert np.exp(value[0]) == pytest.approx(expected)


def test_the_gradient_is_the_slope():
    improvement = _improvement()
    x = np.array([0.35, 0.8])

    value, gradient = improvement.negative(x)

    assert -value == pytest.approx(
        log_mean_improvement(*improvement.predict(x[None]), improvement.best)[0]
    )
    slopes = approx_fprime(x, lambda x: improvement.negative(x)[0], 1e-7)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-4)


def test_a_pending_point_leaves_no_improvement_where_it_is():
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 21)] * 2), axis=-1).reshape(-1, 2)
    alone = _improvement()
    before = log_mean_improvement(*alone.predict(grid), alone.best)
    best = grid[np.argmax(before)]

    crowded = _improvement(pending=[best])
    after = log_mean_improvement(*crowded.predict(grid), crowded.best)

    assert after[np.argmax(before)] < before.max() - 5.0
    assert np.abs(grid[np.argmax(after)] - best).max() > 0.05
