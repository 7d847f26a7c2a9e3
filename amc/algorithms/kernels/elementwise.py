"""What is done to numbers one by one: activations, their derivatives, sums over rows, transposing.

Every loop here is one that a compiler turns into vector instructions, and gives the same bits
whatever the alignment of its arrays.

    n    rows        d    columns
"""

import numpy as np

from amc.algorithms.kernels.blas import Floats, Number
from amc.compilation import inlined

IDENTITY, TANH, RELU = range(3)
ACTIVATIONS = {"tanh": TANH, "relu": RELU}

ZERO = np.float32(0)
ONE = np.float32(1)

# tanh(x) = x p(x^2) / q(x^2) for |x| <= 9, beyond which it is 1 in float32. Coefficients: our own
# minimax fit in 40 digits; relative error 2e-8, and 3e-7 once evaluated in float32.
TANH_RANGE = np.float32(9)
P0, P1, P2, P3, P4 = (
    np.float32(0.9999999794744794),
    np.float32(0.13381027820991154),
    np.float32(0.003495590655113103),
    np.float32(2.060912138196965e-05),
    np.float32(1.335471081918419e-08),
)
Q1, Q2, Q3, Q4 = (
    np.float32(0.4671434341856119),
    np.float32(0.025876991977876223),
    np.float32(0.00032856388434047013),
    np.float32(7.776579508140894e-07),
)

# A long sum runs in so many lanes, which are added at the end: vector instructions need
# independent sums, and a fixed number of them makes the result a matter of the code alone.
LANES = 64


@inlined
def within(x: Number, bound: Number) -> Number:
    """x, or the nearer of -bound and bound; not a number stays so, unlike with min and max."""
    return -bound if x < -bound else (bound if x > bound else x)


@inlined
def tanh(x: Number) -> Number:
    """The hyperbolic tangent of a float32, within [-1, 1]; not a number stays so."""
    x = within(x, TANH_RANGE)
    u = x * x
    p = x * (P0 + u * (P1 + u * (P2 + u * (P3 + u * P4))))
    q = ONE + u * (Q1 + u * (Q2 + u * (Q3 + u * Q4)))
    return within(p / q, ONE)


@inlined
def add_bias_and_activate(z: Floats, bias: Floats, activation: int) -> None:
    """Turn z into f(z + bias), in place; z [n, d], bias [d]."""
    n, d = z.shape
    for i in range(n):
        if activation == TANH:
            for j in range(d):
                z[i, j] = tanh(z[i, j] + bias[j])
        elif activation == RELU:
            for j in range(d):
                y = z[i, j] + bias[j]
                z[i, j] = ZERO if y < ZERO else y
        else:
            for j in range(d):
                z[i, j] = z[i, j] + bias[j]


@inlined
def multiply_by_derivative(delta: Floats, y: Floats, activation: int) -> None:
    """Multiply delta by f'(z), in place, from y = f(z); both [n, d]."""
    n, d = delta.shape
    for i in range(n):
        if activation == TANH:
            for j in range(d):
                delta[i, j] = delta[i, j] * (ONE - y[i, j] * y[i, j])
        else:
            for j in range(d):
                delta[i, j] = ZERO if y[i, j] == ZERO else delta[i, j]


@inlined
def add_rows(delta: Floats, total: Floats, is_first: bool) -> None:
    """Add the sum of delta's rows to `total`, or write only that; delta [n, d], total [d]."""
    if is_first:
        for j in range(total.size):
            total[j] = ZERO
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            total[j] += delta[i, j]


@inlined
def transpose(matrix: Floats, transposed: Floats) -> None:
    """Write matrix^T into `transposed`."""
    for j in range(matrix.shape[1]):
        for i in range(matrix.shape[0]):
            transposed[j, i] = matrix[i, j]


@inlined
def sum_of_squares(values: Floats) -> Number:
    """The sum of v_i^2, as a float64."""
    lanes = np.zeros(LANES, np.float32)
    whole = values.size // LANES
    for block in range(whole):
        for k in range(lanes.size):
            lanes[k] += values[block * LANES + k] * values[block * LANES + k]
    total = 0.0
    for k in range(lanes.size):
        total += lanes[k]
    for i in range(whole * LANES, values.size):
        total += values[i] * values[i]
    return total


@inlined
def polyak_update(target: Floats, values: Floats, tau: Number) -> None:
    """Move: target <- target + tau (values - target)."""
    for i in range(target.size):
        target[i] += tau * (values[i] - target[i])
