"""The memory of DDPG: transitions, the oldest forgotten first, sampled uniformly.

`terminated` is stored, never the end of an episode as such: where only time ran out, the future
is still worth something. Observations and rewards are stored as the environment gave them, and
normalised when they are sampled: an old row and a new one then have one scale, the present one.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amc.algorithms.device import to_device
from amc.environments.vector import Step, VectorEnvironment
from amc.errors import CheckpointError

CPU = torch.device("cpu")

REWARD = -2  # its column; the last one is `terminated`


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
    sends nothing but its indices. With a normaliser they lie on the CPU, where its statistics are,
    and a sample is sent: its numbers are the same on every device.

    Args:
        capacity: rows.
        observation_size: D.
        action_size: A.
        device: where samples are wanted.
        normalizer: what sampled rows are normalised with, as it is by then; None for as they are.

    Attributes:
        size: rows filled.
    """

    def __init__(
        self,
        capacity: int,
        observation_size: int,
        action_size: int,
        device: torch.device = CPU,
        normalizer: VectorEnvironment | None = None,
    ) -> None:
        self.capacity = capacity
        self.device = device
        self._normalizer = normalizer
        self._home = device if normalizer is None else CPU
        self.size = 0
        self._position = 0
        self._widths = [observation_size, observation_size, action_size, 1, 1]
        self._rows = torch.empty(
            capacity, sum(self._widths), dtype=torch.float32, device=self._home
        )

    def add(
        self, observations: NDArray[np.float32], actions: NDArray[np.float32], step: Step
    ) -> None:
        """Remember what N actions [N, A], in raw observations [N, D], led to."""
        n = len(observations)
        columns = (
            observations,
            step.raw_next_observation,
            actions,
            step.raw_reward[:, None],
            step.terminated[:, None],
        )
        rows = np.concatenate(columns, axis=1, dtype=np.float32, casting="same_kind")
        places = np.arange(self._position, self._position + n) % self.capacity
        # Of more rows than there is room for, the last ones stay.
        kept = slice(-self.capacity, None)
        self._rows.index_copy_(
            0, to_device(places[kept], self._home), to_device(rows[kept], self._home)
        )
        self._position = (self._position + n) % self.capacity
        self.size = min(self.size + n, self.capacity)

    def sample_rows(self, batch_size: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw rows to learn from, [B, 2 D + A + 2], with replacement; held on a CPU only."""
        rows = self._rows.numpy().take(self._draw(batch_size, generator), axis=0)
        if self._normalizer is not None:
            self._normalize(rows, self._normalizer)
        return rows

    def _normalize(self, rows: NDArray[np.float32], normalizer: VectorEnvironment) -> None:
        width = self._widths[0]
        observations = rows[:, : 2 * width]  # and next ones
        normalized = normalizer.normalize_observation(observations.reshape(-1, width))
        observations[:] = normalized.reshape(observations.shape)
        rows[:, REWARD] = normalizer.normalize_reward(rows[:, REWARD].astype(np.float64))

    def sample(self, batch_size: int, generator: np.random.Generator) -> Transitions:
        """Draw `batch_size` transitions, with replacement; the same on every device."""
        if self._normalizer is None:
            indices = to_device(self._draw(batch_size, generator), self.device)
            rows = self._rows.index_select(0, indices)
        else:
            rows = to_device(self.sample_rows(batch_size, generator), self.device)
        observations, next_observations, actions, rewards, terminated = torch.split(
            rows, self._widths, dim=1
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
            "is_raw": True,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state made by `state_dict`, also that of a buffer with room for fewer rows.

        Raises:
            CheckpointError: it is of a larger buffer or of other rows, or of a version that kept
                rows as they were normalised when they came.
        """
        rows = state["rows"]
        saved = (state["capacity"], rows.shape[1])
        if saved[0] > self.capacity or saved[1] != self._rows.shape[1]:
            raise CheckpointError(
                f"checkpoint: its replay buffer has rows by width {saved}, but this one has "
                f"{tuple(self._rows.shape)}. It belongs to another buffer_size or environment."
            )
        if self._normalizer is not None and not state.get("is_raw", False):
            raise CheckpointError(
                "checkpoint: its replay buffer holds normalised values, of many scales, as an "
                "earlier version of amc kept them; they cannot be learned from. Start anew."
            )
        self.size = len(rows)
        self._position = state["position"]
        if self.size == saved[0] < self.capacity:
            # The ring was full: from its oldest row on, it is the beginning of the larger one.
            rows = rows.roll(-self._position, dims=0)
            self._position = self.size
        self._rows[: self.size] = rows
