"""Acting in a vector environment, and comparing what that brought, bit by bit."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from amc.environments.vector import Step, VectorEnvironment

RAW = ("raw_observation", "raw_reward", "terminated", "truncated", "raw_next_observation")
"""What no normaliser has touched."""


def random_actions(environment: VectorEnvironment, steps: int, seed: int = 3) -> list[NDArray[Any]]:
    """Actions of all copies for so many steps, drawn evenly over what may be done."""
    generator = np.random.default_rng(seed)
    n, space = environment.n_envs, environment.action_space
    match space:
        case spaces.Discrete():
            return list(generator.integers(int(space.n), size=(steps, n)))
        case spaces.MultiDiscrete():
            return list(generator.integers(space.nvec, size=(steps, n, len(space.nvec))))
    # What has no bound is acted in as if it had that of a standard deviation or two.
    low, high = (
        np.where(np.isfinite(bound), bound, limit).astype(np.float64)
        for bound, limit in ((space.low, -2.0), (space.high, 2.0))
    )
    actions = generator.uniform(low, np.maximum(low, high), (steps, n, *space.shape))
    return list(actions.astype(np.float32))


def play(environment: VectorEnvironment, actions: Iterable[NDArray[Any]]) -> list[Step]:
    """What actions bring, one step after the other."""
    return [environment.step(action) for action in actions]


def first_difference(
    before: Sequence[Step],
    now: Sequence[Step],
    fields: Sequence[str] = Step._fields,
    copies: slice = slice(None),
) -> str:
    """Where two runs of the same actions differ first; empty if in no bit.

    Args:
        before: what the actions brought at first.
        now: what they brought the second time.
        fields: of a step, that are compared.
        copies: of the environment, that are compared.
    """
    for number, (one, other) in enumerate(zip(before, now, strict=True)):
        for field in fields:
            was, became = getattr(one, field)[copies], getattr(other, field)[copies]
            if was.tobytes() != became.tobytes():
                return f"{field} of step {number + 1}: {entry_that_differs(was, became)}"
    return ""


def entry_that_differs(was: NDArray[Any], became: NDArray[Any]) -> str:
    """Where two arrays over the copies of an environment differ first in a bit, as a clause."""
    bits = (array.view(np.uint8).reshape(*array.shape, -1) for array in (was, became))
    copy, *entry = np.argwhere(np.not_equal(*bits).any(axis=-1))[0].tolist()
    place = f"copy {copy}" + (f", entry {entry[0]}" if entry else "")
    index = (copy, *entry)
    return f"{place} was {was[index].item()!r}, and then {became[index].item()!r}"
