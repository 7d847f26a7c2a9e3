"""What environments observe, as the flat float32 vectors that learners read.

The layout is that of gymnasium's `flatten_space`: a Box of any rank and type is raveled, Discrete
and MultiDiscrete become one-hot vectors, MultiBinary stays as it is, Dict and Tuple are
concatenated. Unlike gymnasium's `flatten`, which counts -1 from the end and lets integers wrap, a
reader refuses what the space does not hold. The bounds of a Box are not held against anybody: many
environments leave theirs, and nothing here is computed with them.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from amc.errors import EnvironmentFault, said

LARGEST = 4096

_SHOWN = 120

Reader = Callable[[Any, NDArray[np.float32]], None]
"""Writes a raw observation into a vector; raises Misfit."""


class Misfit(ValueError):
    """Raised when an observation is none of its space's.

    Attributes:
        what: the sentence's end, after "its observation".
        where: which part of a Dict or Tuple, for example `['position'][0]`; empty for all of it.
    """

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(f"observation{where} {what}")
        self.what, self.where = what, where


class ObservationLayout(NamedTuple):
    """How an environment's observations become vectors.

    Attributes:
        space: what the learner sees, a flat float32 Box.
        read: writes one raw observation into a vector.
        as_is: length of a raw observation that is a vector already; None where it is none.
    """

    space: spaces.Box
    read: Reader
    as_is: int | None


def observation_layout(space: Any, name: str) -> ObservationLayout:
    """Find out how to read the observations of an environment.

    Args:
        space: observation space as the environment declares it.
        name: of the environment, for the message.

    Raises:
        EnvironmentFault: it has no fixed size, or a larger one than networks here read.
    """
    size = _size(space)
    if size is None:
        raise EnvironmentFault(
            f"environment.name: {name!r} observes {shown(space)}, which has no fixed size. Box, "
            "Discrete, MultiDiscrete, MultiBinary and Dict or Tuple of these are understood. "
            "Add a wrapper to environment.wrappers that turns it into one of them."
        )
    if not 1 <= size <= LARGEST:
        raise EnvironmentFault(
            f"environment.name: {name!r} observes {shown(space)}, {size:,} numbers. The networks "
            f"here read 1 to {LARGEST:,}. Add a wrapper to environment.wrappers that makes it "
            "smaller."
        )
    flat: Any = spaces.flatten_space(space)
    is_vector = isinstance(space, spaces.Box) and len(space.shape) == 1
    return ObservationLayout(float_box(flat), _reader(space), size if is_vector else None)


def _size(space: Any) -> int | None:
    """How many numbers a flattened observation has; None if that depends. Allocates nothing."""
    try:
        return int(spaces.flatdim(space)) if space.is_np_flattenable else None
    except (AttributeError, NotImplementedError, ValueError):  # none of gymnasium's spaces
        return None


def is_read_alike(one: Any, other: Any) -> bool:
    """Whether observations of two spaces are read in the same way; bounds of a Box do not count."""
    match one, other:
        case spaces.Box(), spaces.Box():
            return bool(one.shape == other.shape)
        case (spaces.Dict(), spaces.Dict()) | (spaces.Tuple(), spaces.Tuple()):
            ours, theirs = _entries(one), _entries(other)
            return ours.keys() == theirs.keys() and all(
                is_read_alike(space, theirs[key]) for key, space in ours.items()
            )
        case ((spaces.Discrete() | spaces.MultiDiscrete() | spaces.MultiBinary()), _):
            return bool(one == other)
        case _:
            return type(one) is type(other) and _size(one) == _size(other)


def _entries(space: Any) -> dict[Any, spaces.Space[Any]]:
    """The spaces inside a Dict or Tuple, by what an observation has them under."""
    if isinstance(space, spaces.Dict):
        return dict(space.spaces)
    return dict(enumerate(space.spaces))


def float_box(box: spaces.Box) -> spaces.Box:
    """The same bounds as a flat float32 Box, without gymnasium's warning about lost precision."""
    with np.errstate(over="ignore"):
        low, high = (bound.astype(np.float32).ravel() for bound in (box.low, box.high))
    return spaces.Box(low, high, dtype=np.float32)


def shown(value: Any) -> str:
    """A value as a sentence shows it, cut where it is long."""
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    try:
        text = " ".join(repr(plain).split())
    except Exception:  # of code that is not ours
        return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _reader(space: spaces.Space[Any]) -> Reader:
    match space:
        case spaces.Box():
            return partial(_read_box, space)
        case spaces.Discrete():
            return partial(_read_discrete, int(space.start), int(space.n))
        case spaces.MultiDiscrete():
            counts = space.nvec.ravel()
            return partial(_read_choices, space, np.cumsum(counts) - counts)
        case spaces.MultiBinary():
            return partial(_read_bits, space)
        case spaces.Tuple():
            return partial(_read_tuple, _parts(_entries(space).items()))
        case spaces.Dict():
            return partial(_read_dict, _parts(_entries(space).items()))
        case _:
            return partial(_read_other, space)


class _Part(NamedTuple):
    """One entry of a Dict or Tuple: its key, how it is read, and where it goes."""

    key: Any
    read: Reader
    place: slice


def _parts(entries: Iterable[tuple[Any, spaces.Space[Any]]]) -> list[_Part]:
    parts, start = [], 0
    for key, space in entries:
        stop = start + spaces.flatdim(space)
        parts.append(_Part(key, _reader(space), slice(start, stop)))
        start = stop
    return parts


def _read_box(space: spaces.Box, raw: Any, out: NDArray[np.float32]) -> None:
    array = _array_like(space, raw)
    try:
        with np.errstate(over="ignore"):  # too large for float32: told as no finite number
            out[:] = array.reshape(-1)
    except Exception as error:
        raise Misfit(f"is {shown(raw)}, and not all of that is numbers.") from error


def _read_discrete(start: int, n: int, raw: Any, out: NDArray[np.float32]) -> None:
    try:
        index = operator.index(raw) - start
    except TypeError:
        index = -1
    if not 0 <= index < n:
        last = start + n - 1
        raise Misfit(f"is {shown(raw)}, but its space holds the integers {start} to {last}.")
    out[:] = 0.0
    out[index] = 1.0


def _read_choices(
    space: spaces.MultiDiscrete,
    offsets: NDArray[np.int64],
    raw: Any,
    out: NDArray[np.float32],
) -> None:
    indices = _integers(space, raw) - space.start
    if not ((indices >= 0) & (indices < space.nvec)).all():
        highest = space.start + space.nvec - 1
        raise Misfit(
            f"is {shown(raw)}, but its space holds the integers {shown(space.start)} to "
            f"{shown(highest)}."
        )
    out[:] = 0.0
    out[offsets + indices.ravel()] = 1.0


def _read_bits(space: spaces.MultiBinary, raw: Any, out: NDArray[np.float32]) -> None:
    bits = _integers(space, raw)
    if not ((bits == 0) | (bits == 1)).all():
        raise Misfit(f"is {shown(raw)}, but its space holds zeros and ones.")
    out[:] = bits.reshape(-1)


def _read_tuple(parts: list[_Part], raw: Any, out: NDArray[np.float32]) -> None:
    if not isinstance(raw, tuple | list | np.ndarray) or len(raw) != len(parts):
        raise Misfit(f"is {shown(raw)}, but its space is a Tuple of {len(parts)} entries.")
    _read_parts(parts, raw, out)


def _read_dict(parts: list[_Part], raw: Any, out: NDArray[np.float32]) -> None:
    keys = [part.key for part in parts]
    if not isinstance(raw, Mapping) or not all(key in raw for key in keys):
        raise Misfit(f"is {shown(raw)}, but its space is a Dict with the keys {shown(keys)}.")
    _read_parts(parts, raw, out)


def _read_parts(parts: list[_Part], raw: Any, out: NDArray[np.float32]) -> None:
    for key, read, place in parts:
        try:
            read(raw[key], out[place])
        except Misfit as misfit:
            raise Misfit(misfit.what, f"[{key!r}]{misfit.where}") from misfit


def _read_other(space: spaces.Space[Any], raw: Any, out: NDArray[np.float32]) -> None:
    """By gymnasium's own `flatten`: Text, OneOf, and what packages taught it."""
    try:
        flat: Any = spaces.flatten(space, raw)
        out[:] = flat
    except Exception as error:
        raise Misfit(f"is {shown(raw)}, which is none of {shown(space)}: {said(error)}.") from error


def _integers(space: spaces.Space[Any], raw: Any) -> NDArray[Any]:
    array = _array_like(space, raw)
    if array.dtype.kind not in "biu":
        raise Misfit(f"is {shown(raw)} of type {array.dtype}, but its space holds integers.")
    return array.astype(np.int64)


def _array_like(space: spaces.Space[Any], raw: Any) -> NDArray[Any]:
    """The observation as an array of the space's shape."""
    try:
        array = np.asarray(raw)
    except Exception as error:  # of code that is not ours
        raise Misfit(f"is {shown(raw)}, which is no array: {said(error)}.") from error
    if array.shape != space.shape:
        raise Misfit(
            f"is {shown(raw)}, of shape {array.shape}, but its space has shape {space.shape}."
        )
    return array
