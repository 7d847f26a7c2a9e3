"""What an algorithm asks of an environment, so that it need not know where one comes from.

`amc.environments.vector.VectorEnvironment` answers to this, and so does anything else that has
these members.

    N  copies of the environment, stepped together    D  entries of an observation
"""

from typing import Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray


class Step(Protocol):
    """What one step of all copies brought; its arrays are new in every step."""

    @property
    def observation(self) -> NDArray[np.float32]:
        """What the next action answers to, [N, D]; after an end, the new episode's first."""

    @property
    def reward(self) -> NDArray[np.float64]:
        """Rewards in the units the learner sees, [N]."""

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """Whether the task ended, [N]; false where only time ran out."""

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Whether the episode was cut off, [N]."""

    @property
    def next_observation(self) -> NDArray[np.float32]:
        """The state that the action led to, [N, D]; an ended episode's true last one."""

    @property
    def raw_observation(self) -> NDArray[np.float32]:
        """`observation` before it was normalised; the same array where nothing normalises."""

    @property
    def raw_reward(self) -> NDArray[np.float64]:
        """`reward` before it was normalised."""

    @property
    def raw_next_observation(self) -> NDArray[np.float32]:
        """`next_observation` before it was normalised."""


class Normalizer(Protocol):
    """What turns remembered raw values into what the learner sees, with the present statistics."""

    def normalize_observation(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw observations [B, D] as the learner would see them now; never written in."""

    def normalize_reward(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Raw rewards [B] as the learner would be paid them now; never written in."""


class VectorEnvironment(Normalizer, Protocol):
    """What an algorithm steps."""

    @property
    def n_envs(self) -> int:
        """N."""

    @property
    def observation_space(self) -> gymnasium.Space[Any]:
        """Of one copy: a flat Box."""

    @property
    def action_space(self) -> gymnasium.Space[Any]:
        """Of one copy: Discrete or flat MultiDiscrete, counted from 0, or a flat Box."""

    @property
    def raw_observation(self) -> NDArray[np.float32]:
        """The present observation, [N, D], before it was normalised."""

    @property
    def is_normalized(self) -> bool:
        """Whether the learner sees other values than the raw ones."""

    def reset(self) -> NDArray[np.float32]:
        """Start an episode in every copy and return the observations, [N, D]."""

    def step(self, actions: NDArray[Any]) -> Step:
        """Step every copy with int64 [N] or [N, K], or float32 [N, A]; those of a Box are clipped.

        A copy whose episode ends starts the next one within the same step.
        """
