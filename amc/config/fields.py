"""The types of config fields: strict, finite, and forgiving only where JSON itself is.

JSON has one kind of number, so `1e6` is an integer here and `1` a float; `"5"` and `true` are
neither.
"""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

# Every JSON reader keeps integers up to here exactly; no training is that long.
LARGEST_COUNT = 2**53

_LONGEST_SIZE = 40
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?)?B?", re.ASCII)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


class StrictModel(BaseModel):
    """Frozen, no unknown keys, no conversions between types, no NaN or infinity."""

    model_config = ConfigDict(
        # By whoever reads the first config, once for all models in it: it was half of an import.
        defer_build=True,
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )


def _integral(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def parse_size(value: Any) -> Any:
    """Turn a size such as "4GiB" into bytes; anything but a string is returned as it is.

    Raises:
        ValueError: the string is no size.
    """
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip()) if len(value) <= _LONGEST_SIZE else None
    if match is None:
        raise ValueError(
            f'{value[:_LONGEST_SIZE]!r} is not a size. Write bytes, or for example "4GiB".'
        )
    return int(float(match[1]) * _UNITS[match[2] or ""])


INTEGRAL = BeforeValidator(_integral)
"""Stands last in the annotation of an int, so that 1e6 is one."""

MAY_CHANGE = "may change where a segment of a training begins"
"""Stands in the annotation of a setting that nothing depends on which was trained so far."""

Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT), INTEGRAL]
CountOrZero = Annotated[int, Field(ge=0, le=LARGEST_COUNT), INTEGRAL]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Size = Annotated[int, Field(ge=1, le=LARGEST_COUNT), INTEGRAL, BeforeValidator(parse_size)]
"""Bytes, as a number or as a string with a unit."""

LayerWidth = Annotated[int, Field(ge=1, le=65_536), INTEGRAL]
Layers = Annotated[tuple[LayerWidth, ...], Field(strict=False, max_length=16)]
"""Widths of hidden layers, from the observation on; empty for a linear network."""
