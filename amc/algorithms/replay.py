"""The memory of DDPG: transitions, the oldest forgotten first, sampled uniformly.

`terminated` is stored, never the end of an episode as such: where only time ran out, the future
is still worth something.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amc.algorithms.device import to_device
from amc.algorithms.environment import Step
from amc.errors import CheckpointError

CPU = torch.device("cpu")


class Transitions(NamedTuple):
    """A batch to learn from."""

    observations: Tensor  # [B, D]
    actions: Tensor  # [B, A], scaled to [-1, 1]
    rewards: Tensor  # [B]
    next_observations: Tensor  # [B, D]
    terminated: Tensor  # [B], 1.0 where the task ended


class ReplayBuffer:
    """A ring of the last `capacity` transitions.

    One float32 row holds a whole transition, so that sampling it touches memory once:
    observation, next observation, action, reward, terminated. On a CPU rows are not written, and so
    take no memory, before they are filled. On a GPU they lie where they are learned from: a sample
    sends nothing but its indices.

    Args:
        capacity: rows.
        observation_size: D.
        action_size: A.
        device: where the rows lie.

    Attributes:
        size: rows filled.
    """

    def __init__(
        self,
        capacity: int,
        observation_size: int,
        action_size: int,
        device: torch.device = CPU,
    ) -> None:
        self.capacity = capacity
        self.device = device
        self.size = 0
        self._position = 0
        self._widths = [observation_size, observation_size, action_size, 1, 1]
        self._rows = torch.empty(capacity, sum(self._widths), dtype=torch.float32, device=device)

    def add(
        self, observations: NDArray[np.float32], actions: NDArray[np.float32], step: Step
    ) -> None:
        """Remember what N actions [N, A], in observations [N, D], led to."""
        n = len(observations)
        columns = (
            observations,
            step.next_observation,
            actions,
            step.reward[:, None],
            step.terminated[:, None],
        )
        rows = np.concatenate(columns, axis=1, dtype=np.float32, casting="same_kind")
        places = np.arange(self._position, self._position + n) % self.capacity
        # Of more rows than there is room for, the last ones stay.
        kept = slice(-self.capacity, None)
        self._rows.index_copy_(
            0, to_device(places[kept], self.device), to_device(rows[kept], self.device)
        )
        self._position = (self._position + n) % self.capacity
        self.size = min(self.size + n, self.capacity)

    def sample_rows(self, batch_size: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw rows as they are held, [B, 2 D + A + 2], with replacement; on a CPU only."""
        return self._rows.numpy().take(self._draw(batch_size, generator), axis=0)

    def sample(self, batch_size: int, generator: np.random.Generator) -> Transitions:
        """Draw `batch_size` transitions, with replacement; the same on every device."""
        indices = to_device(self._draw(batch_size, generator), self.device)
        observations, next_observations, actions, rewards, terminated = torch.split(
            self._rows.index_select(0, indices), self._widths, dim=1
        )
        return Transitions(
            observations=observations,
            actions=actions,
            rewards=rewards.squeeze(1),
            next_observations=next_observations,
            terminated=terminated.squeeze(1),
        )

    def _draw(self, batch_size: int, generator: np.random.Generator) -> NDArray[np.int64]:
        return generator.integers(self.size, size=batch_size)

    def state_dict(self) -> dict[str, Any]:
        """A copy of the filled rows, on the CPU, and where the next one goes."""
        return {
            "rows": self._rows[: self.size].to("cpu", copy=True),
            "position": self._position,
            "capacity": self.capacity,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state made by `state_dict`.

        Raises:
            CheckpointError: it is of a buffer of another shape.
        """
        rows = state["rows"]
        saved = (state["capacity"], rows.shape[1])
        if saved != self._rows.shape:
            raise CheckpointError(
                f"checkpoint: its replay buffer has rows by width {saved}, but this one has "
                f"{tuple(self._rows.shape)}. It belongs to another buffer_size or environment."
            )
        self.size = len(rows)
        self._position = state["position"]
        self._rows[: self.size] = rows
