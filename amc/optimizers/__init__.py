"""The search: suggestions out, scores in. The door is `make`, the contract `Optimizer`."""

from amc.optimizers.base import BUILT_IN, GROUP, Optimizer, make

__all__ = ["BUILT_IN", "GROUP", "Optimizer", "make"]
