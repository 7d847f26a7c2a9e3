"""The search: suggestions out, scores in. The door is `make`, the contract `Optimizer`."""

from amc.optimizers.base import Optimizer
from amc.optimizers.registry import BUILT_IN, GROUP, make

__all__ = ["BUILT_IN", "GROUP", "Optimizer", "make"]
