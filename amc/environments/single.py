"""One gymnasium environment from a config: how it is made, and what goes around it.

Where its name leads, `amc.config.known.registry` says. Plug-in wrappers are called as
`wrap(env, **kwargs)`; they are entry points of `amc.wrappers`, or `module:wrap`.
"""

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gymnasium
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.wrappers import TimeLimit

from amc.config.known.registry import GROUP, WRAPPER_GROUP, Environment, Factory, find
from amc.config.schema import EnvironmentConfig, WrapperConfig
from amc.errors import AmcError, EnvironmentFault, UsageError, said
from amc.plugins import resolve

# What goes around all copies of an environment together (`normalization`).
NORMALIZERS = ("normalize_observation", "normalize_reward")

_MUJOCO = "gymnasium.envs.mujoco"
# Not imported above: they load MuJoCo.
_LATE = {
    "log": "amc.environments.mujoco_log:route_warnings",
    "lean": "amc.environments.lean_mujoco:lean",
}


@dataclass(frozen=True)
class Single:
    """How to make one environment.

    Attributes:
        name: what is really made, for example `LunarLander-v3`.
        make: makes one, wrapped as the config says, without gymnasium's own checks; it has a time
            limit of its own only where wrappers are around it, for they may step more than once.
        max_episode_steps: the config's limit, else the registered one; None for no limit. The
            environment and its wrappers find it in their `spec`.
    """

    name: str
    make: Callable[[], Environment]
    max_episode_steps: int | None


def single(
    config: EnvironmentConfig, wrappers: list[WrapperConfig], render_mode: str | None = None
) -> Single:
    """Find out how to make the config's environment with gymnasium.

    Args:
        config: its name, kwargs and max_episode_steps are read.
        wrappers: plug-in wrappers with their arguments, innermost first.
        render_mode: gymnasium's; None for an environment that is not looked at.

    Raises:
        EnvironmentFault: nothing has that name, or what has it cannot be loaded.
    """
    found = _found(config.name)
    limit = config.max_episode_steps
    if isinstance(found, EnvSpec):
        name, limit = found.id, limit or found.max_episode_steps
        factory = _registered(found, limit, is_wrapped=bool(wrappers))
    else:
        name, factory = config.name, partial(_offered, found, config.name, limit)
    if render_mode is not None:
        factory = partial(factory, render_mode=render_mode)
    around = [(wrapper.name, _wrapper(wrapper)) for wrapper in wrappers]
    make = partial(_make, config, factory, around)
    return Single(name, make, limit)


def plug_ins(config: EnvironmentConfig) -> list[WrapperConfig]:
    """The wrappers that go around each copy of an environment, innermost first."""
    return [
        WrapperConfig.model_construct(name=wrapper) if isinstance(wrapper, str) else wrapper
        for wrapper in config.wrappers
        if wrapper not in NORMALIZERS
    ]


def _found(name: str) -> EnvSpec | Factory:
    try:
        return find(name)
    except AmcError:
        raise
    except (Exception, SystemExit) as error:  # of the code that has it
        raise EnvironmentFault(
            f"environment.name: {name!r} cannot be loaded: {said(error)}. "
            "Correct its name, or install what it needs."
        ) from error


def _registered(spec: EnvSpec, limit: int | None, *, is_wrapped: bool) -> Factory:
    """A factory for a registration, without the wrappers that gymnasium puts around any."""
    spec = copy.deepcopy(spec)
    spec.order_enforce = False
    spec.max_episode_steps = limit
    entry_point = str(spec.entry_point)
    is_mujoco = entry_point.startswith(_MUJOCO)
    if is_mujoco:
        _late("log")()
    # Nothing in between: the limit can be counted outside, without a call more in every step.
    uncounted = None if is_wrapped or spec.additional_wrappers else -1
    make = partial(gymnasium.make, spec, max_episode_steps=uncounted, disable_env_checker=True)
    if entry_point.startswith("gymnasium.envs."):
        make = partial(_unquestioned, make)
    if is_mujoco and uncounted is not None:
        make = partial(_lean, make)
    return partial(_informed, make, limit)


def _late(name: str) -> Any:
    return resolve(name, built_in=_LATE, group=GROUP, kind="environment")


def _lean(factory: Factory, **keywords: Any) -> Environment:
    """One of gymnasium's own, stepped without what is not looked at where no wrapper is around."""
    environment = factory(**keywords)
    if (step := _late("lean")(environment)) is not None:
        environment.step = step  # type: ignore[method-assign]
    return environment


def _informed(factory: Factory, limit: int | None, **keywords: Any) -> Environment:
    """An environment that finds its time limit in its `spec`."""
    environment = factory(**keywords)
    if limit is not None and environment.unwrapped.spec is not None:
        environment.unwrapped.spec.max_episode_steps = limit
    return environment


def _offered(factory: Factory, name: str, limit: int | None, **keywords: Any) -> Environment:
    """What a factory that is not registered makes, with a `spec` and the config's time limit."""
    environment = factory(**keywords)
    _require_environment(environment, name)
    if environment.unwrapped.spec is None:
        environment.unwrapped.spec = EnvSpec(name.rpartition(":")[2])
    if limit is None:
        return environment
    environment.unwrapped.spec.max_episode_steps = limit
    return TimeLimit(environment, limit)


def _require_environment(made: Any, name: str) -> None:
    if not isinstance(made, gymnasium.Env):
        raise TypeError(f"{name} made {made!r}, which is no gymnasium.Env")


def _unquestioned(factory: Factory, **keywords: Any) -> Environment:
    """An environment of gymnasium's own that does not check its discrete actions once more."""
    environment = factory(**keywords)
    if isinstance(environment.action_space, spaces.Discrete):
        environment.action_space = _Unquestioned.like(environment.action_space)
    return environment


class _Unquestioned(spaces.Discrete):
    """Says yes to every action: gymnasium's `contains` takes a third of a CartPole step.

    `DiscreteActions.prepare` has asked by then.
    """

    @classmethod
    def like(cls, space: spaces.Discrete) -> "_Unquestioned":
        return cls(int(space.n), start=int(space.start), dtype=space.dtype.type)

    def contains(self, x: Any) -> bool:
        return True


def _wrapper(config: WrapperConfig) -> Callable[[Environment], Environment]:
    try:
        wrap = resolve(config.name, built_in={}, group=WRAPPER_GROUP, kind="wrapper")
        return partial(wrap, **config.kwargs)
    except UsageError as error:
        raise EnvironmentFault(f"environment.wrappers: {error}") from error
    except (Exception, SystemExit) as error:  # of code that is not ours, or of no code at all
        raise EnvironmentFault(
            f"environment.wrappers: {config.name!r} cannot be used: {said(error)}. "
            "Correct its name, or install what it needs."
        ) from error


def _make(
    config: EnvironmentConfig,
    factory: Factory,
    wrappers: list[tuple[str, Callable[[Environment], Environment]]],
) -> Environment:
    try:
        with warnings.catch_warnings():
            # Box2D's import crashes the interpreter where its DeprecationWarning is made an error.
            warnings.simplefilter("ignore", DeprecationWarning)
            environment = factory(**config.kwargs)
        for wrapper, wrap in wrappers:
            environment = wrap(environment)
            _require_environment(environment, wrapper)
    except (Exception, SystemExit) as error:
        raise EnvironmentFault(
            f"environment.name: {config.name!r} cannot be made with kwargs {config.kwargs} and "
            f"wrappers {config.model_dump()['wrappers']}: {said(error)}. Check "
            "environment.kwargs, environment.wrappers, and that the environment's package is "
            "installed."
        ) from error
    return environment
