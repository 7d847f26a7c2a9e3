"""Whether compiled code comes to the bits of Gymnasium on this machine: looked at once, and kept.

The door is `agrees`. Sine and cosine are the matter of a C library, of NumPy and of a processor,
whose makers promise no last bit.
"""

import hashlib
import logging
import platform
from functools import cache
from typing import Any

import gymnasium
import llvmlite.binding
import numpy as np
from numpy.random import SeedSequence

from amc import compilation
from amc.environments.classic import ByGymnasium, Classic
from amc.environments.compiled import stepping
from amc.environments.compiled.classic_control import CHOICES, OBSERVATION_SIZES
from amc.environments.compiled.stepping import Outcome
from amc.environments.episode_seeds import EpisodeSeeds

_LOG = logging.getLogger(__name__)
# Some hundred episodes of the one, some ends of the other; a tenth of a second.
_COPIES, _STEPS, _LIMIT = 2, 1000, 200


@cache
def agrees(classic: Classic) -> bool:
    """Whether both come to the same, to the bit, in every one of some thousand steps."""
    if compilation.DIRECTORY is None:
        return _compared(classic)
    place = compilation.DIRECTORY / f"agrees-{_digest(classic)}"
    try:
        return place.read_text() == "yes"
    except OSError:
        found = _compared(classic)
    try:
        place.write_text("yes" if found else "no")
    except OSError as error:
        _LOG.warning("%s: cannot be kept, so every process compares anew: %s", place, error)
    return found


def _digest(classic: Classic) -> str:
    """A name for everything that the answer may depend on."""
    machine = llvmlite.binding.get_host_cpu_name(), platform.machine(), *platform.libc_ver()
    parts = classic.kind, classic.parameter, gymnasium.__version__, np.__version__, *machine
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _compared(classic: Classic) -> bool:
    draw = np.random.default_rng(0)
    seeds = EpisodeSeeds(SeedSequence(0), _COPIES)
    worlds = [classic.world(_COPIES, seeds, _LIMIT) for _ in range(2)]
    outcomes = [Outcome.room((_COPIES, OBSERVATION_SIZES[classic.kind])) for _ in worlds]
    steppers: tuple[Any, ...] = stepping, ByGymnasium(classic)
    for steps, world, outcome in zip(steppers, worlds, outcomes, strict=True):
        steps.reset_all(world, outcome.observation)
    most = CHOICES[classic.kind]
    for number in range(_STEPS):
        torques = np.clip(draw.normal(0, 2, _COPIES), -2, 2).astype(np.float32)
        choices = draw.integers(max(1, most), size=_COPIES)
        if number // _LIMIT % 2:
            # To push the way that it moves leads MountainCar and Acrobot to their ends.
            choices = (most - 1) * (worlds[0].state[:, 1] > 0)
        for steps, world, outcome in zip(steppers, worlds, outcomes, strict=True):
            given = (choices, torques[:0]) if most else (choices[:0], torques)
            steps.step_all(world, *given, outcome)
        if _bits(worlds[0], outcomes[0]) != _bits(worlds[1], outcomes[1]):
            return False
    return True


def _bits(world: stepping.World, outcome: Outcome) -> list[bytes]:
    arrays = (world.state, world.returns, world.lengths, world.episodes, *outcome[:-1])
    return [array.tobytes() for array in arrays]
