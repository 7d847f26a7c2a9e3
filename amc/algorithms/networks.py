"""Multilayer perceptrons for policies and values, with their parameters in one flat tensor.

Its door: `ActorCritic` (PPO), `DeterministicActorCritic` (DDPG), `flatten_parameters`. Initial
weights are drawn from a generator that the caller owns; torch's global one is never touched.
"""

import itertools
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from amc.algorithms.distributions import (
    Categorical,
    DiagonalGaussian,
    Distribution,
    MultiCategorical,
)
from amc.config.schema import Precision

ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}

HIDDEN_GAIN = math.sqrt(2)
POLICY_GAIN = 0.01
VALUE_GAIN = 1.0


class _Linear(nn.Linear):
    """A linear layer whose weights are not drawn from the global generator when it is made.

    nn.utils.skip_init does the same, but imports sympy on the way, 3 s.
    """

    def reset_parameters(self) -> None:
        """Leave the weights unset."""


class MLP(nn.Sequential):
    """Layers whose outputs have the type of their inputs, whatever is computed in between.

    With "bf16" the matrix products are of numbers rounded to bfloat16; weights, gradients and
    whatever is made of the outputs keep their digits.
    """

    def __init__(self, *layers: nn.Module, precision: Precision = "float32") -> None:
        super().__init__(*layers)
        self.precision = precision

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs [B, K] for inputs [B, D]."""
        with self._rounding(inputs.device):
            outputs: Tensor = super().forward(inputs)  # type: ignore[no-untyped-call]
        return outputs.to(inputs.dtype)

    def _rounding(self, device: torch.device) -> AbstractContextManager[Any]:
        if self.precision == "bf16":
            return torch.autocast(device.type, torch.bfloat16)
        return nullcontext()


def mlp(sizes: Sequence[int], activation: str, precision: Precision = "float32") -> MLP:
    """Linear layers from `sizes[0]` to `sizes[-1]`, an activation between each two.

    The weights are left unset: follow with `initialize_orthogonal` or `initialize_uniform`.
    """
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [_Linear(before, after, dtype=torch.float32), ACTIVATIONS[activation]()]
    return MLP(*layers[:-1], precision=precision)


def linear_layers(module: nn.Module) -> list[nn.Linear]:
    """The linear layers of a module, in order."""
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)]


def initialize_orthogonal(
    module: nn.Module, *, output_gain: float, generator: torch.Generator
) -> None:
    """Orthogonal weights, gain sqrt(2) in hidden layers and `output_gain` in the last; zero biases.

    Source: Engstrom et al. 2020, https://arxiv.org/abs/2005.12729 (the policy's gain is 0.01).
    """
    layers = linear_layers(module)
    for layer in layers:
        gain = output_gain if layer is layers[-1] else HIDDEN_GAIN
        nn.init.orthogonal_(layer.weight, gain, generator=generator)
        nn.init.zeros_(layer.bias)


def initialize_uniform(module: nn.Module, generator: torch.Generator) -> None:
    """Weights and biases uniform in +- 1/sqrt(inputs), which is torch's default for Linear."""
    for layer in linear_layers(module):
        bound = 1 / math.sqrt(layer.in_features)
        nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
        nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


def flatten_parameters(module: nn.Module) -> tuple[Tensor, Tensor]:
    """Move a module's parameters into one flat tensor, of which they become views.

    Gradients likewise: the views of `flat.grad` are the parameters' gradients, so one call zeroes,
    clips or applies all, and a compiled update can work on the same memory.

    Returns:
        Values and gradient (which is zero, and the values' `grad`), both float32 [P] in the order
        of `module.parameters()`.
    """
    parameters = list(module.parameters())
    flat = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
    flat.grad = gradient = torch.zeros_like(flat)
    sizes = [parameter.numel() for parameter in parameters]
    views = zip(parameters, torch.split(flat, sizes), torch.split(gradient, sizes), strict=True)
    for parameter, own_values, own_gradient in views:
        parameter.data = own_values.view_as(parameter)
        parameter.grad = own_gradient.view_as(parameter)
    return flat, gradient


class ActorCritic(nn.Module):
    """A stochastic policy and a state value, as two networks that share nothing.

    Args:
        observation_size: entries of an observation.
        action_size: the number of actions if `discrete`, else of an action's entries.
        discrete: a Categorical over actions, or a Gaussian with a learned std.
        counts: where several choices are made at once, how many of the actions belong to each.
        hidden_sizes: of both networks.
        activation: a key of `ACTIVATIONS`.
        precision: of the matrix products.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        *,
        discrete: bool,
        hidden_sizes: Sequence[int],
        activation: str,
        precision: Precision = "float32",
        counts: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.counts = counts
        self.policy = mlp([observation_size, *hidden_sizes, action_size], activation, precision)
        self.value = mlp([observation_size, *hidden_sizes, 1], activation, precision)
        log_std = torch.zeros(action_size, dtype=torch.float32)
        self.log_std = None if discrete else nn.Parameter(log_std)

    def initialize(
        self, generator: torch.Generator, *, orthogonal: bool, log_std: float = 0.0
    ) -> None:
        """Draw the weights, orthogonal or uniform, and set the logarithm of the std."""
        if orthogonal:
            initialize_orthogonal(self.policy, output_gain=POLICY_GAIN, generator=generator)
            initialize_orthogonal(self.value, output_gain=VALUE_GAIN, generator=generator)
        else:
            initialize_uniform(self, generator)
        if self.log_std is not None:
            nn.init.constant_(self.log_std, log_std)

    def distribution(self, observations: Tensor) -> Distribution:
        """The policy's distribution over actions for observations [B, D]."""
        return self.distribution_of(self.policy(observations))

    def distribution_of(self, output: Tensor) -> Distribution:
        """The distribution that the policy's last layer [B, A] stands for: logits, or means."""
        if self.counts:
            return MultiCategorical.from_logits(output, self.counts)
        if self.log_std is None:
            return Categorical.from_logits(output)
        return DiagonalGaussian(output, self.log_std)

    def values(self, observations: Tensor) -> Tensor:
        """State values [B] of observations [B, D]."""
        values: Tensor = self.value(observations)
        return values.squeeze(-1)


class DeterministicActorCritic(nn.Module):
    """A deterministic policy with actions in [-1, 1], and the value of a state with an action."""

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        *,
        hidden_sizes: Sequence[int],
        activation: str,
        precision: Precision = "float32",
    ) -> None:
        super().__init__()
        self.actor = mlp([observation_size, *hidden_sizes, action_size], activation, precision)
        self.critic = mlp([observation_size + action_size, *hidden_sizes, 1], activation, precision)

    def actions(self, observations: Tensor) -> Tensor:
        """Actions [B, A] in [-1, 1] for observations [B, D]."""
        return torch.tanh(self.actor(observations))

    def values(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Values [B] of actions [B, A] taken in observations [B, D]."""
        values: Tensor = self.critic(torch.cat([observations, actions], dim=1))
        return values.squeeze(-1)
