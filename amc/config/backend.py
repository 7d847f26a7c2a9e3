"""Who steps an environment: decided by the config alone, so that every machine decides alike.

Its door is `resolve_backend`; `obstacle` serves the check of a config. It imports no environment.
"""

from typing import Literal

from amc.config.known.names import WRAPPERS
from amc.config.schema import EnvironmentConfig

Backend = Literal["compiled", "envpool", "gymnasium"]

# Raised where compiled environments come to other bits than before.
COMPILED_VERSION = 1
COMPILED = frozenset({"Acrobot-v1", "CartPole-v0", "CartPole-v1", "MountainCar-v0", "Pendulum-v1"})


def resolve_backend(environment: EnvironmentConfig) -> Backend:
    """The backend that `environment.backend` means.

    "auto" is compiled code wherever there is some, with the bits of Gymnasium's own classes.
    """
    if environment.backend != "auto":
        return environment.backend
    return "gymnasium" if obstacle(environment) else "compiled"


def obstacle(environment: EnvironmentConfig) -> str | None:
    """Why compiled code cannot step this environment; None if it can."""
    if environment.name not in COMPILED:
        ids = ", ".join(sorted(COMPILED))
        return f"{environment.name!r} has none; it exists for {ids}"
    others = [one for one in environment.wrappers if one not in WRAPPERS]
    if others:
        names = ", ".join(one if isinstance(one, str) else one.name for one in others)
        return f"there is no single environment for the wrappers {names} to go around"
    return None
