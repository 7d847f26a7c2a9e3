"""What pydantic found wrong, said in sentences: what is allowed, what came, what was meant."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from amc.config.text import foreign_words
from amc.config.text.document import Path, Problem, shortened
from amc.plugins import did_you_mean

_SHOWN = 60
# Of a list of names in a sentence.
_LISTED = 20
_KINDS = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a string",
    "tuple_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "is_instance_of": "an object",
    "none_required": "null",
    "finite_number": "a finite number",
    "invalid_key": "a string",
}
_LIMITS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}


def problems(
    error: ValidationError,
    *,
    model: type[BaseModel],
    below: Path = (),
    home: Callable[[str], str | None] | None = None,
) -> Iterator[Problem]:
    """The problems of one section of a config.

    Args:
        error: what validating the section raised.
        model: the section's model.
        below: where the section stands in the config.
        home: the section of an experiment's config in which a key that is unknown here is known,
            if there is one; None for another file, whose keys are called by no other names.
    """
    for detail in error.errors(include_url=False):
        location, at_key = _place(detail)
        inner = _model_at(model, location[:-1])
        if detail["type"] == "extra_forbidden":
            message = partial(_unknown, detail["input"], (*below, *location), inner, home)
        else:
            message = partial(sentence, detail, inner)
        yield Problem((*below, *location), message, at_key)


def _place(detail: Mapping[str, Any]) -> tuple[Path, bool]:
    """Where pydantic's error is in a file, and whether it is the key's rather than the value's."""
    location: Path = detail["loc"]
    if detail["type"] == "extra_forbidden":
        at_key = True
    else:
        at_key = len(location) > 1 and location[-1] == "[key]"
        location = location[:-1] if at_key else location
    # Which of its forms an element of an array has stands behind its index, and in no file.
    forms = [
        index
        for index, part in enumerate(location)
        if index and part in ("[name]", "[object]") and isinstance(location[index - 1], int)
    ]
    return tuple(part for index, part in enumerate(location) if index not in forms), at_key


def _unknown(
    value: Any, path: Path, model: type[BaseModel], home: Callable[[str], str | None] | None
) -> str:
    key, known = str(path[-1]), known_keys(model)
    if (instead := getattr(model, "elsewhere", {}).get(key)) is not None:
        return str(instead)
    if home is not None and (section := home(key)) is not None:
        return f"unknown key here. It belongs to {section}; move it there."
    meant = foreign_words.here(key, known) if home is not None else None
    hint = f"Did you mean {meant!r}? " if meant else did_you_mean(key, known)
    return f"unknown key. {hint}Known keys: {', '.join(known)}." + _bracketed(path[:-1], key, value)


def _model_at(model: type[BaseModel], location: Path) -> type[BaseModel]:
    """The model of what stands at a location of a section."""
    for part in location:
        if part in model.model_fields:
            model = next(_models_in(model.model_fields[str(part)].annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def sentence(detail: Mapping[str, Any], model: type[BaseModel] | None = None) -> str:
    """One of pydantic's errors as a sentence."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return f"required, but missing.{_meaning(detail['loc'], model)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return f"{shown(detail['input'])} is not allowed here.{_meaning(detail['loc'], model)}"
    if kind == "too_long":
        limit, given = context["max_length"], len(detail["input"])
        return f"at most {limit} are allowed, but got {given}."
    if kind == "string_too_long":
        limit, given = context["max_length"], len(detail["input"])
        return f"at most {limit} characters are allowed, but got {given}."
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}, but got {shown(detail['input'])}."
    if kind in _LIMITS:
        sign, limit = _LIMITS[kind]
        return f"must be {sign} {shown(context[limit])}, but got {shown(detail['input'])}."
    if kind == "literal_error":
        given = detail["input"]
        meant = did_you_mean(given, _quoted(context)) if isinstance(given, str) else ""
        return f"{shown(given)} is not one of {context['expected']}. {meant}".rstrip()
    return f"{detail['msg']}, but got {shown(detail['input'])}."


def _bracketed(below: Path, key: str, value: Any) -> str:
    """A hint for keys such as `search_space["gamma"]`: a path, written the way programs do."""
    if '["' not in key:
        return ""
    parts = [*map(str, below), key]
    while isinstance(value, Mapping) and len(value) == 1:
        (inner,) = value
        parts.append(str(inner))
        value = value[inner]
    path = ".".join(parts).replace('["', ".").replace('"]', "")
    return f" If {path} was meant: a config nests objects, without brackets in a key."


def known_keys(model: type[BaseModel]) -> list[str]:
    """The keys of a section, as written in a file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def shown(value: Any) -> str:
    """A value as its JSON, cut where it is long."""
    return shortened(json.dumps(value, default=repr), _SHOWN)


def listed(values: Collection[Any], between: str = ", ") -> str:
    """The first of several values as their JSON, and how many others there are."""
    first = between.join(shown(value) for value in islice(values, _LISTED))
    return first if len(values) <= _LISTED else f"{first} and {len(values) - _LISTED} more"


def _meaning(location: Path, model: type[BaseModel] | None) -> str:
    if model is None:
        return ""
    for name, field in model.model_fields.items():
        if location[-1] == (field.alias or name) and field.description:
            return f" {field.description}"
    return ""


def _quoted(context: Mapping[str, Any]) -> list[str]:
    return [part for part in str(context["expected"]).split("'")[1::2]]
