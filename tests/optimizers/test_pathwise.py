"""Functions drawn from the posterior have the posterior's mean and covariance."""

import numpy as np
import pytest

from amc.optimizers.pathwise import draw
from amc.optimizers.surrogate import GaussianProcess, Kernel

KERNEL = Kernel(np.array([0.3, 0.6]), signal=1.3, noise=0.05, mean=0.4)
POINTS = np.random.default_rng(3).random((12, 2))
TARGETS = np.sin(6 * POINTS[:, 0]) + POINTS[:, 1]
ASKED = np.random.default_rng(4).random((5, 2))


def test_they_have_the_mean_and_covariance_of_the_posterior():
    functions = draw(POINTS, TARGETS, KERNEL, 20_000, np.random.default_rng(0))

    values = functions(ASKED)

    mean, covariance = GaussianProcess(POINTS, TARGETS, KERNEL).posterior(ASKED)
    assert values.shape == (20_000, 5)
    assert values.mean(axis=0) == pytest.approx(mean, abs=0.03)
    # What is left is the error of as many cosines as there are, a thirtieth.
    assert np.cov(values.T) == pytest.approx(covariance, abs=0.05)


def test_one_function_is_the_same_wherever_and_however_often_it_is_asked():
    functions = draw(POINTS, TARGETS, KERNEL, 3, np.random.default_rng(0))
    again = draw(POINTS, TARGETS, KERNEL, 3, np.random.default_rng(0))
    many = np.random.default_rng(5).random((5000, 2))

    together, apart = functions(many), functions(many[4990:])

    assert together[:, 4990:] == pytest.approx(apart, abs=1e-12)
    assert np.array_equal(functions(ASKED), again(ASKED))
