"""PPO's networks and how they learn: the reference, in autograd.

Everything that touches parameters is here; `amc.algorithms.ppo` steps the environment and keeps
count. A faster implementation is a subclass that overrides `act`, `values` or `update` over the
same memory: `parameters` is one flat tensor, the network's weights are views of it, and `optimizer`
works on it.

    B  rows of a rollout    D  entries of an observation    A  actions, or entries of an action
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amc.algorithms.base import Mark, Metrics, load_parameters
from amc.algorithms.descent import (
    clip_norm,
    make_optimizer,
    optimizer_state,
    restore_optimizer,
    set_learning_rate,
)
from amc.algorithms.device import to_device
from amc.algorithms.distributions import Distribution
from amc.algorithms.losses import (
    adapt_kl_coefficient,
    approximate_kl,
    clipped_surrogate,
    normalize,
    value_loss,
)
from amc.algorithms.networks import ActorCritic, flatten_parameters
from amc.algorithms.rollout import Batch, Rollout
from amc.config.hyperparameters import PPOHyperparameters
from amc.config.schema import OptimizerConfig

# PPO's authors use 1e-5; Adam's own default of 1e-8 takes larger steps where gradients are tiny.
OPTIMIZER_EPSILON = 1e-5

# Rows evaluated at once outside of minibatches: bounds memory for any length of rollout.
EVALUATION_ROWS = 8192

STATISTICS = (
    "train/loss",
    "train/policy_gradient_loss",
    "train/value_loss",
    "train/entropy_loss",
    "train/clip_fraction",
    "train/approx_kl",
)
APPROX_KL = STATISTICS.index("train/approx_kl")


class PPOLearner:
    """Acts, estimates values, and improves both from a rollout.

    Args:
        network: initialised; moved to `device`, where its parameters become views of one tensor.
        optimizer: type and learning rate.
        settings: PPO's hyperparameters.
        device: where to compute.
        mark: called with "update" once an epoch.

    Attributes:
        parameters: float32 [P], every weight; `parameters.grad` its gradient.
        kl_coefficient: weight of the KL penalty, adapted after each update; 0 stays 0.
    """

    def __init__(
        self,
        network: ActorCritic,
        optimizer: OptimizerConfig,
        *,
        settings: PPOHyperparameters,
        device: torch.device,
        mark: Mark,
    ) -> None:
        self.settings = settings
        self.device = device
        self.mark = mark
        self.network = network.to(device)
        self.parameters, self._gradient = flatten_parameters(self.network)
        self.optimizer = make_optimizer(optimizer, self.parameters, OPTIMIZER_EPSILON)
        self.kl_coefficient = settings.kl_coef

    @torch.no_grad()
    def act(self, observations: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[Any]:
        """Actions [N] or [N, A], not clipped, for observations [N, D] and noise [N, A]."""
        distribution = self.network.distribution(self._to_device(observations))
        return distribution.sample(self._to_device(noise)).cpu().numpy()

    @torch.no_grad()
    def act_greedily(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The most probable actions [N] or [N, A] for observations [N, D]."""
        return self.network.distribution(self._to_device(observations)).mode().cpu().numpy()

    @torch.no_grad()
    def values(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """State values [M] of observations [M, D]."""
        pieces = torch.split(self._to_device(observations), EVALUATION_ROWS)
        return torch.cat([self.network.values(piece) for piece in pieces]).cpu().numpy()

    def update(self, rollout: Rollout, order: NDArray[np.int64], learning_rate: float) -> Metrics:
        """Descend on a rollout, minibatch by minibatch, epoch by epoch, then adapt the KL penalty.

        Args:
            rollout: B rows collected by the present policy.
            order: int64 [E, B]; row e is the order in which epoch e visits the rows.
            learning_rate: for this update.

        Returns:
            The means of `STATISTICS` (`train/approx_kl` over the last epoch only, as in SB3),
            `train/std` of a Gaussian policy, `train/kl` and `train/kl_coef` of a penalised one, and
            `epochs`, the number begun before `target_kl` put an end to them.
        """
        set_learning_rate(self.optimizer, learning_rate)
        batch = self._batch(rollout)
        epochs: list[Tensor] = []
        for rows in self._to_device(order):
            statistics, near = self._epoch(batch.rows(rows))
            epochs.append(statistics)
            self.mark("update")
            if not near:
                break
        means = torch.cat(epochs).mean(dim=0)
        means[APPROX_KL] = epochs[-1][:, APPROX_KL].mean()
        metrics = dict(zip(STATISTICS, means.tolist(), strict=True))
        return {"epochs": len(epochs), **metrics, **self._std(), **self._adapt_penalty(batch)}

    def state_dict(self) -> dict[str, Any]:
        """Parameters, optimizer and penalty weight, copied to the CPU."""
        return {
            "parameters": self.parameters.detach().cpu().clone(),
            "optimizer": optimizer_state(self.optimizer),
            "kl_coefficient": self.kl_coefficient,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state made by `state_dict`.

        Raises:
            CheckpointError: it is of a network of another size.
        """
        load_parameters(self.parameters, state["parameters"])
        restore_optimizer(self.optimizer, state["optimizer"])
        self.kl_coefficient = state["kl_coefficient"]

    def _to_device(self, array: NDArray[Any]) -> Tensor:
        return to_device(array, self.device)

    @torch.no_grad()
    def _batch(self, rollout: Rollout) -> Batch:
        observations, actions, values, advantages, returns = map(self._to_device, rollout)
        distribution = self._distribution(observations)
        return Batch(
            observations=observations,
            actions=actions,
            log_probs=distribution.log_prob(actions),
            values=values,
            advantages=advantages,
            returns=returns,
            distribution=distribution,
        )

    def _distribution(self, observations: Tensor) -> Distribution:
        pieces = torch.split(observations, EVALUATION_ROWS)
        output = torch.cat([self.network.policy(piece) for piece in pieces])
        return self.network.distribution_of(output).detached()

    def _epoch(self, batch: Batch) -> tuple[Tensor, bool]:
        """Descend once over the rows; statistics [minibatches, 6], and whether to go on."""
        statistics: list[Tensor] = []
        for minibatch in batch.split(self.settings.batch_size):
            statistics.append(self._accumulate_gradient(minibatch))
            if self._is_too_far(statistics[-1]):
                return torch.stack(statistics), False
            clip_norm(self._gradient, self.settings.max_grad_norm)
            self.optimizer.step()
        return torch.stack(statistics), True

    def _is_too_far(self, statistics: Tensor) -> bool:
        # Without a target the number stays on the device: reading it would wait for a GPU.
        target = self.settings.target_kl
        return target is not None and statistics[APPROX_KL].item() > 1.5 * target

    @torch.enable_grad()  # an environment may have switched gradients off
    def _accumulate_gradient(self, minibatch: Batch) -> Tensor:
        """Leave the minibatch's gradient in `parameters.grad`; micro-batches fit into memory."""
        if self.settings.normalize_advantage:
            minibatch = minibatch._replace(advantages=normalize(minibatch.advantages))
        self._gradient.zero_()
        statistics = torch.zeros(len(STATISTICS), dtype=torch.float32, device=self.device)
        for micro_batch in minibatch.split(self.settings.micro_batch_size or minibatch.size):
            share = micro_batch.size / minibatch.size
            loss, parts = self._loss(micro_batch)
            (share * loss).backward()  # type: ignore[no-untyped-call]
            statistics += share * parts
        return statistics

    def _loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The mean loss of some rows, and `STATISTICS` of them, [6]."""
        settings = self.settings
        distribution = self.network.distribution(batch.observations)
        log_ratio = distribution.log_prob(batch.actions) - batch.log_probs
        ratio = log_ratio.exp()
        policy = clipped_surrogate(ratio, batch.advantages, settings.clip_range)
        value = value_loss(
            self.network.values(batch.observations),
            batch.values,
            batch.returns,
            settings.clip_range_vf,
        )
        entropy = -distribution.entropy().mean()
        loss = policy + settings.vf_coef * value + settings.ent_coef * entropy
        if self.kl_coefficient > 0:
            loss = loss + self.kl_coefficient * distribution.kl_from(batch.distribution).mean()
        with torch.no_grad():
            clipped = ((ratio - 1).abs() > settings.clip_range).float().mean()
            parts = (loss, policy, value, entropy, clipped, approximate_kl(log_ratio))
            return loss, torch.stack(parts)

    def _std(self) -> Metrics:
        log_std = self.network.log_std
        return {} if log_std is None else {"train/std": log_std.detach().exp().mean().item()}

    @torch.no_grad()
    def _adapt_penalty(self, batch: Batch) -> Metrics:
        if self.kl_coefficient == 0:
            return {}
        now = self._distribution(batch.observations)
        divergence = now.kl_from(batch.distribution).mean().item()
        metrics = {"train/kl": divergence, "train/kl_coef": self.kl_coefficient}
        self.kl_coefficient = adapt_kl_coefficient(
            self.kl_coefficient, divergence, self.settings.kl_target
        )
        return metrics
