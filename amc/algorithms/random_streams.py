"""Random streams: every draw of an algorithm comes from a generator made here, never a global one.

A stream is a child of the trial's seed sequence, named by a number, so that drawing more from one
stream never moves another. Generator states are plain values, ready for a checkpoint.
"""

from typing import Any

import numpy as np
import torch


def child(seed: np.random.SeedSequence, stream: int) -> np.random.SeedSequence:
    """The seed sequence of a numbered stream; unlike `seed.spawn`, it leaves `seed` as it was."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, stream))


def generator(seed: np.random.SeedSequence, stream: int) -> np.random.Generator:
    """A NumPy generator (PCG64) for a numbered stream."""
    return np.random.Generator(np.random.PCG64(child(seed, stream)))


def torch_generator(seed: np.random.SeedSequence, stream: int) -> torch.Generator:
    """A torch generator on the CPU for a numbered stream; for initial weights only.

    Torch keeps 32 bits of a seed, so what is drawn at every step uses `generator`.
    """
    return torch.Generator().manual_seed(int(child(seed, stream).generate_state(1)[0]))


def generator_state(generator: np.random.Generator) -> dict[str, Any]:
    """The exact state of a generator, as numbers and strings."""
    return dict(generator.bit_generator.state)


def restore_generator(generator: np.random.Generator, state: dict[str, Any]) -> None:
    """Put a generator back into a state taken by `generator_state`."""
    generator.bit_generator.state = state
