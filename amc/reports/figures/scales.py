"""Where the values of a searched dimension stand on an axis from 0 to 1, and what is written there.

Its doors are `place`, `position` and `ticks`. The same for every figure that has hyperparameters on
an axis.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from matplotlib.ticker import MaxNLocator

from amc.config.search.dimension import Dimension, is_among, is_number

_TICKS = 4
_LONGEST = 12
# From so many decades on every power of ten is enough.
_DECADES = 2.0


def place(hyperparameters: Mapping[str, Any], name: str, dimension: Dimension) -> float | None:
    """Where a trial stands; None if it has no such hyperparameter, since its condition failed."""
    return position(dimension, hyperparameters[name]) if name in hyperparameters else None


def position(dimension: Dimension, value: Any) -> float | None:
    """Where a value stands; None if it is none of the dimension's."""
    if dimension.choices is not None:
        choices = ordered(dimension)
        found = (at for at, one in enumerate(choices) if is_among(value, [one]))
        index = next(found, None)
        return None if index is None else (index + 0.5) / len(choices)
    if not is_number(value) or not dimension.low <= value <= dimension.high:
        return None
    low, high = _scaled(dimension, dimension.low), _scaled(dimension, dimension.high)
    return (_scaled(dimension, value) - low) / (high - low)


def ordered(dimension: Dimension) -> tuple[Any, ...]:
    """The choices as they stand on the axis: numbers by size, others as they were written."""
    choices = dimension.choices or ()
    return tuple(sorted(choices)) if all(map(is_number, choices)) else choices


def ticks(dimension: Dimension) -> list[tuple[float, str]]:
    """Positions, and what is written there."""
    values = ordered(dimension) or tuple(_rounds(dimension))
    placed = ((position(dimension, value), value) for value in values)
    return [(at, written(value)) for at, value in placed if at is not None]


def written(value: Any) -> str:
    """A value in few letters."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _scaled(dimension: Dimension, value: float) -> float:
    match dimension.scale:
        case "log":
            return math.log10(value)
        case "reverse_log":
            return -math.log10(1.0 - value)
        case "linear":
            return float(value)


def _rounds(dimension: Dimension) -> Iterator[float]:
    """Round values between the bounds."""
    low, high = dimension.low, dimension.high
    if dimension.scale == "linear":
        locator = MaxNLocator(_TICKS, steps=[1, 2, 2.5, 5, 10], integer=dimension.type == "int")
        found = (float(value) for value in locator.tick_values(low, high))
        yield from (round(one) if dimension.type == "int" else one for one in found)
    elif dimension.scale == "log":
        for value in _decimal(low, high):
            yield round(value) if dimension.type == "int" and value >= 1 else value
    else:
        # As many nines as it takes: 0.9, 0.99, 0.999.
        yield from (round(1.0 - value, 12) for value in _decimal(1.0 - high, 1.0 - low))


def _decimal(low: float, high: float) -> Iterator[float]:
    """Powers of ten; where these are few, twice and five times as much, too."""
    is_wide = math.log10(high / low) >= _DECADES
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, (last - first) // (_TICKS + 1))
    for power in range(first, last + 1, step):
        for factor in (1,) if is_wide else (1, 2, 5):
            yield float(f"{factor}e{power}")
