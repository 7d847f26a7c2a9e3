"""A name, an entry point or an allow-listed `module:Class` becomes an object.

For plug-ins, and for what stands beside them in a registry's built-in table. Its door is `resolve`.
"""

import difflib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from importlib.metadata import entry_points
from inspect import Parameter, Signature
from typing import Any

from amc.errors import UsageError
from amc.settings import ALLOW_VARIABLE, allowed_modules

# A comparison takes as long as both names together; no name that somebody meant is longer.
_LONGEST = 100
_LISTED = 40


def is_allowed(reference: str) -> bool:
    """Whether the module part of `module:Name` is on this process's allow-list."""
    return reference.partition(":")[0] in allowed_modules()


def names(built_in: Iterable[str], group: str) -> list[str]:
    """Every name that `resolve` would find: the built-in table and the entry points of `group`."""
    return sorted({*built_in, *(point.name for point in entry_points(group=group))})


def resolve(name: str, *, built_in: dict[str, str], group: str, kind: str) -> Any:
    """Find what a config names: built-in table, then entry points, then an allowed `module:Class`.

    Args:
        name: as the config writes it.
        built_in: name to `module:attribute`.
        group: entry point group, for example `amc.optimizers`.
        kind: what is looked for, for the message ("optimizer").

    Raises:
        UsageError: nothing has that name, or its module is not on the allow-list.
    """
    if name in built_in:
        return _load(built_in[name])
    # What a package prints while it is loaded must not get among a command's results.
    with redirect_stdout(sys.stderr):
        for point in entry_points(group=group):
            if point.name == name:
                return point.load()
        if ":" in name and is_allowed(name):
            return _load(name)
    raise UsageError(unknown(name, names(built_in, group), kind=kind))


def _load(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    target = importlib.import_module(module)
    return getattr(target, attribute) if attribute else target


def arguments(
    function: Callable[..., Any], first: tuple[str, Any], offered: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """How to call what a plug-in brings: with what it takes, and nothing else.

    Args:
        function: a class or a function.
        first: name and value of the argument that it must take, under this name or in first place.
        offered: further arguments by name; one that is None is left to the function's default.

    Returns:
        Positional and named arguments.

    Raises:
        UsageError: it wants what is not offered.
    """
    name, value = first
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return (value,), {}  # written in C: nothing is known of it
    kinds = {key: parameter.kind for key, parameter in signature.parameters.items()}
    takes_all = Parameter.VAR_KEYWORD in kinds.values()
    named = {
        key: item
        for key, item in offered.items()
        if (kinds.get(key) in _BY_NAME or takes_all)
        and (item is not None or _is_required(signature, key))
    }
    is_placed = kinds.get(name) not in _BY_NAME and any(kind in _PLACED for kind in kinds.values())
    positional = (value,) if is_placed else ()
    named = named if is_placed else {name: value, **named}
    try:
        signature.bind(*positional, **named)
    except TypeError as error:
        raise UsageError(
            f"it cannot be called: {error}. It must take {name}, and may take "
            f"{', '.join(offered)}; give every other argument a default."
        ) from error
    return positional, named


_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_PLACED = (
    Parameter.POSITIONAL_ONLY,
    Parameter.POSITIONAL_OR_KEYWORD,
    Parameter.VAR_POSITIONAL,
)


def _is_required(signature: Signature, name: str) -> bool:
    return name in signature.parameters and signature.parameters[name].default is Parameter.empty


def unknown(name: str, known: Iterable[str], *, kind: str, meant: str | None = None) -> str:
    """The sentence for a name that nothing has: what was meant, what there is, what to do."""
    known = sorted(known)
    if ":" in name:
        return (
            f"{name!r} names code outside amc, and its module is not allowed here. "
            f"Start the command and the workers with {ALLOW_VARIABLE}={name.partition(':')[0]} "
            "if you trust it."
        )
    listed = ", ".join(known[:_LISTED])
    others = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    guess = f"Did you mean {meant!r}? " if meant else did_you_mean(name, known)
    return f"unknown {kind} {name!r}. {guess}Known: {listed}{others}."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """'Did you mean ...? ' (with a trailing space) for the closest known name, or ''."""
    found = closest(name, known)
    return f"Did you mean {found!r}? " if found else ""


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, if any is."""
    if len(name) > _LONGEST:
        return None
    folded = {candidate.lower(): candidate for candidate in known if len(candidate) <= _LONGEST}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None
