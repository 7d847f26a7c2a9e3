"""Between the spaces that environments declare and the arrays that algorithms compute with.

Observations reach the learner as flat float32 vectors: a Box of another rank is raveled, Discrete
and MultiDiscrete become one-hot vectors, Dict and Tuple are concatenated (gymnasium's `flatten`).
Actions are Discrete counted from 0, or flat vectors of floats, clipped to the bounds of the Box.
Images and spaces without a fixed size are refused with a sentence.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from amc.environments.arrays import clip_into
from amc.errors import EnvironmentFault, ShapeError

Flatten = Callable[[Any], NDArray[Any]]

_IMAGE_RANK = 3


def observation_layout(space: spaces.Space[Any], name: str) -> tuple[spaces.Box, Flatten | None]:
    """The flat float32 Box that the learner sees, and how to get there from a raw observation.

    Args:
        space: observation space as the environment declares it.
        name: of the environment, for the message.

    Returns:
        The Box, and a function from a raw observation to a vector, or None where a raw observation
        is one already.

    Raises:
        EnvironmentFault: the space is an image or has no fixed size.
    """
    if _holds_image(space):
        raise EnvironmentFault(
            f"environment.name: {name!r} observes images, {space}. The networks here read vectors. "
            "Add a wrapper to environment.wrappers that turns an image into one."
        )
    if not space.is_np_flattenable:
        raise EnvironmentFault(
            f"environment.name: {name!r} observes {space}, which has no fixed size. Box, Discrete, "
            "MultiDiscrete, MultiBinary and Dict or Tuple of these are understood. "
            "Add a wrapper to environment.wrappers that turns it into one of them."
        )
    flat: Any = spaces.flatten_space(space)
    is_vector = isinstance(space, spaces.Box) and len(space.shape) == 1
    return _float_box(flat), None if is_vector else partial(_flat, space)


def _flat(space: spaces.Space[Any], raw: Any) -> NDArray[Any]:
    vector: Any = spaces.flatten(space, raw)
    return np.asarray(vector)


def _holds_image(space: spaces.Space[Any]) -> bool:
    if isinstance(space, spaces.Dict):
        return any(map(_holds_image, space.spaces.values()))
    if isinstance(space, spaces.Tuple):
        return any(map(_holds_image, space.spaces))
    return isinstance(space, spaces.Box) and len(space.shape) >= _IMAGE_RANK


def _float_box(box: spaces.Box) -> spaces.Box:
    """The same bounds as a flat float32 Box, without gymnasium's warning about lost precision."""
    with np.errstate(over="ignore"):
        low, high = (bound.astype(np.float32).ravel() for bound in (box.low, box.high))
    return spaces.Box(low, high, dtype=np.float32)


class DiscreteActions:
    """Actions of a Discrete space, which may count from any number; the learner counts from 0.

    Attributes:
        space: Discrete(n), counted from 0.
    """

    def __init__(self, space: spaces.Discrete, n_envs: int) -> None:
        self.space = spaces.Discrete(int(space.n))
        self._start = int(space.start)
        self._n = int(space.n)
        self._shape = (n_envs,)

    def prepare(self, actions: NDArray[Any]) -> list[int]:
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
        return [action + self._start for action in chosen] if self._start else chosen

    def pack(self, taken: list[int]) -> torch.Tensor:
        """Actions given to one environment, in order, as int64 [T]."""
        return torch.tensor(taken, dtype=torch.int64)

    def unpack(self, packed: torch.Tensor) -> list[int]:
        """The inverse of `pack`."""
        actions: list[int] = packed.tolist()
        return actions


class ContinuousActions:
    """Actions of a Box of floats, clipped to its bounds.

    Clipping comes first because MuJoCo charges the control cost on the action as given while it
    clamps the control itself.

    Attributes:
        space: flat float32 Box with the environment's bounds.
    """

    def __init__(self, space: spaces.Box, n_envs: int) -> None:
        self.space = _float_box(space)
        self._shape = (n_envs, *self.space.shape)
        self._given_shape = (n_envs, *space.shape)
        self._low, self._high = space.low.reshape(-1), space.high.reshape(-1)
        self._dtype = space.dtype

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
        actions = np.ascontiguousarray(actions, dtype=self._dtype)
        _check_shape(actions, self._shape)
        clipped = np.empty(self._shape, self._dtype)
        # MuJoCo answers a NaN control with a silent reset of the simulation: it must not get there.
        if not clip_into(clipped, actions, self._low, self._high):
            raise EnvironmentFault(f"actions: {actions.tolist()} are not all finite.")
        return clipped.reshape(self._given_shape)

    def pack(self, taken: list[bytes]) -> torch.Tensor:
        """Bytes of actions given to one environment, in order, as [T, *shape of its Box]."""
        actions = np.frombuffer(b"".join(taken), self._dtype).reshape(-1, *self._given_shape[1:])
        return torch.from_numpy(actions.copy())

    def unpack(self, packed: torch.Tensor) -> list[NDArray[Any]]:
        """The actions of `pack` as they were given."""
        return list(packed.numpy())


Actions = DiscreteActions | ContinuousActions


def action_layout(space: spaces.Space[Any], n_envs: int, name: str) -> Actions:
    """How the learner's actions become those of the environment.

    Raises:
        EnvironmentFault: the space is neither Discrete nor a Box of floats.
    """
    if isinstance(space, spaces.Discrete):
        return DiscreteActions(space, n_envs)
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
        return ContinuousActions(space, n_envs)
    raise EnvironmentFault(
        f"environment.name: {name!r} acts in {space}. Discrete and Box of floats are understood. "
        "Add a wrapper to environment.wrappers that turns its actions into one of them."
    )


def _check_shape(actions: NDArray[Any], shape: Sequence[int]) -> None:
    if actions.shape != shape:
        raise ShapeError(f"actions: shape {actions.shape} was given. {shape} is meant.")
