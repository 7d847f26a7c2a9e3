"""Multilayer perceptrons forward and backward, over a flat tensor's memory.

    n       rows at hand, at most the capacity of the scratch memory
    which   one of the networks in the table
    L       layers of each network

Rows enter a network in the first columns of its scratch memory: see `input_rows`.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from amc.algorithms.kernels.blas import (
    Floats,
    add_transposed_product,
    matrix,
    multiply,
    multiply_by_transposed,
    vector,
)
from amc.algorithms.kernels.elementwise import (
    IDENTITY,
    ONE,
    ZERO,
    add_bias_and_activate,
    add_rows,
    multiply_by_derivative,
    transpose,
)
from amc.compilation import inlined

# Columns of a table of layers: the layer's inputs and outputs, where its weights begin in flat
# memory (its biases follow them), how many columns of scratch memory lie before its inputs, and
# whether its weights are transposed before they meet many rows.
INPUTS, OUTPUTS, WEIGHTS, BEFORE, IS_TRANSPOSED = range(5)

# Below so many rows, turning weights costs more than it saves.
FEW_ROWS = 16
# From so many weights on BLAS transposes them better itself, to the same bits: a minibatch of 64 at
# 256x256 took 823 us in place of 697.
MANY_WEIGHTS = 128 * 128


class Networks(NamedTuple):
    """Some networks of equal depth, and the memory that they work in."""

    blas: int  # address of sgemm
    flat: Floats  # [P] every parameter
    gradient: Floats  # [P]
    transposed: Floats  # [P] scratch: the weights transposed; empty to do without
    layers: NDArray[np.int64]  # [networks, L, 5]
    outputs: Floats  # scratch: what goes into each layer, and out of the last one
    deltas: Floats  # scratch, laid out likewise: derivatives of the loss with respect to outputs
    capacity: int  # rows that the scratch memory holds
    activation: int  # between layers


def make_networks(
    values: Tensor,
    gradient: Tensor,
    parts: Sequence[Iterable[nn.Linear]],
    *,
    capacity: int,
    activation: int,
    blas: int,
    is_shared: bool,
    is_transposed: bool,
) -> Networks:
    """Describe networks whose weights are views of one tensor.

    Args:
        values: float32 [P].
        gradient: float32 [P].
        parts: the layers of each network.
        capacity: rows to work on at once.
        activation: between layers.
        blas: address of sgemm.
        is_shared: whether the networks are used one after the other, and may share scratch memory.
        is_transposed: whether the weights of small layers are transposed before they meet many
            rows.
    """
    tables, before, widths = [], 0, []
    for part in parts:
        table, width = _table(values, part, 0 if is_shared else before, is_transposed)
        tables.append(table)
        widths.append(width)
        before = width
    scratch = np.zeros((2, capacity * max(widths)), np.float32)
    return Networks(
        blas=blas,
        flat=values.numpy(),
        gradient=gradient.numpy(),
        transposed=np.zeros(values.numel() if is_transposed else 0, np.float32),
        layers=np.array(tables, np.int64),
        outputs=scratch[0],
        deltas=scratch[1],
        capacity=capacity,
        activation=activation,
    )


def place_of(view: Tensor, values: Tensor) -> int:
    """Where within flat `values` a view of it begins."""
    return (view.data_ptr() - values.data_ptr()) // values.itemsize


def _table(
    values: Tensor, layers: Iterable[nn.Linear], before: int, is_transposed: bool
) -> tuple[list[tuple[int, ...]], int]:
    """A network's rows of the table of layers, and the scratch columns up to its end."""
    rows: list[tuple[int, ...]] = []
    for layer in layers:
        place = place_of(layer.weight, values)
        is_small = layer.in_features * layer.out_features < MANY_WEIGHTS
        kind = int(is_transposed and is_small)
        rows.append((layer.in_features, layer.out_features, place, before, kind))
        before += layer.in_features
    return rows, before + rows[-1][OUTPUTS]


@inlined
def weights_of(flat: Floats, layer: NDArray[np.int64]) -> Floats:
    """A layer's weights, [outputs, inputs]."""
    return matrix(flat, layer[WEIGHTS], layer[OUTPUTS], layer[INPUTS])


@inlined
def biases_of(flat: Floats, layer: NDArray[np.int64]) -> Floats:
    """A layer's biases, [outputs]."""
    return vector(flat, layer[WEIGHTS] + layer[INPUTS] * layer[OUTPUTS], layer[OUTPUTS])


@inlined
def transposed_of(networks: Networks, layer: NDArray[np.int64]) -> Floats:
    """A layer's transposed weights, [inputs, outputs]."""
    return matrix(networks.transposed, layer[WEIGHTS], layer[INPUTS], layer[OUTPUTS])


@inlined
def input_of(memory: Floats, layer: NDArray[np.int64], n: int, capacity: int) -> Floats:
    """The rows of scratch memory that go into a layer, [n, inputs]."""
    return matrix(memory, capacity * layer[BEFORE], n, layer[INPUTS])


@inlined
def output_of(memory: Floats, layer: NDArray[np.int64], n: int, capacity: int) -> Floats:
    """The rows of scratch memory that come out of a layer, [n, outputs]."""
    return matrix(memory, capacity * (layer[BEFORE] + layer[INPUTS]), n, layer[OUTPUTS])


@inlined
def input_rows(networks: Networks, which: int, n: int) -> Floats:
    """Where the rows that enter a network belong, [n, inputs]."""
    return input_of(networks.outputs, networks.layers[which, 0], n, networks.capacity)


@inlined
def output_rows(memory: Floats, networks: Networks, which: int, n: int) -> Floats:
    """Where the rows that leave a network lie in `outputs` or `deltas`, [n, outputs]."""
    last = networks.layers.shape[1] - 1
    return output_of(memory, networks.layers[which, last], n, networks.capacity)


@inlined
def transpose_weights(networks: Networks, which: int) -> None:
    """Transpose the weights of a network's small layers; call it before many rows.

    Rows times transposed weights take 25 % less time than if BLAS has to transpose them.
    """
    for k in range(networks.layers.shape[1]):
        layer = networks.layers[which, k]
        if layer[IS_TRANSPOSED]:
            transpose(weights_of(networks.flat, layer), transposed_of(networks, layer))


@inlined
def forward(networks: Networks, which: int, n: int) -> Floats:
    """Fill a network's scratch memory from the rows that entered it.

    Args:
        networks: the networks.
        which: one of them.
        n: rows; from FEW_ROWS on, `transpose_weights` must have seen the present weights.

    Returns:
        What leaves the last layer, [n, outputs], a view.
    """
    last = networks.layers.shape[1] - 1
    for k in range(last + 1):
        layer = networks.layers[which, k]
        rows = input_of(networks.outputs, layer, n, networks.capacity)
        out = output_of(networks.outputs, layer, n, networks.capacity)
        if n >= FEW_ROWS and layer[IS_TRANSPOSED]:
            multiply(networks.blas, rows, transposed_of(networks, layer), out)
        else:
            weights = weights_of(networks.flat, layer)
            multiply_by_transposed(networks.blas, rows, weights, out)
        kind = networks.activation if k < last else IDENTITY
        add_bias_and_activate(out, biases_of(networks.flat, layer), kind)
    return output_rows(networks.outputs, networks, which, n)


@inlined
def backward(networks: Networks, which: int, n: int, is_first: bool) -> None:
    """From the derivatives of a network's output to the gradient of every weight and bias.

    Args:
        networks: the networks.
        which: one of them; `deltas` holds its last layer's derivatives.
        n: rows.
        is_first: whether the gradient is written, or added to.
    """
    for k in range(networks.layers.shape[1] - 1, -1, -1):
        layer = networks.layers[which, k]
        rows = input_of(networks.outputs, layer, n, networks.capacity)
        delta = output_of(networks.deltas, layer, n, networks.capacity)
        gradient = weights_of(networks.gradient, layer)
        add_transposed_product(networks.blas, delta, rows, gradient, ZERO if is_first else ONE)
        add_rows(delta, biases_of(networks.gradient, layer), is_first)
        if k > 0:
            before = input_of(networks.deltas, layer, n, networks.capacity)
            multiply(networks.blas, delta, weights_of(networks.flat, layer), before)
            multiply_by_derivative(before, rows, networks.activation)


@inlined
def backward_to_input(networks: Networks, which: int, n: int) -> Floats:
    """From the derivatives of a network's output to those of its input; no gradient of weights.

    Returns:
        The derivatives with respect to the rows that entered, [n, inputs], a view.
    """
    for k in range(networks.layers.shape[1] - 1, -1, -1):
        layer = networks.layers[which, k]
        delta = output_of(networks.deltas, layer, n, networks.capacity)
        before = input_of(networks.deltas, layer, n, networks.capacity)
        multiply(networks.blas, delta, weights_of(networks.flat, layer), before)
        if k > 0:
            rows = input_of(networks.outputs, layer, n, networks.capacity)
            multiply_by_derivative(before, rows, networks.activation)
    return input_of(networks.deltas, networks.layers[which, 0], n, networks.capacity)
