"""What an algorithm must know of spaces: sizes, kinds, and ranges of actions.

Environments hand over flat vectors, and choices counted from 0 (see `environment`), so this is all.
"""

from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from numpy.typing import NDArray

from amc.errors import UsageError

ActionKind = Literal["discrete", "multi-discrete", "continuous"]


def action_kind(space: gymnasium.Space[Any]) -> ActionKind:
    """Whether actions are a choice, several choices at once, or a vector (`Box`)."""
    if isinstance(space, MultiDiscrete):
        return "multi-discrete"
    return "discrete" if isinstance(space, Discrete) else "continuous"


def vector_size(space: gymnasium.Space[Any]) -> int:
    """The number of entries of a flat Box.

    Raises:
        UsageError: the space is anything else.
    """
    if not (isinstance(space, Box) and len(space.shape) == 1):
        raise UsageError(
            f"environment: {space} is not a vector. The networks here read and write vectors: "
            "flatten it with a wrapper."
        )
    return space.shape[0]


def policy_size(space: gymnasium.Space[Any]) -> int:
    """What a policy's last layer has: one output per action, or per entry of an action.

    Raises:
        UsageError: neither Discrete nor MultiDiscrete nor a flat Box.
    """
    if isinstance(space, MultiDiscrete):
        return sum(choice_counts(space))
    return int(space.n) if isinstance(space, Discrete) else vector_size(space)


def choice_counts(space: gymnasium.Space[Any]) -> tuple[int, ...]:
    """How many actions each of several choices has, flat; empty for any other space."""
    return tuple(space.nvec.tolist()) if isinstance(space, MultiDiscrete) else ()


def example_action(space: gymnasium.Space[Any]) -> NDArray[Any]:
    """One action as a learner holds it: int64 [] or [K], or float32 [A], zero."""
    if isinstance(space, MultiDiscrete):
        return np.zeros(len(space.nvec), dtype=np.int64)
    if isinstance(space, Discrete):
        return np.zeros((), dtype=np.int64)
    return np.zeros(policy_size(space), dtype=np.float32)


class ActionRange:
    """The affine map from [-1, 1] to the bounds of a Box.

    Args:
        space: the environment's action space.

    Raises:
        UsageError: it is no Box, or a bound is infinite.

    Attributes:
        center: float32 [A], halfway between the bounds.
        radius: float32 [A], from there to either.
    """

    def __init__(self, space: gymnasium.Space[Any]) -> None:
        if not (isinstance(space, Box) and space.is_bounded()):
            raise UsageError(
                f"environment: its actions are {space}. DDPG scales actions to their bounds, so "
                "they must be a Box with finite ones. Wrap the environment, or use ppo."
            )
        # Halved first, for bounds may be the largest numbers there are.
        low, high = space.low / 2, space.high / 2
        self.center: NDArray[np.float32] = (high + low).astype(np.float32)
        self.radius: NDArray[np.float32] = (high - low).astype(np.float32)

    def to_environment(self, scaled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Actions [B, A] in [-1, 1] as actions [B, A] between the bounds."""
        return self.center + self.radius * scaled
