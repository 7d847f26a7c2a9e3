"""Matrices within flat memory, and their products, for compiled code.

The products are those of BLAS's sgemm, the one that SciPy brings. Numba's own `np.dot` calls the
same routine, but cannot add to what is there and, like slices and `reshape`, takes long to compile.

SciPy publishes the routine's address in `scipy.linalg.cython_blas`. It differs between processes,
so it is handed in at each call instead of being compiled in.

    blas    the address, SGEMM      n    rows      p, q    columns
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from amc.compilation import inlined, types
from amc.environments.compiled.addresses import array_at

Floats = NDArray[np.float32]
Number = Any  # a scalar of compiled code: float32 unless said

_unpacked: Any = cgutils.unpack_tuple
_stored: Any = cgutils.alloca_once_value

SGEMM: int = get_cython_function_address("scipy.linalg.cython_blas", "sgemm")

# Looked for once, now that SciPy's is loaded: it takes 15 ms, which every attempt would pay.
_LIBRARIES = ThreadpoolController()

AS_IS, TURNED = ord("N"), ord("T")
FLOAT_BYTES = 4


def use_one_thread() -> None:
    """Let BLAS compute in the calling thread only, from now on and in the whole process.

    Matrices here are too small to share, and sums must not depend on how many threads there are.
    """
    _LIBRARIES.limit(limits=1, user_api="blas")


@intrinsic
def _sgemm(
    typing_context: Any, blas: Any, turns: Any, sizes: Any, places: Any, widths: Any, keep: Any
) -> Any:
    """Call BLAS. It is Fortran, so every argument goes by address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        blas, *packs, keep = arguments
        turns, sizes, places, widths = (_unpacked(builder, pack) for pack in packs)

        def by_address(values: list[Any], kind: ir.Type) -> list[Any]:
            cast = [builder.trunc(value, kind) for value in values]
            return [_stored(builder, value) for value in cast]

        turn_a, turn_b = by_address(turns, ir.IntType(8))
        sizes = by_address(sizes, ir.IntType(32))
        width_a, width_b, width_c = by_address(widths, ir.IntType(32))
        a, b, c = (builder.inttoptr(place, ir.FloatType().as_pointer()) for place in places)
        one = _stored(builder, ir.FloatType()(1.0))
        kept = _stored(builder, keep)
        values = [turn_a, turn_b, *sizes, one, a, width_a, b, width_b, kept, c, width_c]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(blas, kind.as_pointer()), values)
        return context.get_dummy_value()

    return types.void(blas, turns, sizes, places, widths, keep), generate


# The call as compiled code sees it: without the context.
_product: Any = _sgemm


@inlined
def vector(memory: Floats, start: int, size: int) -> Floats:
    """`size` numbers of flat memory as an array."""
    made: Floats = array_at(memory.ctypes.data + FLOAT_BYTES * start, size, np.float32)
    return made


@inlined
def matrix(memory: Floats, start: int, rows: int, columns: int) -> Floats:
    """Some numbers of flat memory as [rows, columns]."""
    made: Floats = array_at(memory.ctypes.data + FLOAT_BYTES * start, (rows, columns), np.float32)
    return made


@inlined
def multiply(blas: int, left: Floats, right: Floats, result: Floats) -> None:
    """Compute left right into `result` [n, q]; left [n, p], right [p, q]."""
    # Fortran keeps columns together: it is told of the transposed product, right^T left^T.
    (n, p), q = left.shape, right.shape[1]
    places = (right.ctypes.data, left.ctypes.data, result.ctypes.data)
    _product(blas, (AS_IS, AS_IS), (q, n, p), places, (q, p, q), np.float32(0))


@inlined
def multiply_by_transposed(blas: int, left: Floats, right: Floats, result: Floats) -> None:
    """Compute left right^T into `result` [n, q]; left [n, p], right [q, p]."""
    (n, p), q = left.shape, right.shape[0]
    places = (right.ctypes.data, left.ctypes.data, result.ctypes.data)
    _product(blas, (TURNED, AS_IS), (q, n, p), places, (p, p, q), np.float32(0))


@inlined
def add_transposed_product(
    blas: int, left: Floats, right: Floats, result: Floats, keep: Number
) -> None:
    """Add left^T right to keep times `result` [p, q]; left [n, p], right [n, q], keep 0 or 1."""
    (n, p), q = left.shape, right.shape[1]
    places = (right.ctypes.data, left.ctypes.data, result.ctypes.data)
    _product(blas, (AS_IS, TURNED), (q, p, n), places, (q, p, q), keep)
