"""From a config to a vector environment: which backend runs it, and the normalisers around it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.random import SeedSequence

from amc.config.backend import resolve_backend
from amc.config.schema import EnvironmentConfig
from amc.environments.classic import Classic
from amc.environments.compiled_backend import CompiledVector
from amc.environments.gymnasium_backend import GymnasiumVector
from amc.environments.normalization import (
    NormalizeObservation,
    Normalizer,
    NormalizeReward,
    observation_statistics,
)
from amc.environments.single import NORMALIZERS, Single, plug_ins, single
from amc.environments.vector import VectorEnvironment
from amc.environments.wrapper_states import States
from amc.errors import EnvironmentFault
from amc.plugins import resolve

_LOG = logging.getLogger(__name__)

BACKEND_GROUP = "amc.backends"
# Not imported above: envpool takes one to two seconds to load, and need not be there at all.
_LATE = {"envpool": "amc.environments.envpool_backend:EnvpoolVector"}


def make(
    config: EnvironmentConfig, n_envs: int, seed: SeedSequence, *, gamma: float = 0.99
) -> VectorEnvironment:
    """The environment of a config, N times, with the config's wrappers.

    Plug-in wrappers go around each environment in the order given, normalisers around all of them.

    Args:
        config: which environment, backend, wrappers and limits.
        n_envs: number of copies.
        seed: all randomness of the environments comes from it.
        gamma: discount of the returns that `normalize_reward` scales by; the learner's own.

    Raises:
        EnvironmentFault: it cannot be made.
    """
    environment = _Bare(config, n_envs, seed).make()
    for wrapper in config.wrappers:
        if wrapper == "normalize_observation":
            environment = NormalizeObservation(environment)
        elif wrapper == "normalize_reward":
            environment = NormalizeReward(environment, gamma=gamma)
    return environment


def make_evaluation(
    config: EnvironmentConfig,
    n_envs: int,
    seed: SeedSequence,
    training: VectorEnvironment | Mapping[str, Any] | None,
    *,
    render_mode: str | None = None,
    bound: int | None = None,
) -> VectorEnvironment:
    """The same environment for measuring: observations as in training, rewards as they are.

    Args:
        config: the training environment's.
        n_envs: number of copies.
        seed: all randomness of the environments comes from it; not the training's.
        training: the training environment or its `state_dict`; its observation statistics are
            copied and frozen, and so are the states of wrappers. None for those of an environment
            that has seen nothing.
        render_mode: gymnasium's, for `render`; such an environment always runs on gymnasium.
        bound: steps after which an episode is cut off where there is no other limit.

    Raises:
        EnvironmentFault: it cannot be made.
    """
    environment = _Bare(config, n_envs, seed, render_mode, bound).make()
    if isinstance(environment, GymnasiumVector):
        environment.freeze_wrappers(wrapper_states(training))
    if "normalize_observation" not in config.wrappers:
        return environment
    normalizer = NormalizeObservation(environment, is_frozen=True)
    statistics = observation_statistics(training)
    if statistics is not None:
        normalizer.statistics[:] = statistics
    return normalizer


def wrapper_states(training: VectorEnvironment | Mapping[str, Any] | None) -> list[States]:
    """What the wrappers around each copy of an environment know, or knew when it was saved."""
    layer: Any = training or {}
    while isinstance(layer, Normalizer):
        layer = layer.inner
    if isinstance(layer, VectorEnvironment):
        return layer.wrapper_states() if isinstance(layer, GymnasiumVector) else []
    while "inner" in layer:
        layer = layer["inner"]
    states: list[States] = layer.get("wrappers", {}).get("now", [])
    return states


@dataclass(frozen=True)
class _Bare:
    """The environment with plug-in wrappers and without normalisers."""

    config: EnvironmentConfig
    n_envs: int
    seed: SeedSequence
    render_mode: str | None = None
    bound: int | None = None

    def make(self) -> VectorEnvironment:
        backend = resolve_backend(self.config) if self.render_mode is None else "gymnasium"
        if backend == "envpool":
            return self._from_envpool()
        found = single(self.config, plug_ins(self.config), self.render_mode)
        if backend == "compiled":
            environment = found.make()
            if (classic := Classic.of(environment)) is not None:
                return CompiledVector(environment, classic, self.n_envs, **self._of(found))
            environment.close()
            _LOG.warning(
                "%s: it is not Gymnasium's own class here, so that there is no compiled code.",
                found.name,
            )
        return GymnasiumVector(found.make, self.n_envs, **self._of(found))

    def _of(self, found: Single) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "name": found.name,
            "max_episode_steps": found.max_episode_steps,
            "bound": self.bound,
        }

    def _from_envpool(self) -> VectorEnvironment:
        if names := [wrapper.name for wrapper in plug_ins(self.config)]:
            raise EnvironmentFault(
                f"environment.wrappers: {', '.join(names)}: envpool has no single environments "
                f"to wrap. Only {' and '.join(NORMALIZERS)} go with it. "
                "Remove the others, or set environment.backend to gymnasium."
            )
        try:
            backend = resolve("envpool", built_in=_LATE, group=BACKEND_GROUP, kind="backend")
        except ImportError as error:
            raise EnvironmentFault(
                f"environment.backend: envpool cannot be loaded here: {error}. "
                "Install it (pip install envpool), or set environment.backend to gymnasium."
            ) from error
        environment: VectorEnvironment = backend(
            self.config.name,
            self.n_envs,
            seed=self.seed,
            max_episode_steps=self.config.max_episode_steps,
            keywords=dict(self.config.kwargs),
        )
        return environment
