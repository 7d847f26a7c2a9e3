"""A name, an entry point or an allow-listed `module:Class` becomes an object.

The one door for deferred loading: heavy rooms (torch, gymnasium, bayes_opt) are loaded through
`load` when they are first needed, so that the command line answers at once.
"""

import difflib
import importlib
import os
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any

from amc.errors import UsageError

ALLOW_VARIABLE = "AMC_ALLOW_MODULES"


def load(reference: str) -> Any:
    """Import `package.module` or `package.module:attribute` and return it.

    For references that the program itself holds; what a config names goes through `resolve`.
    """
    module, _, attribute = reference.partition(":")
    target = importlib.import_module(module)
    return getattr(target, attribute) if attribute else target


def allowed_modules() -> frozenset[str]:
    """Modules that this process may import because a config names them (AMC_ALLOW_MODULES)."""
    return frozenset(filter(None, os.environ.get(ALLOW_VARIABLE, "").split(",")))


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
        return load(built_in[name])
    for point in entry_points(group=group):
        if point.name == name:
            return point.load()
    if ":" in name and is_allowed(name):
        return load(name)
    raise UsageError(unknown(name, names(built_in, group), kind=kind))


def unknown(name: str, known: Iterable[str], *, kind: str) -> str:
    """The sentence for a name that nothing has: what was meant, what there is, what to do."""
    known = sorted(known)
    if ":" in name:
        return (
            f"{name!r} names code outside amc, and its module is not allowed here. "
            f"Start the command and the workers with {ALLOW_VARIABLE}={name.partition(':')[0]} "
            "if you trust it."
        )
    return f"unknown {kind} {name!r}. {did_you_mean(name, known)}Known: {', '.join(known)}."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """'Did you mean ...? ' (with a trailing space) for the closest known name, or ''."""
    folded = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return f"Did you mean {folded[close[0]]!r}? " if close else ""
