"""The dimensions of a search: what a config writes, understood and checked.

    [0.0001, 0.01]                                       a range; on a log scale from 1 : 100 on
    {"low": 16, "high": 512, "log": true, "type": "int"} a range, said in full
    {"low": 0.9, "high": 0.9999, "reverse_log": true}    as fine near 1 as a log scale is near 0
    {"choices": ["ou", "normal"]}                        one of these
    {..., "if": {"noise_type": "ou"}}                    only where another dimension has this value

Its doors are `parse_search_space`, `parse_dimension` and `describe`. It must not know how a
dimension is searched.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from amc.config.search.dimension import Dimension, DimensionReader, identity, is_number
from amc.config.search.search_keys import SearchKeys
from amc.config.text.document import Document, Path, Problem
from amc.config.text.faults import listed, shown
from amc.plugins import did_you_mean

__all__ = ["Dimension", "describe", "parse_dimension", "parse_search_space"]


def parse_dimension(raw: Any) -> Dimension:
    """Understand one dimension of a free name, without knowledge of what it sets.

    Args:
        raw: any of the forms above, or a `Dimension`, which is returned as it is.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    reader = DimensionReader(raw, (), None)
    dimension = reader.read()
    if dimension is None:
        raise Document.of(raw, "").error(reader.problems)
    return dimension


def parse_search_space(
    raw: Mapping[str, Any], keys: SearchKeys, foreign: Callable[[str], str | None]
) -> tuple[dict[str, Dimension], list[Problem]]:
    """Understand a whole search space.

    Args:
        raw: key to form.
        keys: what can be searched.
        foreign: why a key has no effect here, for one that has a meaning elsewhere.

    Returns:
        The dimensions that are sound, by key as written; and the problems, with paths below the
        search space.
    """
    space: dict[str, Dimension] = {}
    problems: list[Problem] = []
    targets: dict[str, str] = {}
    if not raw:
        problems.append(
            Problem(
                (),
                "empty: there is nothing to search. Name a setting, or leave "
                "out hyperparameter_optimizer for a single trial.",
            )
        )
    for key, form in raw.items():
        field = keys.find(key)
        if field is None:
            problems.append(Problem((key,), partial(_not_searched, key, keys, foreign), True))
            continue
        if field.path in targets:
            message = f"{targets[field.path]!r} is the same setting. Keep one of them."
            problems.append(Problem((key,), message, at_key=True))
        targets[field.path] = key
        reader = DimensionReader(form, (key,), field)
        dimension = reader.read()
        problems += reader.problems
        if dimension is not None:
            space[key] = dimension
    problems += _condition_problems(space, raw)
    return space, problems


def _not_searched(key: str, keys: SearchKeys, foreign: Callable[[str], str | None]) -> str:
    return foreign(key) or keys.why_not(key)


def describe(search_space: Mapping[str, Dimension]) -> list[str]:
    """The space as understood, a sentence for each dimension."""
    return [f"{key}: {_sentence(dimension)}" for key, dimension in search_space.items()]


def _sentence(dimension: Dimension) -> str:
    if dimension.choices is not None and dimension.is_constant:
        text = f"always {shown(dimension.choices[0])}"
    elif dimension.choices is not None:
        text = f"one of {listed(dimension.choices)}"
    else:
        scale = {"linear": "linear", "log": "log", "reverse_log": "log scale of 1 - value"}
        kind = "whole numbers " if dimension.type == "int" else ""
        name = scale[dimension.scale]
        text = f"{kind}{dimension.low} to {dimension.high}, "
        text += name if "scale" in name else f"{name} scale"
    for key, values in (dimension.condition or {}).items():
        text += f", only if {key} is {listed(values, ' or ')}"
    return text


def _condition_problems(
    space: Mapping[str, Dimension], raw: Mapping[str, Any]
) -> Iterator[Problem]:
    for key, dimension in space.items():
        for other, values in (dimension.condition or {}).items():
            path: Path = (key, "if", other)
            parent = space.get(other)
            if parent is None:
                if other not in raw:
                    yield Problem(path, partial(_no_dimension, other, raw), True)
            elif other == key or parent.condition:
                yield Problem(path, "a dimension that has a condition itself cannot be one.", True)
            else:
                yield from _value_problems(path, parent, values)


def _no_dimension(name: str, known: Iterable[str]) -> str:
    return f"no dimension of this space. {did_you_mean(name, known)}".rstrip()


def _value_problems(path: Path, parent: Dimension, values: tuple[Any, ...]) -> Iterator[Problem]:
    chosen = None if parent.choices is None else set(map(identity, parent.choices))
    for value in values:
        if chosen is not None:
            if identity(value) not in chosen:
                yield Problem(path, partial(_never_chosen, value, parent))
        elif not is_number(value) or not parent.low <= value <= parent.high:
            message = f"{shown(value)} is not within {parent.low} to {parent.high}."
            yield Problem(path, message)


def _never_chosen(value: Any, parent: Dimension) -> str:
    return f"{shown(value)} is never chosen. Choices: {listed(parent.choices or ())}."
