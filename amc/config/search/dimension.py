"""One dimension of a search: from the form that a config writes to what an optimizer needs.

Its doors are `Dimension` and `DimensionReader`; the forms are listed in
`amc.config.search.search_space`.
"""

import math
import sys
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from amc.config.search.search_keys import SearchField
from amc.config.text import foreign_words
from amc.config.text.document import Path, Problem
from amc.config.text.faults import shown
from amc.plugins import did_you_mean

Scale = Literal["linear", "log", "reverse_log"]
NumberType = Literal["float", "int"]

# From this ratio of high to low on, a plain range is searched on a log scale.
LOG_RATIO = 100
# Each value that is no number is a column of its own for the optimizers.
MOST_CHOICES = 1000

_KEYS = ("low", "high", "log", "reverse_log", "type", "choices", "values", "if")
_TYPES = ("float", "int", "log", "choice")
# What Optuna, Hyperopt, Ray Tune and scikit-optimize call them.
_MEANT_TYPES = {
    **dict.fromkeys(("loguniform", "logfloat", "logreal", "qloguniform"), "Write 'log'."),
    **dict.fromkeys(("categorical", "choices", "gridsearch", "enum"), "Write 'choice'."),
    **dict.fromkeys(("integer", "randint", "intuniform", "quniform", "range"), "Write 'int'."),
    **dict.fromkeys(("uniform", "real", "double", "number", "linear"), "Write 'float'."),
}


@dataclass(frozen=True)
class Dimension:
    """One searched setting.

    Attributes:
        low: least value; 0 where there are choices.
        high: greatest value, which is included; the last index where there are choices.
        scale: on which values are spread evenly; "reverse_log" is a log scale of 1 - value.
        type: "int" for whole numbers.
        choices: the values to choose from, plain JSON, or None for a range; a single one is a
            constant.
        condition: key of another dimension to the values of it with which this one counts.
    """

    low: float
    high: float
    scale: Scale = "linear"
    type: NumberType = "float"
    choices: tuple[Any, ...] | None = None
    condition: Mapping[str, tuple[Any, ...]] | None = None

    @property
    def is_constant(self) -> bool:
        """Whether there is nothing to search: a single value."""
        return self.choices is not None and len(self.choices) == 1

    def to_json(self) -> dict[str, Any]:
        """The object that `parse_dimension` turns into this dimension again."""
        if self.choices is not None:
            form: dict[str, Any] = {"choices": list(self.choices)}
        else:
            form = {"low": self.low, "high": self.high, "type": self.type}
            form |= {"log": self.scale == "log", "reverse_log": self.scale == "reverse_log"}
        if self.condition is not None:
            form["if"] = {key: list(values) for key, values in self.condition.items()}
        return form


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max


def is_among(value: Any, others: list[Any] | tuple[Any, ...]) -> bool:
    """Whether an equal JSON value is among the others; true and 1 are not equal."""
    return any(
        value == other and isinstance(value, bool) == isinstance(other, bool) for other in others
    )


def identity(value: Any) -> Hashable:
    """What is equal for equal JSON values and can stand in a set; true and 1 are not equal."""
    if isinstance(value, list | tuple):
        return tuple(identity(item) for item in value)
    if isinstance(value, bool) or not isinstance(value, int | float | str | None):
        return type(value), repr(value)
    return value


class DimensionReader:
    """Reads one form and collects what is wrong with it.

    Args:
        raw: the form, as a config writes it, or a `Dimension`, which is taken as it is.
        path: where it stands, for the problems.
        field: the setting that is searched; None for a free name.
    """

    def __init__(self, raw: Any, path: Path, field: SearchField | None) -> None:
        self.raw = raw
        self.path = path
        self.field = field
        self.problems: list[Problem] = []
        self._bounds: dict[str, str | int] = {"low": "low", "high": "high"}

    def read(self) -> Dimension | None:
        """The dimension, or None if there are problems."""
        dimension = self._read()
        return None if self.problems else dimension

    def _read(self) -> Dimension | None:
        if isinstance(self.raw, Dimension):
            return self.raw
        if isinstance(self.raw, list | tuple):
            return self._pair(self.raw)
        if isinstance(self.raw, Mapping):
            return self._form(self.raw)
        self._note(
            f"must be [low, high] or an object with low and high or choices, but got "
            f"{shown(self.raw)}."
        )
        return None

    def _pair(self, pair: list[Any] | tuple[Any, ...]) -> Dimension | None:
        if self.field is not None and self.field.kind == "other":
            self._note(f'{self.field.name} is not a number. Write {{"choices": [...]}}.')
        elif len(pair) != 2:
            count = f"{len(pair)} value" + ("" if len(pair) == 1 else "s")
            self._note(
                f"a range is [low, high], but got {count}. "
                'To choose from a list write {"choices": [...]}.'
            )
        else:
            kind: NumberType = "float"
            if self.field is not None and self.field.kind == "int":
                kind = "int"
            self._bounds = {"low": 0, "high": 1}
            return self._range({"low": pair[0], "high": pair[1]}, kind=kind, scale=None)
        return None

    def _form(self, form: Mapping[str, Any]) -> Dimension | None:
        for key in form:
            if key not in _KEYS:
                self._note(partial(_unknown_key, str(key)), key, at_key=True)
        kind = form.get("type")
        if "type" in form and kind not in _TYPES:
            meant = _MEANT_TYPES.get(str(kind).lower().replace("_", ""), "")
            self._note(f"{shown(kind)} is not one of {', '.join(_TYPES)}. {meant}".rstrip(), "type")
            return None
        if kind == "choice" or "choices" in form or "values" in form:
            return self._choice(form)
        if self.field is not None and self.field.kind == "other":
            self._note(f'{self.field.name} is not a number. Write {{"choices": [...]}}.')
            return None
        number = self._number_type(kind)
        return self._range(form, kind=number, scale=self._scale(form))

    def _number_type(self, kind: Any) -> NumberType:
        wanted = self.field.kind if self.field is not None else "float"
        if kind == "float" and wanted == "int":
            self._note(
                f"{self.path[-1]} is a whole number. Write 'int', or leave type out.", "type"
            )
        return "int" if kind == "int" or wanted == "int" else "float"

    def _scale(self, form: Mapping[str, Any]) -> Scale | None:
        """The scale that the form asks for; None if it leaves that open."""
        for key in ("log", "reverse_log"):
            if not isinstance(form.get(key, False), bool):
                self._note(f"must be true or false, but got {shown(form[key])}.", key)
                return None
        is_log = form.get("log", form.get("type") == "log")
        is_reverse = form.get("reverse_log", False)
        if is_log and is_reverse:
            self._note("a scale is log or reverse_log, not both.", "reverse_log")
        if is_log:
            return "log"
        if is_reverse:
            return "reverse_log"
        return "linear" if "log" in form else None

    def _range(
        self, form: Mapping[str, Any], *, kind: NumberType, scale: Scale | None
    ) -> Dimension | None:
        low, high = (self._bound(form, key, kind=kind) for key in ("low", "high"))
        condition = self._condition(form)
        if low is None or high is None:
            return None
        if low == high:
            # One value is one choice, whatever the scale, for all who read a dimension.
            return Dimension(0, 0, choices=(low,), condition=condition)
        if low > high:
            self._note(f"low < high must hold, but got low={low}, high={high}.")
            return None
        if scale == "log" and low <= 0:
            self._note(f"a log scale needs low > 0, but got {low}.", self._bounds["low"])
        if scale == "reverse_log" and high >= 1:
            self._note(f"a reverse_log scale needs high < 1, but got {high}.", self._bounds["high"])
        if scale is None:
            scale = "log" if low > 0 and high / low >= LOG_RATIO else "linear"
        if not self.problems and not 0 < _width(low, high, scale) < math.inf:
            self._note(
                f"{low} and {high} are too near or too far for a float on a {scale} scale. "
                "Choose other bounds."
            )
        return Dimension(low, high, scale, kind, condition=condition)

    def _bound(self, form: Mapping[str, Any], key: str, *, kind: NumberType) -> float | int | None:
        if key not in form:
            self._note("required, but missing. A range has low and high.", key)
            return None
        value, name = form[key], self._bounds[key]
        if not is_number(value):
            self._note(f"must be a finite number, but got {shown(value)}.", name)
            return None
        if kind == "int":
            if value != int(value):
                self._note(f"must be a whole number, but got {value}.", name)
                return None
            value = int(value)
        if self.field is not None:
            _, wrong = self.field.check(value)
            for message in wrong:
                self._note(message, name)
            if wrong:
                return None
        return value if kind == "int" else float(value)

    def _choice(self, form: Mapping[str, Any]) -> Dimension | None:
        name = "values" if "values" in form else "choices"
        values = form.get(name)
        for key in ("low", "high", "log", "reverse_log"):
            if key in form:
                self._note("a choice from a list has no range. Remove this key.", key, at_key=True)
        if "values" in form and "choices" in form:
            self._note("choices and values mean the same. Keep one.", "values", at_key=True)
        if form.get("type", "choice") in ("log", "float"):
            self._note("a choice from a list has no such type. Remove it.", "type")
        if not isinstance(values, list | tuple) or not values:
            self._note(f"must be an array of values, but got {shown(values)}.", name)
            return None
        if len(values) > MOST_CHOICES:
            self._note(f"at most {MOST_CHOICES} are allowed, but got {len(values)}.", name)
            return None
        chosen = self._values(values, name)
        return Dimension(
            low=0,
            high=len(chosen) - 1,
            choices=tuple(chosen),
            condition=self._condition(form),
        )

    def _values(self, values: list[Any] | tuple[Any, ...], name: str) -> list[Any]:
        """The values as the setting keeps them."""
        chosen: list[Any] = []
        seen: set[Hashable] = set()
        for index, value in enumerate(values):
            if self.field is not None:
                value, wrong = self.field.check(value)
                for message in wrong:
                    self._note(message, name, index)
            if identity(value) in seen:
                self._note(f"{shown(value)} is given twice.", name, index)
            seen.add(identity(value))
            chosen.append(value)
        return chosen

    def _condition(self, form: Mapping[str, Any]) -> dict[str, tuple[Any, ...]] | None:
        if "if" not in form:
            return None
        condition = form["if"]
        if not isinstance(condition, Mapping) or not condition:
            self._note(
                f"must be an object of other search keys and their values, but got "
                f"{shown(condition)}.",
                "if",
            )
            return None
        values: dict[str, tuple[Any, ...]] = {
            key: tuple(value) if isinstance(value, list | tuple) else (value,)
            for key, value in condition.items()
        }
        for key in values:
            if not values[key]:
                self._note("no value, so the dimension would never count. Name one.", "if", key)
        return values

    def _note(
        self, message: str | Callable[[], str], *below: str | int, at_key: bool = False
    ) -> None:
        self.problems.append(Problem((*self.path, *below), message, at_key))


def _unknown_key(key: str) -> str:
    meant = foreign_words.here(key, _KEYS)
    hint = f"Did you mean {meant!r}? " if meant in _KEYS else did_you_mean(key, _KEYS)
    return f"unknown key. {hint}Known keys: {', '.join(_KEYS)}."


def _width(low: float, high: float, scale: Scale) -> float:
    """Of a range on its scale, as the optimizers see it; infinite or zero if floats end there."""
    if scale == "log":
        return math.log(high) - math.log(low)
    if scale == "reverse_log":
        return math.log1p(-low) - math.log1p(-high)
    return high - low
