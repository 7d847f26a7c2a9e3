"""DDPG's networks and how they learn: the reference, in autograd.

Everything that touches parameters is here; `amc.algorithms.ddpg` steps the environment and
remembers. A faster implementation is a subclass that overrides `act` or `update` over the same
memory: `parameters` and `target_parameters` are flat tensors, actor first, and the networks'
weights are views of them.
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import mse_loss

from amc.algorithms.base import load_parameters
from amc.algorithms.descent import (
    make_optimizer,
    optimizer_state,
    restore_optimizer,
    set_learning_rate,
)
from amc.algorithms.device import to_device
from amc.algorithms.networks import DeterministicActorCritic, flatten_parameters
from amc.algorithms.replay import ReplayBuffer, Transitions
from amc.config.hyperparameters import DDPGHyperparameters
from amc.config.schema import OptimizerConfig

OPTIMIZER_EPSILON = 1e-8


class DDPGLearner:
    """Acts, and improves actor and critic from batches of transitions.

    Args:
        network: initialised; moved to `device`, where its parameters become views of one tensor.
        optimizer: type and learning rate, of actor and critic alike.
        settings: DDPG's hyperparameters.
        device: where to compute.

    Attributes:
        parameters: float32 [P], actor then critic; `parameters.grad` their gradient.
        target_parameters: float32 [P], which follow `parameters` slowly.
    """

    def __init__(
        self,
        network: DeterministicActorCritic,
        optimizer: OptimizerConfig,
        *,
        settings: DDPGHyperparameters,
        device: torch.device,
    ) -> None:
        self.settings = settings
        self.device = device
        self.network = network.to(device)
        self.target = copy.deepcopy(self.network)
        self.parameters, self._gradient = flatten_parameters(self.network)
        self.target_parameters, _ = flatten_parameters(self.target)
        self._actor_parameters = list(self.network.actor.parameters())
        self.actor_optimizer, self.critic_optimizer = self._make_optimizers(optimizer)

    def _make_optimizers(self, config: OptimizerConfig) -> list[torch.optim.Optimizer]:
        size = sum(parameter.numel() for parameter in self._actor_parameters)
        optimizers = []
        for part in (slice(None, size), slice(size, None)):
            values = self.parameters[part]
            values.grad = self._gradient[part]
            optimizers.append(make_optimizer(config, values, OPTIMIZER_EPSILON))
        return optimizers

    @torch.no_grad()
    def act(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Actions [N, A] in [-1, 1] for observations [N, D]."""
        return self.network.actions(to_device(observations, self.device)).cpu().numpy()

    def learn(
        self, replay: ReplayBuffer, generator: np.random.Generator, learning_rate: float
    ) -> Tensor:
        """One `update` from a batch that `generator` draws from memory."""
        return self.update(replay.sample(self.settings.batch_size, generator), learning_rate)

    def update(self, batch: Transitions, learning_rate: float) -> Tensor:
        """Improve the critic, then the actor, then let the targets follow.

        Returns:
            The losses of actor and critic, [2], left on the device.
        """
        set_learning_rate(self.actor_optimizer, learning_rate)
        set_learning_rate(self.critic_optimizer, learning_rate)
        self._gradient.zero_()
        critic_loss = self._improve_critic(batch)
        actor_loss = self._improve_actor(batch)
        self.target_parameters.lerp_(self.parameters, self.settings.tau)
        return torch.stack((actor_loss, critic_loss))

    @torch.enable_grad()  # an environment may have switched gradients off
    def _improve_critic(self, batch: Transitions) -> Tensor:
        """Descend on mean((Q(s, a) - y)^2), y = r + gamma (1 - terminated) Q'(s', mu'(s'))."""
        with torch.no_grad():
            next_actions = self.target.actions(batch.next_observations)
            next_values = self.target.values(batch.next_observations, next_actions)
            ahead = self.settings.gamma * (1 - batch.terminated) * next_values
        loss = mse_loss(
            self.network.values(batch.observations, batch.actions), batch.rewards + ahead
        )
        loss.backward()  # type: ignore[no-untyped-call]
        self.critic_optimizer.step()
        return loss.detach()

    @torch.enable_grad()
    def _improve_actor(self, batch: Transitions) -> Tensor:
        """Ascend on mean(Q(s, mu(s))), the critic held still."""
        actions = self.network.actions(batch.observations)
        loss = -self.network.values(batch.observations, actions).mean()
        loss.backward(inputs=self._actor_parameters)  # type: ignore[no-untyped-call]
        self.actor_optimizer.step()
        return loss.detach()

    def state_dict(self) -> dict[str, Any]:
        """Parameters, targets and optimizers, copied to the CPU."""
        return {
            "parameters": self.parameters.cpu().clone(),
            "target_parameters": self.target_parameters.cpu().clone(),
            "actor_optimizer": optimizer_state(self.actor_optimizer),
            "critic_optimizer": optimizer_state(self.critic_optimizer),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state made by `state_dict`.

        Raises:
            CheckpointError: it is of a network of another size.
        """
        load_parameters(self.parameters, state["parameters"])
        load_parameters(self.target_parameters, state["target_parameters"])
        restore_optimizer(self.actor_optimizer, state["actor_optimizer"])
        restore_optimizer(self.critic_optimizer, state["critic_optimizer"])
