"""What the backends share: episode statistics, and checks of numbers and of restored states."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amc.environments.arrays import all_finite
from amc.environments.vector import Episode
from amc.errors import EnvironmentFault

_LOG = logging.getLogger(__name__)


def check_finite(
    observation: NDArray[np.float32],
    reward: NDArray[np.float64],
    where: str,
    lengths: Sequence[int] | NDArray[np.int64],
) -> None:
    """Refuse observations and rewards that are not finite.

    Args:
        observation: float32 [N, *obs].
        reward: float64 [N].
        where: name of the environment.
        lengths: steps of each environment's episode so far.

    Raises:
        EnvironmentFault: names the first environment with such a number, and its step.
    """
    if all_finite(observation, reward):
        return
    for i in range(len(reward)):
        is_seen = bool(np.isfinite(observation[i]).all())
        what, value = ("reward", reward[i]) if is_seen else ("observation", observation[i])
        if not np.isfinite(value).all():
            raise EnvironmentFault(
                f"environment {i} ({where}): its {what} at step {lengths[i]} of the episode is "
                f"{value.tolist()}. Only finite numbers can be learned from. "
                "Mend the environment or its wrappers."
            )


class FinishedEpisodes:
    """Episodes that ended since the last `pop`; the running sums stay with the backend."""

    def __init__(self) -> None:
        self._finished: list[Episode] = []

    def add(self, reward: float, length: int) -> None:
        """Note an episode that ended."""
        self._finished.append(Episode(reward, length))

    def pop(self) -> list[Episode]:
        """All episodes noted since the last call, oldest first."""
        finished, self._finished = self._finished, []
        return finished

    def state_dict(self) -> list[list[Any]]:
        """The episodes not yet popped."""
        return [list(episode) for episode in self._finished]

    def load_state_dict(self, state: list[list[Any]]) -> None:
        """Take over the episodes of `state`."""
        self._finished = [Episode(float(reward), int(length)) for reward, length in state]


def check_same_environment(state: dict[str, Any], environment: str, n_envs: int) -> None:
    """Refuse the state of another environment, backend or number of copies.

    Raises:
        EnvironmentFault: with both, so that one sees what changed.
    """
    if (state["environment"], state["n_envs"]) != (environment, n_envs):
        raise EnvironmentFault(
            f"checkpoint: {state['n_envs']} x {state['environment']!r} was saved, and {n_envs} x "
            f"{environment!r} runs now. An exact state goes on only in what it was taken from. "
            "Set environment.backend and n_envs as they were, or start anew."
        )


def warn_of_other_observations(
    restored: NDArray[np.float32], saved: NDArray[np.float32], backend: str
) -> None:
    """Log a warning where the same seeds and actions did not lead to the same observations."""
    if not np.array_equal(restored, saved):
        _LOG.warning(
            "%s: its episodes, begun again with the same seeds and actions, led elsewhere. "
            "Training goes on, but not with the same numbers. An environment should draw from its "
            "np_random only, and keep nothing from one episode to the next; another version of it "
            "may differ, too.",
            backend,
        )
