"""What a training came through that can change its bits: versions of amc, a kernel, types of CPU.

The door is `Provenance`. A kernel is one all along, since a checkpoint of another is refused; the
others may change where an attempt or a segment goes on elsewhere or later, and are told.
"""

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch

from amc.config.kernel import versioned_kernel
from amc.config.schema import ExperimentConfig
from amc.version import VERSION

_ARM = frozenset({"aarch64", "arm64"})


@dataclass(frozen=True)
class Provenance:
    """What a training came through, each value once, the latest one last.

    Attributes:
        amc: versions of amc.
        kernel: with its own version, such as `fast@1`.
        cpu: sets of vector instructions that torch used.
    """

    amc: tuple[str, ...]
    kernel: str
    cpu: tuple[str, ...]

    @classmethod
    def here(cls, config: ExperimentConfig, before: Mapping[str, Any] | None = None) -> Self:
        """Of a training that goes on in this process.

        Args:
            config: of the training.
            before: what a checkpoint holds of it; None where it begins here.
        """
        known = before or {}
        return cls(
            _with(known.get("amc", ()), VERSION),
            versioned_kernel(config),
            _with(known.get("cpu", ()), instruction_set()),
        )

    def saved(self) -> dict[str, list[str]]:
        """What a checkpoint holds of it."""
        return {"amc": list(self.amc), "cpu": list(self.cpu)}


def instruction_set() -> str:
    """The vector instructions that torch uses here: avx512, avx2, neon, default (none), ..."""
    name = torch.backends.cpu.get_cpu_capability().lower()
    # Every ARM CPU of 64 bits has them, so to torch they are no capability.
    return "neon" if name == "default" and platform.machine() in _ARM else name


def _with(known: Iterable[str], value: str) -> tuple[str, ...]:
    return (*(one for one in known if one != value), value)
