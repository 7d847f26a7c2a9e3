"""One step of the networks' optimizer over flat memory: Adam, AdamW, SGD, RMSprop, as in torch.

g    gradient, scaled         m, v    running means of g and g^2, [P]
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amc.algorithms.kernels.blas import Floats, Number
from amc.algorithms.kernels.elementwise import ONE, sum_of_squares
from amc.compilation import inlined

ADAM, SGD, RMSPROP = range(3)
# AdamW is Adam with a decay, which Adam has too, as 0.
KINDS = {"adam": ADAM, "adamw": ADAM, "sgd": SGD, "rmsprop": RMSPROP}


class Descent(NamedTuple):
    """An optimizer: which, how fast, its memory, its constants."""

    kind: int
    rate: float
    steps: int  # taken so far
    m: Floats  # [P], or empty
    v: Floats  # [P], or empty
    rule: NDArray[np.float64]  # beta_1, beta_2 (RMSprop: alpha), epsilon, decay


@inlined
def clipping_scale(gradient: Floats, max_norm: Number) -> Number:
    """By what to multiply a gradient so that its Euclidean norm is at most `max_norm`."""
    scale = max_norm / (math.sqrt(sum_of_squares(gradient)) + 1e-6)
    return np.float32(1.0 if scale > 1.0 else scale)


@inlined
def adam_step(values: Floats, gradient: Floats, scale: Number, descent: Descent, t: int) -> None:
    """Keep m and v; x <- (1 - rate decay) x - rate m^ / (sqrt(v^) + epsilon).

    m^ and v^ are m and v freed of their start at zero; t is the number of the step, from 1.
    """
    m, v, rate, rule = descent.m, descent.v, descent.rate, descent.rule
    step = np.float32(rate / (1 - rule[0] ** t))
    root = np.float32(1 / math.sqrt(1 - rule[1] ** t))
    new_1, new_2 = np.float32(1 - rule[0]), np.float32(1 - rule[1])
    old_2, epsilon = np.float32(rule[1]), np.float32(rule[2])
    kept = np.float32(1 - rate * rule[3])
    for i in range(values.size):
        g = gradient[i] * scale
        m[i] = m[i] + new_1 * (g - m[i])
        v[i] = old_2 * v[i] + new_2 * g * g
        values[i] = kept * values[i] - step * m[i] / (math.sqrt(v[i]) * root + epsilon)


@inlined
def sgd_step(values: Floats, gradient: Floats, scale: Number, descent: Descent) -> None:
    """Plain descent: x <- x - rate g."""
    step = np.float32(descent.rate) * scale
    for i in range(values.size):
        values[i] = values[i] - step * gradient[i]


@inlined
def rmsprop_step(values: Floats, gradient: Floats, scale: Number, descent: Descent) -> None:
    """Keep v <- alpha v + (1 - alpha) g^2; x <- x - rate g / (sqrt(v) + epsilon)."""
    v, rule, step = descent.v, descent.rule, np.float32(descent.rate)
    alpha, epsilon = np.float32(rule[1]), np.float32(rule[2])
    for i in range(values.size):
        g = gradient[i] * scale
        v[i] = alpha * v[i] + (ONE - alpha) * g * g
        values[i] = values[i] - step * g / (math.sqrt(v[i]) + epsilon)


@inlined
def descend(values: Floats, gradient: Floats, scale: Number, descent: Descent, t: int) -> None:
    """Step number t of an optimizer, on all that it remembers."""
    if descent.kind == ADAM:
        adam_step(values, gradient, scale, descent, t)
    elif descent.kind == RMSPROP:
        rmsprop_step(values, gradient, scale, descent)
    else:
        sgd_step(values, gradient, scale, descent)
