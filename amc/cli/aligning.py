"""Columns of numbers whose decimal points stand below each other.

Its doors are `at_the_point` for texts that begin with a number, and `written` for values.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

_WHOLE_PART = re.compile(r"\s*[-+]?\d+")
# Of a column that spans more than this, numbers are written with an exponent.
_LEAST, _MOST = 1e-4, 1e6


def at_the_point(texts: Sequence[str]) -> list[str]:
    """The same texts, padded to one width so that the points of their first numbers align.

    `247.8`, `500`, `-`: what begins with no number stands with its last character before the point.
    """
    heads = [_WHOLE_PART.match(text) for text in texts]
    lefts = [len(text) if head is None else head.end() for text, head in zip(texts, heads)]  # noqa: B905
    left = max(lefts, default=0)
    padded = [" " * (left - own) + text for own, text in zip(lefts, texts, strict=True)]
    width = max(map(len, padded), default=0)
    return [text.ljust(width) for text in padded]


def written(values: Sequence[Any]) -> list[str]:
    """A column of values, each as short as tells them apart; `-` where there is none.

    Numbers with four significant digits, all with an exponent (and three digits) where one of them
    needs it: 0.0001 and 1.3e-05 would be hard to compare.
    """
    numbers = [value for value in values if _is_number(value)]
    sizes = [abs(value) for value in numbers if value]
    is_wide = any(isinstance(value, float) for value in numbers) and any(
        not _LEAST <= size < _MOST for size in sizes
    )
    texts = ["-" if value is None else _text(value, is_wide) for value in values]
    if not numbers:
        return texts
    return at_the_point(texts)


def _text(value: Any, is_wide: bool) -> str:
    if not _is_number(value):
        return str(value)
    if is_wide:
        return f"{value:.2e}" if value else "0"
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)
