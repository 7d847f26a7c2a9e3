"""Where an environment's or a wrapper's name leads, and which arguments it takes.

Besides the room of environments, nothing imports this module: it needs gymnasium, and what it finds
may run a package's code. The check of a config runs it as a program (`amc.config.known.inquiry`).

entry point of `amc.environments`   its object is a factory, called with the config's kwargs, or its
                                    module registers the environment with gymnasium
id of Gymnasium's registry          Gymnasium's own, or of an installed package with an entry point
                                    of `gymnasium.envs`, which is called to register them
`module:EnvId`                      the module, if it is on the allow-list, registers EnvId with
                                    gymnasium or has a factory of that name
"""

import inspect
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec, load_env_creator, namespace

from amc.config.known.environments import KNOWN
from amc.errors import AmcError, EnvironmentFault
from amc.plugins import is_allowed, names, resolve, unknown

GROUP = "amc.environments"
WRAPPER_GROUP = "amc.wrappers"
REGISTERING_GROUP = "gymnasium.envs"

Environment = gymnasium.Env[Any, Any]
Factory = Callable[..., Environment]

_VERSION = re.compile(r"-v\d+$")
# Registered with Gymnasium 1.4, but made by no MuJoCo from version 3 on.
_OUTLIVED = ("Pusher-v4",)
_NO_NAMESPACE = ("__root__", "__internal__")
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

log = logging.getLogger(__name__)


def find(name: str) -> EnvSpec | Factory:
    """A gymnasium registration, or a factory that takes the config's kwargs.

    Raises:
        EnvironmentFault: nothing has that name.
    """
    if name in KNOWN:
        return gymnasium.registry[KNOWN[name].gymnasium_id]
    offered: Any = None
    identifier = name
    if name in names((), GROUP):
        offered = resolve(name, built_in={}, group=GROUP, kind="environment")
    elif ":" in name and is_allowed(name):
        module, _, identifier = name.partition(":")
        loaded = resolve(module, built_in={module: module}, group=GROUP, kind="environment")
        offered = getattr(loaded, identifier, None)
    elif name not in gymnasium.registry:
        offered = register_packages().get(name)
    # Loading a plug-in may have registered its environments: a registration knows the time limit.
    if identifier in gymnasium.registry:
        return gymnasium.registry[identifier]
    if callable(offered):
        return offered  # type: ignore[no-any-return]
    raise EnvironmentFault(f"environment.name: {_nothing_named(name)}")


def register_packages() -> dict[str, Factory]:
    """Let every installed package register its environments with gymnasium, once a process.

    Gymnasium 1 no longer calls these entry points itself. A package that fails costs its own
    environments only.

    Returns:
        Factories of environments that some packages offer in the place of what registers them.
    """
    groups = [
        group for group in entry_points().groups if f"{group}.".startswith(f"{REGISTERING_GROUP}.")
    ]
    points = [point for group in sorted(groups) for point in entry_points(group=group)]
    offered = {point.name: _register(point) for point in points}
    return {name: factory for name, factory in offered.items() if factory is not None}


@cache
def _register(point: EntryPoint) -> Factory | None:
    """Do what an entry point is there for.

    It is a function that registers, or a module or class whose import did, or, where its name is an
    environment's, what makes one.
    """
    # Both `[gymnasium.envs] __root__ = ...` and `[gymnasium.envs.__root__] ... = ...` are in use.
    space = point.group.removeprefix(REGISTERING_GROUP)[1:] or point.name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded: Any = point.load()
            if _VERSION.search(point.name):
                return loaded if callable(loaded) else None
            if inspect.isfunction(loaded):
                with nullcontext() if space in _NO_NAMESPACE else namespace(space):
                    loaded()
    except (Exception, SystemExit) as error:
        log.warning(
            "%s registers no environments: %s: %s", point.value, type(error).__name__, error
        )
    return None


def makeable() -> list[str]:
    """The ids of the registry, without those that only say which package was meant."""
    return [
        name
        for name, spec in gymnasium.registry.items()
        if getattr(spec.entry_point, "__module__", "") != gymnasium.envs.__name__
        and name not in _OUTLIVED
    ]


def _nothing_named(name: str) -> str:
    if ":" in name and is_allowed(name):
        module, _, identifier = name.partition(":")
        return (
            f"{name!r} is not there: {module} neither registers {identifier!r} with gymnasium "
            "nor has a factory of that name. Call gymnasium.register in it, or correct the name."
        )
    return unknown(name, {*KNOWN, *makeable(), *names((), GROUP)}, kind="environment")


def constructor(name: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """What makes an environment, and the arguments that its registration gives already.

    Raises:
        EnvironmentFault: nothing has that name.
    """
    found = find(name)
    if not isinstance(found, EnvSpec):
        return found, {}
    if found.id not in makeable():
        raise EnvironmentFault(_nothing_named(name))
    entry_point = found.entry_point
    creator = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    if creator is None:
        raise EnvironmentFault(f"environment.name: {name!r} has no single environments.")
    return creator, found.kwargs


def parameters(function: Callable[..., Any], given: int = 0) -> dict[str, Any]:
    """The names of a function's keyword arguments.

    Args:
        function: or class; its signature is read, it is not called.
        given: how many positional arguments it gets otherwise.

    Returns:
        `takes`: names, or None where any name may be right; `needs`: those without a default.
    """
    try:
        found = list(inspect.signature(function).parameters.values())[given:]
    except (TypeError, ValueError):  # code without a signature, written in C
        return {"takes": None, "needs": []}
    named = [parameter for parameter in found if parameter.kind in _NAMED]
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in found)
    return {
        "takes": None if takes_all else [parameter.name for parameter in named],
        "needs": [parameter.name for parameter in named if parameter.default is parameter.empty],
    }


def answer(kind: str, name: str) -> dict[str, Any]:
    """What can be said of an environment or a wrapper, as plain JSON.

    Returns:
        `takes` and `needs` as `parameters` does; or `unknown`, a sentence, if nothing has the name;
        or `failed`, a sentence, if what has it cannot be loaded.
    """
    try:
        if kind == "wrapper":
            wrap = resolve(name, built_in={}, group=WRAPPER_GROUP, kind="wrapper")
            return parameters(wrap, given=1)
        function, registered = constructor(name)
    except AmcError as error:
        return {"unknown": str(error).removeprefix("environment.name: ")}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}
    found = parameters(function)
    return found | {"needs": [name for name in found["needs"] if name not in registered]}


def main() -> None:
    """Answer the questions on the command line, `[[kind, name], ...]` in JSON, with a list."""
    # What a package prints while it is loaded must not get among the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with answers:
        json.dump([answer(kind, name) for kind, name in json.loads(sys.argv[1])], answers)


if __name__ == "__main__":
    main()
