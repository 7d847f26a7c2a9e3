"""The process's own generators of random numbers, lent to code that draws from them.

SB3 draws from NumPy's, torch's and Python's global generators. What is kept here is a set of states
that is put in their place for as long as a block runs: outside of it nobody finds them moved, and
what others draw there moves nothing here.
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

_MERSENNE_TWISTER = "MT19937"


class GlobalGenerators:
    """States of Python's, NumPy's and torch's global generators.

    Args:
        device: where torch draws; on a GPU its generator belongs to the states.
        seed: what they begin with; None for the states of the process, as they are now.
    """

    def __init__(self, device: torch.device, seed: int | None = None) -> None:
        self._device = device
        self._kept = self._states()
        if seed is not None:
            with self.lent():
                seed_all(seed)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let the block draw from these, by the global functions."""
        before = self._states()
        self._put(self._kept)
        try:
            yield
        finally:
            self._kept = self._states()
            self._put(before)

    def _states(self) -> dict[str, Any]:
        states = {
            "python": random.getstate(),
            "numpy": np.random.get_state(),
            "torch": torch.get_rng_state(),
        }
        if self._device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self._device)
        return states

    def _put(self, states: Mapping[str, Any]) -> None:
        random.setstate(states["python"])
        np.random.set_state(states["numpy"])
        torch.set_rng_state(states["torch"])
        # A checkpoint of a machine without a GPU has none of it: then it is as it was seeded.
        if self._device.type == "cuda" and "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"], self._device)

    def state_dict(self) -> dict[str, Any]:
        """The states as plain values and tensors."""
        version, words, gauss = self._kept["python"]
        _, keys, position, has_gauss, cached = self._kept["numpy"]
        plain = {
            "python": {"version": version, "words": torch.tensor(words), "gauss": gauss},
            "numpy": {
                "keys": torch.from_numpy(keys.astype(np.int64)),
                "position": int(position),
                "has_gauss": int(has_gauss),
                "cached": float(cached),
            },
        }
        return plain | {
            name: self._kept[name].clone() for name in ("torch", "cuda") if name in self._kept
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from states taken by `state_dict`."""
        python, numpy = state["python"], state["numpy"]
        keys = numpy["keys"].numpy().astype(np.uint32)
        self._kept |= {
            "python": (python["version"], tuple(python["words"].tolist()), python["gauss"]),
            "numpy": (
                *(_MERSENNE_TWISTER, keys, numpy["position"]),
                *(numpy["has_gauss"], numpy["cached"]),
            ),
            "torch": state["torch"].clone(),
        }
        if "cuda" in state:
            self._kept["cuda"] = state["cuda"].clone()


def seed_all(seed: int) -> None:
    """Seed all of them, as SB3 does; a seed of 32 bits."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
