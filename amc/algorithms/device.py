"""Where a learner computes: which device it is, how numbers get there, how exactly it multiplies.

Here, and in `amc.training.gpu_usage`, is all that treats a GPU differently from a CPU.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from amc.config.schema import Precision
from amc.errors import UsageError


def resolve_device(name: str) -> torch.device:
    """The device that `training.device` names; "auto" is the first GPU seen here, else the CPU.

    Raises:
        UsageError: the name is malformed, or this process does not see such a device.
    """
    if name == "cpu":
        return torch.device("cpu")  # without asking what else there is: who forks must not
    here = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if name == "auto":
        return torch.device(here[1] if len(here) > 1 else "cpu")
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in here:
        raise UsageError(
            f"training.device: {name!r} does not exist here. This process sees: "
            f"{', '.join(here)}{_limits()}. Choose one of these, or 'auto'."
        )
    return torch.device(wanted)


def _limits() -> str:
    """What may keep this process from seeing a GPU that the machine has."""
    if not torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]
        return f" (PyTorch {torch.__version__} is built without CUDA)"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "" if visible is None else f" (CUDA_VISIBLE_DEVICES is {visible!r})"


def to_device(array: NDArray[Any], device: torch.device) -> Tensor:
    """An array's numbers on a device; on the CPU the very same memory.

    A GPU copies from pinned memory, which torch keeps for the next copy, so that nobody waits for
    what the GPU still has to do.
    """
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor


@contextmanager
def matrix_products(precision: Precision) -> Iterator[None]:
    """Let a GPU round the factors of float32 matrix products to tf32 in this block, if wanted.

    Backward passes in the block included. Torch holds this setting once for the whole process.
    """
    if precision != "tf32":
        yield
        return
    products = torch.backends.cuda.matmul
    before = products.fp32_precision
    products.fp32_precision = "tf32"
    try:
        yield
    finally:
        products.fp32_precision = before
