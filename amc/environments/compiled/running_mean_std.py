"""Running mean and variance of a stream of batches, compiled.

At one environment a normaliser in plain numpy costs as much as a third of a HalfCheetah step (8 us
against 0.5 us compiled, see docs/environments.md), so these loops are numba's. Sums run in the
order of the environments, without fast-math: same numbers, same bits.

    n, d        samples of a batch, dimensions
    statistics  float64 [3, d]: count, mean, and sum of squared deviations from the mean
"""

import numpy as np
from numpy.typing import NDArray

from amc.compilation import compiled

RunningMeanStd = NDArray[np.float64]

COUNT, MEAN, SQUARES = 0, 1, 2

# As SB3 and gymnasium: the stream begins as if a ten-thousandth of a sample of variance 1 had been
# seen.
_FIRST_COUNT = 1e-4

# Keeps the division finite where a dimension never changed.
EPSILON = 1e-8

_STANDARDIZE = "void(float64[:, ::1], float32[:, ::1], float64, float32[:, ::1])"


def new_running_mean_std(size: int) -> RunningMeanStd:
    """Statistics before the first sample: mean 0, variance 1, hardly any weight.

    Args:
        size: number of dimensions d.
    """
    statistics = np.zeros((3, size))
    statistics[COUNT] = statistics[SQUARES] = _FIRST_COUNT
    return statistics


@compiled(
    ["void(float64[:, ::1], float32[:, ::1])", "void(float64[:, ::1], float64[:, ::1])"],
    is_rounded=True,
)
def add_batch(statistics: RunningMeanStd, batch: NDArray[np.floating]) -> None:
    """Take the samples of `batch` [n, d] into the statistics.

        mean' = mean + delta n / (count + n),   delta = batch mean - mean
        squares' = squares + batch squares + delta^2 count n / (count + n)

    Source: Chan, Golub and LeVeque 1979, updating formulae for the sample variance, eq. 2.1.
    """
    n, d = batch.shape
    for j in range(d):
        total = 0.0
        for i in range(n):
            total += batch[i, j]
        batch_mean = total / n
        squares = 0.0
        for i in range(n):
            squares += (batch[i, j] - batch_mean) ** 2
        count = statistics[COUNT, j]
        delta = batch_mean - statistics[MEAN, j]
        statistics[MEAN, j] += delta * n / (count + n)
        statistics[SQUARES, j] += squares + delta * delta * count * n / (count + n)
        statistics[COUNT, j] = count + n


@compiled(_STANDARDIZE, is_rounded=True)
def standardize(
    statistics: RunningMeanStd, batch: NDArray[np.float32], clip: float, out: NDArray[np.float32]
) -> None:
    """Write (batch - mean) / standard deviation, clipped to [-clip, clip], into `out` [n, d]."""
    n, d = batch.shape
    for j in range(d):
        mean = statistics[MEAN, j]
        deviation = np.sqrt(statistics[SQUARES, j] / statistics[COUNT, j] + EPSILON)
        for i in range(n):
            out[i, j] = min(max((batch[i, j] - mean) / deviation, -clip), clip)


@compiled(_STANDARDIZE, is_rounded=True)
def add_and_standardize(
    statistics: RunningMeanStd, batch: NDArray[np.float32], clip: float, out: NDArray[np.float32]
) -> None:
    """`add_batch` and then `standardize`, in one call."""
    add_batch(statistics, batch)
    standardize(statistics, batch, clip, out)


@compiled("void(float64[:, ::1], float64[::1], float64, float64[::1])", is_rounded=True)
def scale(
    statistics: RunningMeanStd, reward: NDArray[np.float64], clip: float, out: NDArray[np.float64]
) -> None:
    """Write rewards over the standard deviation of returns, within [-clip, clip], into `out`."""
    deviation = np.sqrt(statistics[SQUARES, 0] / statistics[COUNT, 0] + EPSILON)
    for i in range(len(reward)):
        out[i] = min(max(reward[i] / deviation, -clip), clip)


@compiled(
    "void(float64[:, ::1], float64[::1], float64[:, ::1], float64, float64, float64[::1])",
    is_rounded=True,
)
def add_and_scale(
    statistics: RunningMeanStd,
    reward: NDArray[np.float64],
    returns: NDArray[np.float64],
    gamma: float,
    clip: float,
    out: NDArray[np.float64],
) -> None:
    """Take discounted returns in, and scale rewards by their standard deviation.

        returns' = gamma returns + reward,   out = clip(reward / standard deviation of all returns)

    Args:
        statistics: of the returns; updated.
        reward: float64 [n].
        returns: float64 [n, 1]; updated.
        gamma: discount.
        clip: largest magnitude of a scaled reward.
        out: float64 [n]; written.
    """
    n = len(reward)
    for i in range(n):
        returns[i, 0] = gamma * returns[i, 0] + reward[i]
    add_batch(statistics, returns)
    scale(statistics, reward, clip, out)
