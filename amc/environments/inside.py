"""What compiled code may step by itself: a compiled environment and the normalisers around it.

Its doors are `inside`, and `taken_apart` for an environment of another kind.
"""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from amc.environments.compiled.stepping import World
from amc.environments.compiled_backend import CompiledVector
from amc.environments.normalization import NormalizeObservation, NormalizeReward
from amc.environments.vector import VectorEnvironment

Vector = TypeVar("Vector", bound=VectorEnvironment)

_NONE = np.empty((3, 0))


class Normalization(NamedTuple):
    """The statistics of normalisers; they are updated.

    Attributes:
        observations: float64 [3, D], see `running_mean_std`; [3, 0] where none are normalised.
        rewards: float64 [3, 1] or [3, 0].
        returns: float64 [N, 1], discounted, of the episodes at hand; empty with `rewards`.
        gamma: their discount.
    """

    observations: NDArray[np.float64]
    rewards: NDArray[np.float64]
    returns: NDArray[np.float64]
    gamma: float


class Inside(NamedTuple):
    """An environment taken apart.

    Attributes:
        vector: the compiled environment.
        normalization: what is around it.
    """

    vector: CompiledVector
    normalization: Normalization

    @property
    def world(self) -> World:
        """Where every copy stands."""
        return self.vector.world


def inside(environment: VectorEnvironment, *, is_frozen: bool = False) -> Inside | None:
    """An environment taken apart.

    Args:
        environment: any.
        is_frozen: whether what is known of observations stays as it is, as in evaluation.

    Returns:
        None where compiled code cannot step it whole.
    """
    taken = taken_apart(environment, CompiledVector, is_frozen=is_frozen)
    if taken is None or not taken[0].is_compiled:
        return None
    return Inside(*taken)


def taken_apart(
    environment: VectorEnvironment, kind: type[Vector], *, is_frozen: bool
) -> tuple[Vector, Normalization] | None:
    """An environment of a kind and what the normalisers around it know; None if it is of another.

    Args:
        environment: any.
        kind: a class of vector environments.
        is_frozen: see `inside`.
    """
    parts = Normalization(_NONE, _NONE, np.empty((0, 1)), 0.0)
    while not isinstance(environment, kind):
        match environment:
            case NormalizeObservation() if (
                environment.is_frozen == is_frozen and not parts.observations.size
            ):
                parts = parts._replace(observations=environment.statistics)
            case NormalizeReward() if not parts.rewards.size:
                parts = parts._replace(
                    rewards=environment.statistics,
                    returns=environment.returns,
                    gamma=environment.gamma,
                )
            case _:
                return None
        environment = environment.inner
    return environment, parts
