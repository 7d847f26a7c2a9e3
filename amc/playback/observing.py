"""From what an environment shows to what a policy reads: one observation, or a batch of them.

The door is `Observer`.

    B  observations    D  entries of one, flat
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from amc.environments.observations import Misfit, observation_layout
from amc.errors import ShapeError


class Observer:
    """Reads raw observations of a space.

    Args:
        space: of one observation, as the environment declares it.
        name: of the environment, for messages.
    """

    def __init__(self, space: spaces.Space[Any], name: str) -> None:
        layout = observation_layout(space, name)
        self._space, self._name = space, name
        self._size, self._read = layout.space.shape[0], layout.read

    def read(self, observation: Any) -> tuple[NDArray[np.float32], bool]:
        """Observations as vectors, float32 [B, D], and whether it was a single one.

        Args:
            observation: one, as the space holds it; or a batch, as Gymnasium's vector environments
                return it (each array with a leading axis), or a list of single ones.

        Raises:
            ShapeError: it is neither.
        """
        try:
            return self._vectors([observation]), True
        except Misfit as misfit:
            single = misfit
        try:
            rows = list(_rows(self._space, observation))
            vectors = self._vectors(rows)
        except ValueError as error:
            raise self._wrong(single) from error
        if not rows:
            raise self._wrong(single)
        return vectors, False

    def _vectors(self, observations: list[Any]) -> NDArray[np.float32]:
        vectors = np.empty((len(observations), self._size), np.float32)
        for raw, vector in zip(observations, vectors, strict=True):
            self._read(raw, vector)
        return vectors

    def _wrong(self, misfit: Misfit) -> ShapeError:
        return ShapeError(
            f"predict: the {misfit} {self._name} observes {self._space}. "
            "Give one observation, or a batch of them along a new first axis."
        )


def _rows(space: spaces.Space[Any], batch: Any) -> Iterator[Any]:
    """The single observations in a batch; none if it has no first axis."""
    if isinstance(space, spaces.Dict) and isinstance(batch, Mapping):
        if batch.keys() == space.spaces.keys():
            parts = [_rows(inner, batch[key]) for key, inner in space.spaces.items()]
            for row in zip(*parts, strict=True):
                yield dict(zip(space.spaces, row, strict=True))
    elif isinstance(space, spaces.Tuple) and isinstance(batch, tuple):
        if len(batch) == len(space.spaces):
            parts = [_rows(inner, entry) for inner, entry in zip(space.spaces, batch, strict=True)]
            yield from zip(*parts, strict=True)
    elif isinstance(batch, list | tuple) or (isinstance(batch, np.ndarray) and batch.ndim):
        yield from batch
