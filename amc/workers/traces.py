"""What an attempt may leave behind in its process. Its door is `Traces`."""

import os
import random
import sys
import threading
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import torch

from amc import lifeline


@dataclass(frozen=True)
class Traces:
    """What the next attempt in the same process would find: equal means that it can tell no more.

    A plug-in, or an environment that loads one, a thread, a program that was started, a generator
    of random numbers that everybody shares: whoever finds one of them changed had better begin in
    a new process.
    """

    packages: frozenset[str]
    threads: tuple[int, int]
    children: frozenset[int]
    descriptors: int
    directory: str
    environment: dict[str, str]
    generators: tuple[Any, ...]
    settings: tuple[Any, ...]

    @classmethod
    def here(cls) -> Self:
        """Those of this process, now."""
        _, keys, *rest = cast(tuple[Any, ...], np.random.get_state())
        return cls(
            packages=frozenset(name.partition(".")[0] for name in sys.modules),
            threads=(threading.active_count(), len(os.listdir("/proc/self/task"))),
            children=frozenset(lifeline.children()),
            descriptors=len(os.listdir("/proc/self/fd")),
            directory=os.getcwd(),
            environment=dict(os.environ),
            generators=(
                random.getstate(),
                (keys.tobytes(), *rest),
                torch.get_rng_state().numpy().tobytes(),
            ),
            settings=(
                torch.get_default_dtype(),
                torch.is_grad_enabled(),
                tuple(np.geterr().items()),
            ),
        )
