"""States as a checkpoint gives them back, and what differs between two of them."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from amc.environments.observations import shown
from amc.training import checkpoint


def as_read_again(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state as it comes back from the file of a checkpoint.

    Raises:
        CheckpointError: it holds something else than plain values and tensors.
    """
    with TemporaryDirectory() as directory:
        return checkpoint.load(checkpoint.save(Path(directory), state, step=0, attempt=1))


def difference_between(before: Any, now: Any, where: str) -> str:
    """What differs first between two states, as a clause; empty if no bit does.

    Args:
        before: dicts, lists, plain values, arrays and tensors, nested.
        now: likewise.
        where: what the states are called.
    """
    match before, now:
        case Mapping(), Mapping():
            if before.keys() != now.keys():
                return f"{where} has the keys {sorted(now)}, and had {sorted(before)}"
            pairs = [(f"{where}[{key!r}]", before[key], now[key]) for key in before]
        case list() | tuple(), list() | tuple() if len(before) == len(now):
            indexed = enumerate(zip(before, now, strict=True))
            pairs = [(f"{where}[{index}]", *pair) for index, pair in indexed]
        case _:
            one, other = _plain(before), _plain(now)
            return "" if one == other else f"{where} was {shown(one)}, and is {shown(other)}"
    return next(filter(None, (difference_between(a, b, name) for name, a, b in pairs)), "")


def _plain(value: Any) -> Any:
    """What is equal for equal bits: type, shape and numbers, by their shortest exact spelling."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.tolist()}"
    return repr(value)
