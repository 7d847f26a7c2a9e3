"""Robots of MuJoCo, taken apart so that all that is done between two of its steps can be compiled.

Its door is `walking`. Their episodes, and the actions by which they can be played again, stay with
their vector environment.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from amc.environments.bookkeeping import check_finite
from amc.environments.compiled.robots import LENGTH, RETURN, Robots
from amc.environments.gymnasium_backend import FAILURES, GymnasiumVector
from amc.environments.inside import Normalization, taken_apart
from amc.environments.vector import Observations, VectorEnvironment

_LONGEST = 2**62
# NumPy adds more squares than that in another order.
_MOST_CONTROLS = 8


class Walking:
    """Copies of a robot between whose steps somebody else does what `GymnasiumVector` does.

    Args:
        vector: what the copies belong to.
        robots: each copy's views of MuJoCo's data (`lean_mujoco`).
        normalization: what is known by the normalisers around it.

    Attributes:
        robots: for compiled code.
        normalization: the same.
    """

    def __init__(
        self, vector: GymnasiumVector, robots: Sequence[Any], normalization: Normalization
    ) -> None:
        first, space = robots[0], vector.action_space
        assert isinstance(space, Box), "robots are moved by torques"
        self.normalization = normalization
        self._vector = vector
        self._steps = [robot.go_on() for robot in robots]
        # Compiled code knows their addresses only: here they are kept alive.
        self._views = [(one.qpos, one.qvel, one.ctrl, one.x) for one in robots]
        self._since = [0] * len(robots)
        self.robots = Robots(
            kind=first.kind,
            n_hidden=first.n_hidden,
            n_positions=len(first.qpos),
            n_velocities=len(first.qvel),
            limit=min(vector.limit, _LONGEST),
            constants=first.constants,
            places=np.array(
                [[view.ctypes.data for view in views] for views in self._views], np.int64
            ),
            bounds=np.stack((space.low, space.high)).astype(np.float32),
            progress=np.zeros((len(robots), 3)),
        )

    def begin(self) -> Observations:
        """Take over where the vector stands; what it observes there, a new array."""
        for i, (reward, length) in enumerate(self._vector.progress()):
            self.robots.progress[i, RETURN], self.robots.progress[i, LENGTH] = reward, length
        self._since = [0] * len(self._steps)
        return self._vector.raw_observation.copy()

    def step(self) -> None:
        """Let MuJoCo go on in every copy, by the controls that are set.

        Raises:
            EnvironmentFault: it could not.
        """
        i = 0
        try:
            for i, go_on in enumerate(self._steps):  # noqa: B007 (told below)
                go_on()
        except FAILURES as error:
            reward, length = self.robots.progress[i, RETURN], self.robots.progress[i, LENGTH]
            self._vector.acted(i, np.empty((0, 0)), reward, int(length))
            raise self._vector.failure(i, "step", error) from error

    def begin_anew(
        self, t: int, ended: NDArray[np.intp], given: NDArray[np.float32], raw: Observations
    ) -> None:
        """Begin the next episodes of some copies.

        Args:
            t: the step that ended the present ones.
            ended: which copies.
            given: controls of every step since `begin`, [T, N, A].
            raw: observations [N, D]; those of these copies become the first ones.
        """
        self._note(ended.tolist(), t + 1, given)
        raw[:] = self._vector.next_episodes(raw, ended.tolist())
        self.robots.progress[ended] = 0.0

    def end(self, n_steps: int, given: NDArray[np.float32], raw: Observations) -> None:
        """Hand back to the vector what was done since `begin`; see `begin_anew`."""
        self._note(range(len(self._steps)), n_steps, given)
        self._vector.stand(raw)

    def check(self, raw: Observations, reward: NDArray[np.float64]) -> None:
        """Refuse what a step brought where it is not finite.

        Raises:
            EnvironmentFault: says where, and what it is.
        """
        lengths = self.robots.progress[:, LENGTH].astype(np.int64)
        check_finite(raw, reward, self._vector.name, lengths)

    def _note(self, copies: Sequence[int], until: int, given: NDArray[np.float32]) -> None:
        progress = self.robots.progress
        for i in copies:
            actions = given[self._since[i] : until, i]
            self._vector.acted(i, actions, progress[i, RETURN], int(progress[i, LENGTH]))
            self._since[i] = until


def walking(environment: VectorEnvironment) -> Walking | None:
    """Robots taken apart; None where compiled code does not know them."""
    taken = taken_apart(environment, GymnasiumVector, is_frozen=False)
    if taken is None:
        return None
    robots = taken[0].robots()
    if not robots or len(robots[0].ctrl) > _MOST_CONTROLS:
        return None
    return Walking(taken[0], robots, taken[1])
