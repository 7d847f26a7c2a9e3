"""Which kernel a config gets: decided by the config alone, so that every machine decides alike.

Its door is `resolve_kernel`; `obstacle` serves the check of a config. It loads neither torch nor
Numba, for whoever submits an experiment records its answer.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from amc.config.sb3 import naming
from amc.config.schema import ExperimentConfig

Kernel = Literal["fast", "reference"]
OWN = "own"
"""Stands for the kernel where a trainer of the user's own computes."""

# Raised where a kernel comes to other bits than before; a trial never mixes two.
VERSIONS: dict[Kernel, int] = {"fast": 1, "reference": 1}
FAST_ALGORITHMS = frozenset({"ddpg", "ppo"})


def resolve_kernel(config: ExperimentConfig) -> Kernel:
    """The kernel that `training.kernel` means for this config.

    "auto" is the fast one wherever it can compute what the config asks for. It computes on the CPU,
    so with it `training.device` "auto" is the CPU, on machines with a GPU too. A config that asks
    for "fast" where that cannot be is refused when it is read.
    """
    if config.training.kernel == "reference" or obstacle(config):
        return "reference"
    return "fast"


def versioned_kernel(config: ExperimentConfig) -> str:
    """The kernel with its own version, such as `fast@1`; of Stable-Baselines3's its package."""
    if config.has_own_trainer:
        return OWN
    if naming.is_sb3(config.algorithm):
        return f"sb3@{_installed(naming.distribution(config.algorithm))}"
    kernel = resolve_kernel(config)
    return f"{kernel}@{VERSIONS[kernel]}"


@cache
def _installed(package: str) -> str:
    """Its version; where it is not installed nothing is trained, and the name is not compared."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def obstacle(config: ExperimentConfig) -> str | None:
    """Why the fast kernel cannot do this; None if it can."""
    if config.algorithm not in FAST_ALGORITHMS:
        return (
            f"algorithm {config.algorithm!r} has none; it exists for "
            f"{' and '.join(sorted(FAST_ALGORITHMS))}"
        )
    if config.training.device.startswith("cuda"):
        return f"it computes on the CPU, but training.device is {config.training.device!r}"
    if config.training.precision != "float32":
        return f"it computes in float32, but training.precision is {config.training.precision!r}"
    return None
