"""How frequencies, coefficients and noise are written in a config of an `sb3:` algorithm."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from amc.config.fields import MAY_CHANGE, Positive, StrictModel

AUTO = "auto"
_LONGEST, _HEAVIEST = 2**53, 1e9


def _train_freq(value: Any) -> Any:
    """A count of steps, or [count, unit]; a unit of steps is left out."""
    count, unit = value, "step"
    if isinstance(value, list | tuple) and len(value) == 2:
        count, unit = value
    if type(count) in (int, float) and 1 <= count < _LONGEST and count == int(count):
        if unit in ("step", "episode"):
            return int(count) if unit == "step" else (int(count), unit)
    raise ValueError(
        f'{value!r} is no frequency. Write a number of steps, or [1, "episode"] for episodes.'
    )


def _coefficient(value: Any) -> Any:
    """A number that is not negative, "auto", or "auto_" and what learning it begins at."""
    if isinstance(value, str):
        word, _, start = value.partition("_")
        is_number = start.replace(".", "", 1).isdecimal() and float(start) > 0
        if word == AUTO and (value == AUTO or is_number):
            return value
    elif type(value) in (int, float) and 0 <= value <= _HEAVIEST:
        return float(value)
    raise ValueError(f'{value!r} is no weight. Write "auto", "auto_0.1", or a number from 0 on.')


def _entropy(value: Any) -> Any:
    if value == AUTO:
        return value
    if type(value) in (int, float) and abs(value) <= _HEAVIEST:
        return float(value)
    raise ValueError(f'{value!r} is no entropy. Write "auto", or a number.')


TrainFreq = Annotated[int | tuple[int, str], BeforeValidator(_train_freq)]
Coefficient = Annotated[float | str, BeforeValidator(_coefficient)]
Entropy = Annotated[float | str, BeforeValidator(_entropy)]


class ActionNoise(StrictModel):
    """Noise on actions, which are scaled to [-1, 1]; each number of an action has its own."""

    type: Literal["normal", "ou"] = "normal"
    """Independent normal, or Ornstein-Uhlenbeck."""
    sigma: Annotated[float, Field(ge=0, le=10), MAY_CHANGE] = 0.1
    """Deviation; of Ornstein-Uhlenbeck noise that of its steps."""
    mean: Annotated[float, Field(ge=-1, le=1), MAY_CHANGE] = 0.0
    """Mean."""
    theta: Annotated[Positive, MAY_CHANGE] = 0.15
    """How fast Ornstein-Uhlenbeck noise returns to its mean."""
    dt: Annotated[Positive, MAY_CHANGE] = 0.01
    """Time between two draws of Ornstein-Uhlenbeck noise."""
