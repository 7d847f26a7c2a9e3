"""DDPG's learner with a compiled update, over the same memory as the reference."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from amc.algorithms.ddpg_learner import DDPGLearner
from amc.algorithms.kernels.blas import SGEMM, Floats, use_one_thread
from amc.algorithms.kernels.ddpg_update import Plan, ddpg_update
from amc.algorithms.kernels.elementwise import ACTIVATIONS, TANH
from amc.algorithms.kernels.inference import infer
from amc.algorithms.kernels.networks import INPUTS, OUTPUTS, make_networks
from amc.algorithms.kernels.optimizer_memory import OptimizerMemory
from amc.algorithms.networks import DeterministicActorCritic, linear_layers
from amc.algorithms.replay import ReplayBuffer, Transitions
from amc.config.hyperparameters import DDPGHyperparameters
from amc.config.schema import OptimizerConfig

# Rows worked on at once: bounds memory for any size of batch, and BLAS gains nothing from more.
MICRO_BATCH_ROWS = 256

ACTOR = 0  # of the networks; the critic is the other one

NO_FLOATS = np.empty(0, np.float32)
NO_ROWS = np.empty((0, 0), np.float32)


class FastDDPGLearner(DDPGLearner):
    """Arguments, attributes and results as `DDPGLearner`, on the CPU and without autograd.

    Rounding apart, every number is the same: the order of sums differs.
    """

    def __init__(
        self,
        network: DeterministicActorCritic,
        optimizer: OptimizerConfig,
        *,
        settings: DDPGHyperparameters,
        device: torch.device,
    ) -> None:
        super().__init__(network, optimizer, settings=settings, device=device)
        use_one_thread()
        self._optimizer_config = optimizer
        self._networks = make_networks(
            self.parameters,
            self._gradient,
            [linear_layers(network.actor), linear_layers(network.critic)],
            capacity=min(MICRO_BATCH_ROWS, settings.batch_size),
            activation=ACTIVATIONS[settings.activation],
            blas=SGEMM,
            is_shared=False,
            is_transposed=False,
        )
        inputs = int(self._networks.layers[ACTOR, 0, INPUTS])
        self._action_size = int(self._networks.layers[ACTOR, -1, OUTPUTS])
        self._plan = Plan(
            gamma=settings.gamma,
            tau=settings.tau,
            critic_start=sum(parameter.numel() for parameter in self._actor_parameters),
            next_observation=inputs,
            action=2 * inputs,
            reward=2 * inputs + self._action_size,
            terminated=2 * inputs + self._action_size + 1,
        )
        self._memory = self._take_over_optimizers()

    def _take_over_optimizers(self) -> OptimizerMemory:
        optimizers = [self.actor_optimizer, self.critic_optimizer]
        return OptimizerMemory(self._optimizer_config, optimizers)

    def act(self, observations: Floats) -> Floats:
        """See `DDPGLearner`."""
        networks = self._networks
        result = np.empty((len(observations), self._action_size), np.float32)
        infer(
            (ACTOR, TANH, networks.blas, networks.capacity, networks.activation),
            networks.flat,
            networks.transposed,
            networks.layers,
            networks.outputs,
            NO_FLOATS,
            NO_ROWS,
            observations,
            result,
        )
        return result

    def update(self, batch: Transitions, learning_rate: float) -> Tensor:
        """See `DDPGLearner`."""
        scalars = torch.stack((batch.rewards, batch.terminated), dim=1)
        rows = torch.cat(
            [batch.observations, batch.next_observations, batch.actions, scalars], dim=1
        )
        return self._update(rows.numpy(), learning_rate)

    def learn(
        self, replay: ReplayBuffer, generator: np.random.Generator, learning_rate: float
    ) -> Tensor:
        """See `DDPGLearner`."""
        rows = replay.sample_rows(self.settings.batch_size, generator)
        return self._update(rows, learning_rate)

    def _update(self, rows: Floats, learning_rate: float) -> Tensor:
        losses = ddpg_update(
            self._networks,
            self.target_parameters.numpy(),
            self._plan,
            rows,
            self._memory.descent(learning_rate),
        )
        self._memory.steps += 1
        return torch.from_numpy(np.array(losses, dtype=np.float32))

    def state_dict(self) -> dict[str, Any]:
        """See `DDPGLearner`."""
        self._memory.write_back()
        return super().state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `DDPGLearner`."""
        super().load_state_dict(state)
        self._memory = self._take_over_optimizers()
