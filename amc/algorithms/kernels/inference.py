"""Forward passes without learning: to act, and for the values of a rollout."""

import math

import numpy as np
from numba import float32, int64
from numpy.typing import NDArray

from amc.algorithms.kernels.blas import Floats
from amc.algorithms.kernels.elementwise import ONE, TANH, tanh
from amc.algorithms.kernels.networks import (
    FEW_ROWS,
    Networks,
    forward,
    input_rows,
    transpose_weights,
)
from amc.compilation import compiled, inlined, types

FLOATS = float32[::1]
LAYERS = int64[:, :, ::1]
MATRIX = float32[:, ::1]


@inlined
def pass_through(
    networks: Networks, which: int, last: int, observations: Floats, result: Floats
) -> None:
    """What a network makes of observations [M, D]; see `infer`.

    From FEW_ROWS on, `transpose_weights` must have seen the present weights.
    """
    total, d = observations.shape
    for start in range(0, total, networks.capacity):
        n = min(networks.capacity, total - start)
        rows = input_rows(networks, which, n)
        for i in range(n):
            for j in range(d):
                rows[i, j] = observations[start + i, j]
        out = forward(networks, which, n)
        for i in range(n):
            for j in range(out.shape[1]):
                y = out[i, j]
                result[start + i, j] = tanh(y) if last == TANH else y


@inlined
def add_noise(log_std: Floats, noise: Floats, result: Floats) -> None:
    """Add noise [M, A], scaled by a standard deviation for each action if there are any."""
    for j in range(result.shape[1]):
        std = math.exp(log_std[j]) if log_std.size > 0 else ONE
        for i in range(len(result)):
            result[i, j] += std * noise[i, j]


@compiled(
    types.void(
        types.UniTuple(int64, 5), FLOATS, FLOATS, LAYERS, FLOATS, FLOATS, MATRIX, MATRIX, MATRIX
    )
)
def infer(
    choices: tuple[int, int, int, int, int],
    flat: Floats,
    transposed: Floats,
    layers: NDArray[np.int64],
    outputs: Floats,
    log_std: Floats,
    noise: Floats,
    observations: Floats,
    result: Floats,
) -> None:
    """What a network makes of observations, plus noise.

    The fields of `Networks` come one by one: taking such a tuple apart would double the time of a
    call on one row.

    Args:
        choices: which network; the activation behind its last layer (TANH, or anything else for
            none); then blas, capacity and activation of `Networks`.
        flat: see `Networks`.
        transposed: see `Networks`.
        layers: see `Networks`.
        outputs: see `Networks`.
        log_std: [A], by which noise is scaled; empty to add it as it is.
        noise: [M, A]; empty for none.
        observations: [M, D].
        result: [M, A], overwritten.
    """
    which, last, blas, capacity, activation = choices
    networks = Networks(
        blas, flat, flat, transposed, layers, outputs, outputs, capacity, activation
    )
    if len(observations) >= FEW_ROWS:
        transpose_weights(networks, which)
    pass_through(networks, which, last, observations, result)
    if noise.size > 0:
        add_noise(log_std, noise, result)
