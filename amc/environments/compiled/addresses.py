"""Memory by its address, for compiled code."""

from typing import Any

from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import numpy_support

from amc.compilation import inlined, types

_voidptr: Any = cgutils.voidptr_t
_carray: Any = numpy_support.carray


@intrinsic
def _pointer(typing_context: Any, address: Any) -> Any:
    """An address as what `carray` takes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], _voidptr)

    return types.voidptr(address), generate


# The call as compiled code sees it: without the context.
_address: Any = _pointer


@inlined
def array_at(address: int, shape: Any, kind: Any) -> Any:
    """What lies at an address as an array; it is not kept alive by it."""
    return _carray(_address(address), shape, kind)
