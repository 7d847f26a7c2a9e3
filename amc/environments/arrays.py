"""Checks and clipping of the small arrays of one step, compiled.

numpy takes 1 to 3 us for each of these however small the array, and warns of overflow on the way;
a loop that numba compiled takes 0.3 us. The types are spelled out so that numba compiles (2 s, the
first time on a machine) or loads (0.5 s) when this is imported: a process forked later has them.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit("boolean(float32[:, ::1], float64[::1])", cache=True)
def all_finite(matrix: NDArray[np.float32], vector: NDArray[np.float64]) -> bool:
    """Whether no number of `matrix` [n, d] and `vector` [n] is infinite or NaN."""
    for row in matrix:
        for value in row:
            if not np.isfinite(value):
                return False
    for value in vector:
        if not np.isfinite(value):
            return False
    return True


@njit(
    [
        "boolean(float32[:, ::1], float32[:, ::1], float32[::1], float32[::1])",
        "boolean(float64[:, ::1], float64[:, ::1], float64[::1], float64[::1])",
    ],
    cache=True,
)
def clip_into(
    out: NDArray[Any], actions: NDArray[Any], low: NDArray[Any], high: NDArray[Any]
) -> bool:
    """Write `actions` [n, d], clipped to `low` and `high` [d], into `out`.

    Returns:
        Whether all of them were finite.
    """
    is_finite = True
    n, d = actions.shape
    for i in range(n):
        for j in range(d):
            value = actions[i, j]
            is_finite = is_finite and np.isfinite(value)
            out[i, j] = min(max(value, low[j]), high[j])
    return is_finite
