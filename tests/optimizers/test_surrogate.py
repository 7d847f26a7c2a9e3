"""The Gaussian process, against finite differences and an independent implementation."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from amc.optimizers.surrogate import GaussianProcess, Kernel, _Density, fit, root

KERNEL = Kernel(np.array([0.3, 0.5, 1.2]), signal=1.7, noise=0.05, mean=0.4)


def _data(n=20):
    generator = np.random.default_rng(0)
    points = generator.random((n, 3))
    return points, np.sin(5.0 * points).sum(axis=1) + 0.1 * generator.standard_normal(n)


def test_the_posterior_is_that_of_an_independent_implementation():
    points, targets = _data()
    others = np.random.default_rng(1).random((5, 3))
    matern = ConstantKernel(KERNEL.signal, "fixed") * Matern(KERNEL.length_scales, "fixed", nu=2.5)
    reference = GaussianProcessRegressor(matern, alpha=KERNEL.noise, optimizer=None)

    reference.fit(points, targets - KERNEL.mean)
    mean, covariance = GaussianProcess(points, targets, KERNEL).posterior(others)

    expected_mean, expected_covariance = reference.predict(others, return_cov=True)
    np.testing.assert_allclose(mean, expected_mean + KERNEL.mean, atol=1e-6)
    np.testing.assert_allclose(covariance, expected_covariance, atol=1e-6)


def test_the_gradient_of_the_kernel_is_its_slope():
    points, _ = _data()
    x = np.array([0.2, 0.7, 0.4])

    slopes = approx_fprime(x, lambda x: KERNEL(x[None], points)[0], 1e-7)

    np.testing.assert_allclose(KERNEL.gradient(x, points), slopes, atol=1e-5)


def test_the_gradient_of_the_density_is_its_slope():
    points, targets = _data()
    density = _Density(points, targets, groups=np.array([0, 1, 1]))
    theta = np.array([-1.0, -0.3, 0.2, -3.0, 0.3])

    _, gradient = density(theta)

    np.testing.assert_allclose(gradient, approx_fprime(theta, lambda t: density(t)[0]), rtol=1e-3)


def test_a_dimension_without_effect_gets_a_long_length_scale():
    points = np.random.default_rng(0).random((40, 2))
    targets = np.sin(8.0 * points[:, 0])

    kernel = fit(points, targets, groups=np.array([0, 1]))

    assert kernel.length_scales[1] > 2.0 * kernel.length_scales[0]
    assert kernel.noise < 1e-2


def test_noise_is_learned():
    generator = np.random.default_rng(0)
    points = generator.random((60, 1))
    targets = np.sin(6.0 * points[:, 0]) + 0.5 * generator.standard_normal(60)

    kernel = fit(points, targets, groups=np.array([0]))

    assert kernel.noise == pytest.approx(0.25, rel=0.5)


def test_columns_of_one_dimension_share_a_length_scale():
    points, targets = _data()

    kernel = fit(points, targets, groups=np.array([0, 1, 1]))

    assert kernel.length_scales[1] == kernel.length_scales[2]


def test_a_singular_covariance_has_a_root():
    ones = np.ones((4, 4))

    lower = root(ones, scale=1.0)

    np.testing.assert_allclose(lower @ lower.T, ones, atol=1e-6)
