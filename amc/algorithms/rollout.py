"""The steps of one PPO iteration, and how they become a batch to learn from.

    T  steps of the rollout      N  environments      D  entries of an observation      B = T N

Held in NumPy on the CPU, where environments live; a learner moves the finished batch to its
device in one go.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from amc.algorithms.distributions import Distribution
from amc.algorithms.returns import generalized_advantage_estimation, temporal_differences
from amc.environments.vector import Step

ValueFunction = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Rollout(NamedTuple):
    """What PPO learns from, time and environments in one axis."""

    observations: NDArray[np.float32]  # [B, D]
    actions: NDArray[Any]  # int64 [B] or float32 [B, A], as sampled: not clipped
    values: NDArray[np.float32]  # [B], when collected
    advantages: NDArray[np.float32]  # [B]
    returns: NDArray[np.float32]  # [B], advantages + values


class Batch(NamedTuple):
    """A rollout on its learner's device, with what the policy that collected it thought."""

    observations: Tensor  # [B, D]
    actions: Tensor  # [B] or [B, A]
    log_probs: Tensor  # [B]
    values: Tensor  # [B]
    advantages: Tensor  # [B]
    returns: Tensor  # [B]
    distribution: Distribution

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.observations)

    def rows(self, index: Tensor | slice) -> "Batch":
        """Some of the rows."""
        return Batch(
            observations=self.observations[index],
            actions=self.actions[index],
            log_probs=self.log_probs[index],
            values=self.values[index],
            advantages=self.advantages[index],
            returns=self.returns[index],
            distribution=self.distribution.rows(index),
        )

    def split(self, size: int) -> Iterator["Batch"]:
        """The rows in order, `size` at a time; the last piece may be shorter."""
        for start in range(0, self.size, size):
            yield self.rows(slice(start, start + size))


class RolloutBuffer:
    """Room for `n_steps` steps of `n_envs` environments; filled anew in each iteration.

    Args:
        n_steps: T.
        n_envs: N.
        observation_size: D.
        action: an example of what is stored per environment and step, for shape and dtype.
    """

    def __init__(
        self, n_steps: int, n_envs: int, observation_size: int, action: NDArray[Any]
    ) -> None:
        self.observations = np.empty((n_steps, n_envs, observation_size), dtype=np.float32)
        self.actions = np.empty((n_steps, n_envs, *action.shape), dtype=action.dtype)
        self.rewards = np.empty((n_steps, n_envs), dtype=np.float64)
        self.terminated = np.zeros((n_steps, n_envs), dtype=np.bool_)
        self.ended = np.zeros((n_steps, n_envs), dtype=np.bool_)
        self.length = 0
        self._cut_off: list[tuple[Any, NDArray[np.intp], NDArray[np.float32]]] = []
        self._last = np.empty((n_envs, observation_size), dtype=np.float32)

    def clear(self) -> None:
        """Start a new rollout."""
        self.length = 0
        self.terminated[:] = False
        self.ended[:] = False
        self._cut_off.clear()

    def add(self, observation: NDArray[np.float32], action: NDArray[Any], step: Step) -> None:
        """Remember what was seen [N, D], the action taken, and what it led to."""
        t = self.length
        self.observations[t] = observation
        self.actions[t] = action
        self.rewards[t] = step.reward
        self._last = step.next_observation
        # One array for both means that no episode ended, which spares most steps five NumPy calls.
        if step.next_observation is not step.observation:
            self._add_ends(t, step)
        self.length += 1

    def _add_ends(self, t: int, step: Step) -> None:
        self.terminated[t] = step.terminated
        np.logical_or(step.terminated, step.truncated, out=self.ended[t])
        if step.truncated.any():
            rows = np.flatnonzero(step.truncated)
            self._cut_off.append((t, rows, self._last[rows]))

    def add_all(
        self,
        n_steps: int,
        cut_off: Iterable[tuple[Any, NDArray[np.intp], NDArray[np.float32]]],
        last: NDArray[np.float32],
    ) -> None:
        """Take steps whose rows were written in place, behind those that were there.

        Args:
            n_steps: how many.
            cut_off: of truncated episodes the steps, counted from the rollout's begin, the
                environments, and what they led to; in order.
            last: what the last step led to, [N, D].
        """
        self.length += n_steps
        self._last = last
        self._cut_off += [(t, copies, led_to) for t, copies, led_to in cut_off if len(copies)]

    def finish(self, value_function: ValueFunction, *, gamma: float, gae_lambda: float) -> Rollout:
        """Estimate values and advantages of the rows added and return them as one batch.

        Where an episode was cut off, and behind the last row, the value of the true next state
        stands for the rest of the episode.
        """
        length = slice(self.length)
        observations = self.observations[length]
        flat_observations = observations.reshape(-1, observations.shape[-1])
        values = value_function(flat_observations).reshape(observations.shape[:2])
        differences = temporal_differences(
            self.rewards[length],
            values,
            self._next_values(values, value_function),
            self.terminated[length],
            gamma,
        )
        advantages = generalized_advantage_estimation(
            differences, self.ended[length], gamma=gamma, gae_lambda=gae_lambda
        )
        return Rollout(
            observations=flat_observations,
            actions=self.actions[length].reshape(-1, *self.actions.shape[2:]),
            values=values.ravel(),
            advantages=advantages.astype(np.float32).ravel(),
            returns=(advantages + values).astype(np.float32).ravel(),
        )

    def _next_values(
        self, values: NDArray[np.float32], value_function: ValueFunction
    ) -> NDArray[np.float32]:
        states = [self._last, *(observations for _, _, observations in self._cut_off)]
        last, *cut_off = np.split(
            value_function(np.concatenate(states)), np.cumsum([len(rows) for rows in states])[:-1]
        )
        next_values = np.concatenate([values[1:], last[None]])
        for (t, rows, _), bootstraps in zip(self._cut_off, cut_off, strict=True):
            next_values[t, rows] = bootstraps
        return next_values
