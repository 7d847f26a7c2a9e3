"""Distributions over actions: sampling, log-probability, entropy and exact KL divergence.

    name      meaning                                      shape
    B         rows of a batch
    A         actions to choose from, those of several choices together, or an action's entries
    K         choices made at once
    noise     standard Gumbel (Categorical) or Gaussian    [B, A]

Plain formulas over tensors: `torch.distributions` costs about 30 % of a small PPO update in
argument checks. Noise is handed in, so that whoever owns the generator decides when it is drawn.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class Categorical(NamedTuple):
    """A choice among A actions.

    Attributes:
        log_probs: [B, A], normalised over the last axis.
    """

    log_probs: Tensor

    @classmethod
    def from_logits(cls, logits: Tensor) -> "Categorical":
        """The distribution with probabilities softmax(logits)."""
        return cls(torch.log_softmax(logits, dim=-1))

    @staticmethod
    def noise(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Gumbel noise: the argmax of log p + noise is distributed as p."""
        return generator.gumbel(size=shape).astype(np.float32)

    def sample(self, noise: Tensor) -> Tensor:
        """Actions [B], int64."""
        return (self.log_probs + noise).argmax(dim=-1)

    def mode(self) -> Tensor:
        """The most probable actions [B], int64."""
        return self.log_probs.argmax(dim=-1)

    def log_prob(self, actions: Tensor) -> Tensor:
        """The logarithm of p(a), [B], of actions [B]."""
        return self.log_probs.gather(1, actions.unsqueeze(1)).squeeze(1)

    def entropy(self) -> Tensor:
        """H = - sum_a p(a) log p(a), [B]."""
        return -(self.log_probs.exp() * self.log_probs).sum(dim=-1)

    def kl_from(self, old: "Distribution") -> Tensor:
        """KL(old || self) = sum_a p_old(a) (log p_old(a) - log p(a)), [B]."""
        assert isinstance(old, Categorical)
        return (old.log_probs.exp() * (old.log_probs - self.log_probs)).sum(dim=-1)

    def rows(self, index: Tensor | slice) -> "Categorical":
        """The distribution of some rows."""
        return Categorical(self.log_probs[index])

    def detached(self) -> "Categorical":
        """The same numbers, kept as they are now and without a gradient."""
        return Categorical(self.log_probs.detach())


class MultiCategorical(NamedTuple):
    """Several independent choices at once.

    Attributes:
        log_probs: [B, A], one choice's actions after another's, normalised over each choice.
        counts: how many actions each of the K choices has; together A.
    """

    log_probs: Tensor
    counts: tuple[int, ...]

    @classmethod
    def from_logits(cls, logits: Tensor, counts: tuple[int, ...]) -> "MultiCategorical":
        """The distribution with probabilities softmax(logits) within each choice."""
        parts = torch.split(logits, list(counts), dim=-1)
        return cls(torch.cat([torch.log_softmax(part, dim=-1) for part in parts], dim=-1), counts)

    def sample(self, noise: Tensor) -> Tensor:
        """Actions [B, K], int64, by Gumbel noise as in `Categorical`."""
        return self._highest(self.log_probs + noise)

    def mode(self) -> Tensor:
        """The most probable actions [B, K], int64."""
        return self._highest(self.log_probs)

    def log_prob(self, actions: Tensor) -> Tensor:
        """The logarithm of p(a), [B], of actions [B, K]: the sum over the choices."""
        counts = torch.tensor(self.counts, device=actions.device)
        return self.log_probs.gather(1, actions + (counts.cumsum(0) - counts)).sum(dim=-1)

    def entropy(self) -> Tensor:
        """H, [B]: the sum of the choices' entropies."""
        return -(self.log_probs.exp() * self.log_probs).sum(dim=-1)

    def kl_from(self, old: "Distribution") -> Tensor:
        """KL(old || self), [B]: the sum over the choices."""
        assert isinstance(old, MultiCategorical)
        return (old.log_probs.exp() * (old.log_probs - self.log_probs)).sum(dim=-1)

    def rows(self, index: Tensor | slice) -> "MultiCategorical":
        """The distribution of some rows."""
        return MultiCategorical(self.log_probs[index], self.counts)

    def detached(self) -> "MultiCategorical":
        """The same numbers, kept as they are now and without a gradient."""
        return MultiCategorical(self.log_probs.detach(), self.counts)

    def _highest(self, scores: Tensor) -> Tensor:
        parts = torch.split(scores, list(self.counts), dim=-1)
        return torch.stack([part.argmax(dim=-1) for part in parts], dim=-1)


class DiagonalGaussian(NamedTuple):
    """Independent Gaussians, their std the same in every state.

    Attributes:
        mean: [B, A].
        log_std: [A].
    """

    mean: Tensor
    log_std: Tensor

    @staticmethod
    def noise(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Standard Gaussian noise."""
        return generator.standard_normal(shape, dtype=np.float32)

    def sample(self, noise: Tensor) -> Tensor:
        """Actions [B, A], not clipped."""
        return torch.addcmul(self.mean, self.log_std.exp(), noise)

    def mode(self) -> Tensor:
        """The mean actions [B, A]."""
        return self.mean

    def log_prob(self, actions: Tensor) -> Tensor:
        """The logarithm of the density, [B], of actions [B, A].

        log p(a) = - sum_i ((a_i - m_i)^2 / (2 s_i^2) + log s_i + log(2 pi) / 2)
        """
        scaled = (actions - self.mean) * torch.exp(-self.log_std)
        constant = self.log_std.sum() + HALF_LOG_TWO_PI * self.log_std.numel()
        return -0.5 * scaled.square().sum(dim=-1) - constant

    def entropy(self) -> Tensor:
        """H = sum_i (log s_i + log(2 pi e) / 2), one number: it is the same in every row."""
        return self.log_std.sum() + (0.5 + HALF_LOG_TWO_PI) * self.log_std.numel()

    def kl_from(self, old: "Distribution") -> Tensor:
        """KL(old || self) = sum_i (log(s/s_old) + (s_old^2 + (m_old-m)^2) / (2 s^2) - 1/2), [B]."""
        assert isinstance(old, DiagonalGaussian)
        inverse_variance = torch.exp(-2 * self.log_std)
        variances = torch.expm1(2 * (old.log_std - self.log_std))
        distance = (old.mean - self.mean).square() * inverse_variance
        return (self.log_std - old.log_std + 0.5 * (variances + distance)).sum(dim=-1)

    def rows(self, index: Tensor | slice) -> "DiagonalGaussian":
        """The distribution of some rows."""
        return DiagonalGaussian(self.mean[index], self.log_std)

    def detached(self) -> "DiagonalGaussian":
        """The same numbers, kept as they are now and without a gradient."""
        return DiagonalGaussian(self.mean.detach(), self.log_std.detach().clone())


Distribution = Categorical | MultiCategorical | DiagonalGaussian
