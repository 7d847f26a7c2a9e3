"""RecurrentPPO of sb3-contrib, whose policy remembers what it saw before in an episode.

In training a rollout goes on with the states in which the last one ended; where an episode begins
they are zero. `predict` and `sample`, which know no episode, act as at the first step of one.

    L  layers of the LSTM    N  environments    H  units of a layer
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, cast

import numpy as np
import sb3_contrib
import torch
from numpy.typing import NDArray
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from torch import Tensor

from amc.algorithms.stable_baselines3.rounds import OnPolicy
from amc.config.sb3.lstm import RecurrentPPOHyperparameters
from amc.environments.vector import Ended, Play, VectorEnvironment, ended_by
from amc.errors import CheckpointError


class RecurrentPPO(OnPolicy):
    """PPO with an LSTM. https://sb3-contrib.readthedocs.io/en/master/modules/ppo_recurrent.html."""

    Hyperparameters = RecurrentPPOHyperparameters
    kind = sb3_contrib.RecurrentPPO
    has_memory = True

    def _round(self) -> None:
        settings, model = cast(RecurrentPPOHyperparameters, self.settings), self.model
        n_steps = min(settings.n_steps, self.steps_left())
        buffer = model.rollout_buffer
        # Of the rollout's length, as the buffer's other arrays are: they are flattened together.
        buffer.hidden_state_shape = (n_steps, *buffer.hidden_state_shape[1:])
        model.batch_size = _batch_size(settings, n_steps * self.environment.n_envs)
        super()._round()

    def act(
        self,
        observation: NDArray[np.float32],
        memory: Any = None,
        generator: np.random.Generator | None = None,
    ) -> tuple[NDArray[Any], Any]:
        """See `Algorithm`; the memory is the LSTM's hidden and cell states, each [L, B, H]."""
        if generator is None:
            return self._remembering(observation, memory)
        with self._drawing(generator, len(observation)):
            return self._remembering(observation, memory, deterministic=False)

    def _remembering(
        self,
        observation: NDArray[np.float32],
        memory: Any,
        begins: NDArray[np.bool_] | None = None,
        *,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], Any]:
        found: tuple[NDArray[Any], Any] = self.model.policy.predict(
            observation, memory, begins, deterministic
        )
        return found

    def player(self, environment: VectorEnvironment) -> Play | None:
        """See `Algorithm`; each copy begins each of its episodes with an empty memory."""
        return partial(self._play, environment)

    def _play(
        self,
        environment: VectorEnvironment,
        observation: NDArray[np.float32],
        quota: NDArray[np.int64],
    ) -> Iterator[list[Ended]]:
        """See `Play`; it goes on for as long as it is asked."""
        memory, begins = None, np.ones(environment.n_envs, np.bool_)
        while True:
            actions, memory = self._remembering(observation, memory, begins)
            step = environment.step(actions)
            observation, begins = step.observation, step.terminated | step.truncated
            yield ended_by(step, environment)

    def fork(self) -> None:
        """See `Algorithm`; with nothing remembered."""
        super().fork()
        begins = np.ones(self.environment.n_envs, np.bool_)
        self._remember([torch.zeros_like(state) for state in self._states()], begins)

    def state_dict(self) -> dict[str, Any]:
        """See `Algorithm`; what is remembered is [L, N, H] of the policy, then of its critic."""
        begins = torch.tensor(self.model._last_episode_starts)
        states = [state.detach().to("cpu", copy=True) for state in self._states()]
        return super().state_dict() | {"memory": {"states": states, "begins": begins}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Algorithm`."""
        super().load_state_dict(state)
        states, begins = state["memory"]["states"], state["memory"]["begins"]
        own, kept = (tuple(one[0].shape) for one in (self._states(), states))
        if own != kept:
            raise CheckpointError(
                f"checkpoint: its LSTM's states are {kept}, but here they are {own} (layers, "
                "n_envs, units). It belongs to another algorithm_config."
            )
        self._remember(states, begins.numpy().copy())

    def _states(self) -> list[Tensor]:
        return [state for network in self.model._last_lstm_states for state in network]

    def _remember(self, states: Sequence[Tensor], begins: NDArray[np.bool_]) -> None:
        policy, critic = (
            tuple(state.to(self.device, copy=True) for state in pair)
            for pair in (states[:2], states[2:])
        )
        self.model._last_lstm_states = RNNStates(policy, critic)
        self.model._last_episode_starts = begins


def _batch_size(settings: RecurrentPPOHyperparameters, samples: int) -> int:
    """As it is set, or a little more: RecurrentPPO makes NaN of a minibatch of a single sample.

    PPO of SB3 leaves its advantage as it is, and RecurrentPPO divides by a deviation of nothing.
    """
    if not settings.normalize_advantage or samples == 1:
        return settings.batch_size
    return next(size for size in count(settings.batch_size) if samples % size != 1)
