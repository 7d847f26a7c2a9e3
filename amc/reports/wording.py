"""Numbers as a report says them."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

# From here on numbers are written with an exponent.
_LONG = 1e7
_MOST_DECIMALS = 12
_MOST_NAMED = 8


def score(value: float | None) -> str:
    """Six significant digits; a dash where there is none."""
    return "-" if value is None else f"{value:.6g}"


def spanned(value: float, low: float | None, high: float | None) -> str:
    """`488.2 [460.1, 516.3]`, with as many digits as half the interval makes sense of."""
    if low is None or high is None:
        return score(value)
    half = (high - low) / 2
    if not half or max(abs(value), half) >= _LONG:
        texts = [score(number) for number in (value, low, high)]
    else:
        decimals = min(max(0, 2 - math.floor(math.log10(half))), _MOST_DECIMALS)
        texts = [f"{number:.{decimals}f}" for number in (value, low, high)]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"


def duration(seconds: float) -> str:
    """`0.8 s`, `42 s`, `3 min`, `2.1 h`, `3.4 days`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, name, least in (
        (1, "s", 0),
        (60, "min", 90),
        (3600, "h", 5400),
        (86400, "days", 2e5),
    ):
        if seconds >= least:
            amount, word = seconds / unit, name
    return f"{amount:.0f} {word}" if word == "s" else f"{amount:.1f} {word}"


def moment(unix: float) -> str:
    """`2026-11-25 22:55 UTC`; a dash where no clock shows it."""
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(unix))
    except (OverflowError, ValueError, OSError):
        return "-"


def counted(number: int, thing: str) -> str:
    """`1 trial`, `1,204 trials`."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def trials(numbers: Sequence[int]) -> str:
    """`trial 3`, `trials 3, 4`; of many the first."""
    more = ", …" if len(numbers) > _MOST_NAMED else ""
    return f"trial{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers[:_MOST_NAMED]))}{more}"


def value(item: Any) -> str:
    """A hyperparameter's value."""
    return f"{item:.4g}" if isinstance(item, float) else str(item)


def exactly(item: Any) -> str:
    """A hyperparameter's value with all of its digits, as a config writes it."""
    return json.dumps(item, ensure_ascii=False)


def hyperparameters(values: Mapping[str, Any]) -> str:
    """`gamma=0.98, learning_rate=0.0012`."""
    return ", ".join(f"{key}={value(item)}" for key, item in values.items()) or "-"


def first_line(error: str) -> str:
    """The first line of an error, and the last where that says what was raised."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    if not lines:
        return ""
    return lines[0] if lines[-1] in lines[0] else f"{lines[0]} … {lines[-1]}"
