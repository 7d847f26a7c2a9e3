"""Between a learner's actions and those of an environment.

A learner chooses from 0 on, or writes flat vectors of floats. An environment is given what its
space's own `sample` would be: a NumPy integer, an array of integers, or an array of floats within
the bounds, in the space's type and shape.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from amc.environments.arrays import clip_into
from amc.environments.observations import float_box, shown
from amc.errors import EnvironmentFault, ShapeError

LARGEST = 4096


class DiscreteActions:
    """Actions of a Discrete space, which may count from any number; the learner counts from 0.

    Attributes:
        space: Discrete(n), counted from 0.
    """

    def __init__(self, space: spaces.Discrete, n_envs: int) -> None:
        self.space = spaces.Discrete(int(space.n))
        self._scalar = space.dtype.type
        self._n = int(space.n)
        # Scalars cannot be written in, so one of each will do.
        self._given = [self._scalar(int(space.start) + choice) for choice in range(self._n)]
        self._shape = (n_envs,)

    def prepare(self, actions: NDArray[Any]) -> list[np.integer[Any]]:
        """What each environment is given.

        Args:
            actions: int64 [N], 0 <= action < n.

        Raises:
            ShapeError: the actions have another shape.
            EnvironmentFault: an action is not one of the space's.
        """
        actions = np.asarray(actions)
        _check_shape(actions, self._shape)
        chosen: list[int] = actions.tolist()
        if not 0 <= min(chosen) <= max(chosen) < self._n or actions.dtype.kind not in "iu":
            raise EnvironmentFault(
                f"actions: {chosen} of type {actions.dtype} were given. "
                f"Integers from 0 to {self._n - 1} are meant."
            )
        given = self._given
        return [given[choice] for choice in chosen]

    def pack(self, taken: list[np.integer[Any]]) -> torch.Tensor:
        """Actions given to one environment, in order, as int64 [T]."""
        return torch.from_numpy(np.array(taken, np.int64))

    def unpack(self, packed: torch.Tensor) -> list[np.integer[Any]]:
        """The inverse of `pack`."""
        return [self._scalar(action) for action in packed.tolist()]


class _ArrayActions:
    """Actions that are arrays: how those given to one environment are kept.

    Args:
        space: the environment's.
        n_envs: N.
    """

    def __init__(self, space: spaces.Space[Any], n_envs: int) -> None:
        assert space.shape is not None
        self._given_shape = (n_envs, *space.shape)
        self._dtype = space.dtype

    def pack(self, taken: list[Any]) -> torch.Tensor:
        """Bytes of actions given to one environment, in order, as [T, *shape of its space]."""
        actions = np.frombuffer(b"".join(taken), self._dtype).reshape(-1, *self._given_shape[1:])
        return torch.from_numpy(actions.copy())

    def unpack(self, packed: torch.Tensor) -> list[NDArray[Any]]:
        """The actions of `pack` as they were given."""
        return list(packed.numpy())


class MultiDiscreteActions(_ArrayActions):
    """Several choices at once: MultiDiscrete, or MultiBinary, whose choices are two each.

    Attributes:
        space: MultiDiscrete, flat and counted from 0.
    """

    def __init__(self, space: spaces.MultiDiscrete | spaces.MultiBinary, n_envs: int) -> None:
        super().__init__(space, n_envs)
        if isinstance(space, spaces.MultiBinary):
            space = spaces.MultiDiscrete(np.full(space.shape, 2))
        self._counts = space.nvec.astype(np.int64).ravel()
        self._start = space.start.astype(np.int64).ravel()
        self.space = spaces.MultiDiscrete(self._counts)

    def prepare(self, actions: NDArray[Any]) -> NDArray[Any]:
        """What each environment is given.

        Args:
            actions: int64 [N, K], each 0 <= choice < count.

        Returns:
            A new array [N, *shape of the environment's space], in the space's type.

        Raises:
            ShapeError: the actions have another shape.
            EnvironmentFault: a choice is none of the space's.
        """
        actions = np.asarray(actions)
        _check_shape(actions, (self._given_shape[0], len(self._counts)))
        is_there = (actions >= 0) & (actions < self._counts)
        if not is_there.all() or actions.dtype.kind not in "iu":
            raise EnvironmentFault(
                f"actions: {shown(actions)} of type {actions.dtype} were given. "
                f"Integers from 0 to below {shown(self._counts)} are meant."
            )
        return (actions + self._start).astype(self._dtype).reshape(self._given_shape)


class ContinuousActions(_ArrayActions):
    """Actions of a Box of floats, clipped to its bounds.

    Clipping comes first because MuJoCo charges the control cost on the action as given while it
    clamps the control itself.

    Attributes:
        space: flat float32 Box with the environment's bounds.
    """

    def __init__(self, space: spaces.Box, n_envs: int) -> None:
        super().__init__(space, n_envs)
        self.space = float_box(space)
        self._shape = (n_envs, *self.space.shape)
        # What `clip_into` is compiled for; float16 comes out of float32.
        self._work = np.float64 if space.dtype == np.float64 else np.float32
        self._low, self._high = (
            bound.astype(self._work).reshape(-1) for bound in (space.low, space.high)
        )

    def prepare(self, actions: NDArray[Any]) -> NDArray[Any]:
        """What each environment is given.

        Args:
            actions: float [N, *action].

        Returns:
            A new array [N, *shape of the environment's Box], in the Box's type.

        Raises:
            ShapeError: the actions have another shape.
            EnvironmentFault: an action is not finite.
        """
        actions = np.ascontiguousarray(actions, dtype=self._work)
        _check_shape(actions, self._shape)
        clipped = np.empty(self._shape, self._work)
        # MuJoCo answers a NaN control with a silent reset of the simulation: it must not get there.
        if not clip_into(clipped, actions, self._low, self._high):
            raise EnvironmentFault(f"actions: {actions.tolist()} are not all finite.")
        return clipped.reshape(self._given_shape).astype(self._dtype, copy=False)


Actions = DiscreteActions | MultiDiscreteActions | ContinuousActions


def action_layout(space: Any, n_envs: int, name: str) -> Actions:
    """How the learner's actions become those of the environment.

    Raises:
        EnvironmentFault: nothing here can act in the space, or a policy for it would be too large.
    """
    size, kind = _size(space)
    if kind is None:
        raise EnvironmentFault(
            f"environment.name: {name!r} acts in {shown(space)}. Discrete, MultiDiscrete, "
            "MultiBinary and Box of floats are understood. "
            "Add a wrapper to environment.wrappers that turns its actions into one of them."
        )
    if not 1 <= size <= LARGEST:
        raise EnvironmentFault(
            f"environment.name: {name!r} acts in {shown(space)}. A policy for it would have "
            f"{size:,} outputs, and those here have 1 to {LARGEST:,}. "
            "Add a wrapper to environment.wrappers that offers fewer actions."
        )
    return kind(space, n_envs)


def _size(space: Any) -> tuple[int, Callable[[Any, int], Actions] | None]:
    """How many outputs a policy needs, and what acts in the space; None if nothing does."""
    match space:
        case spaces.Discrete():
            return int(space.n), DiscreteActions
        case spaces.MultiDiscrete():
            return int(space.nvec.sum()), MultiDiscreteActions
        case spaces.MultiBinary():
            return 2 * int(np.prod(space.shape)), MultiDiscreteActions
        case spaces.Box() if np.issubdtype(space.dtype, np.floating):
            return int(np.prod(space.shape)), ContinuousActions
        case _:
            return 0, None


def _check_shape(actions: NDArray[Any], shape: Sequence[int]) -> None:
    if actions.shape != shape:
        raise ShapeError(f"actions: shape {actions.shape} was given. {shape} is meant.")
