"""Proximal Policy Optimization: collect a rollout, learn from it for some epochs, forget it.

    repeat: run the policy for n_steps in n_envs environments
            estimate advantages by GAE
            for n_epochs: for each shuffled minibatch: descend on
                -min(r A, clip(r) A) + vf_coef (V - R)^2 - ent_coef H + kl_coef KL(old || new)

Source: Schulman et al. 2017, https://arxiv.org/abs/1707.06347. What its implementations do besides:
Huang et al. 2022, https://iclr-blog-track.github.io/2022/03/25/ppo-implementation-details/.
"""

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from gymnasium.spaces import Box
from numpy.typing import NDArray

from amc.algorithms.base import Algorithm, Mark, Metrics, ignore
from amc.algorithms.device import matrix_products
from amc.algorithms.distributions import Categorical, DiagonalGaussian
from amc.algorithms.kernels.ppo import PIECE, FastPPOLearner
from amc.algorithms.learning_rate import scheduled_learning_rate
from amc.algorithms.networks import ActorCritic
from amc.algorithms.ppo_learner import PPOLearner
from amc.algorithms.random_streams import (
    generator,
    generator_state,
    restore_generator,
    torch_generator,
)
from amc.algorithms.returns import explained_variance
from amc.algorithms.rollout import Rollout, RolloutBuffer
from amc.algorithms.spaces import choice_counts, example_action, policy_size
from amc.config.hyperparameters import PPOHyperparameters
from amc.config.kernel import Kernel
from amc.config.schema import ExperimentConfig
from amc.environments.inside import inside
from amc.environments.vector import Play, VectorEnvironment
from amc.environments.walking import walking

_LOG = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Collector = Callable[[Floats, Floats, RolloutBuffer], Floats]

# Random streams of one learner.
INITIAL_WEIGHTS, EXPLORATION, MINIBATCHES = range(3)

# By `training.kernel`.
LEARNERS: dict[Kernel, type[PPOLearner]] = {"fast": FastPPOLearner, "reference": PPOLearner}


class PPO(Algorithm):
    """PPO with a clipped objective and, if wanted, an adaptive KL penalty.

    For discrete actions (Categorical), several choices at once (one Categorical each) and
    continuous ones (Gaussian, its std learned but the same in every state). Several choices are
    the reference's work: the fast kernel learns from one alone. Arguments as `Algorithm`.

    Attributes:
        learner: the networks and their update.
        n_updates: epochs begun so far.
    """

    Hyperparameters = PPOHyperparameters

    def __init__(
        self,
        environment: VectorEnvironment,
        config: ExperimentConfig,
        seed: np.random.SeedSequence,
        mark: Mark = ignore,
    ) -> None:
        super().__init__(environment, config, seed, mark)
        self.settings = cast(PPOHyperparameters, config.algorithm_config)
        self.learner = self._make_learner()
        self.n_updates = 0
        self._inside = inside(environment)
        self._walking = walking(environment)
        self._exploration = generator(seed, EXPLORATION)
        self._minibatches = generator(seed, MINIBATCHES)
        self._buffer = RolloutBuffer(
            min(self.settings.n_steps, self.steps_left()),
            environment.n_envs,
            self.observation_size,
            example_action(environment.action_space),
        )

    def _make_learner(self) -> PPOLearner:
        space = self.environment.action_space
        counts = choice_counts(space)
        if counts and self.kernel == "fast":
            self.kernel = "reference"
            _LOG.warning("training.kernel: 'reference' computes %s; 'fast' cannot.", space)
        network = ActorCritic(
            self.observation_size,
            policy_size(space),
            discrete=not isinstance(space, Box),
            counts=counts,
            hidden_sizes=self.settings.hidden_sizes,
            activation=self.settings.activation,
            precision=self.config.training.precision,
        )
        network.initialize(
            torch_generator(self.seed, INITIAL_WEIGHTS),
            orthogonal=self.settings.ortho_init,
            log_std=self.settings.log_std_init,
        )
        return LEARNERS[self.kernel](
            network,
            self.config.optimizer,
            settings=self.settings,
            device=self.device,
            mark=self.mark,
        )

    def iterate(self) -> Metrics:
        """Collect one rollout (the last one may be shorter) and learn from it."""
        progress = self.num_timesteps / self.total_timesteps
        learning_rate = scheduled_learning_rate(self.config.optimizer, progress)
        rollout = self._collect()
        order = self._order(len(rollout.values))
        with matrix_products(self.config.training.precision):
            metrics = self.learner.update(rollout, order, learning_rate)
        self.n_updates += int(metrics.pop("epochs"))
        self.require_finite(metrics, self.learner.parameters)
        metrics |= {
            "train/learning_rate": learning_rate,
            "train/clip_range": self.settings.clip_range,
            "train/n_updates": float(self.n_updates),
        }
        explained = explained_variance(rollout.values, rollout.returns)
        return (
            metrics if math.isnan(explained) else metrics | {"train/explained_variance": explained}
        )

    def _collect(self) -> Rollout:
        settings, buffer = self.settings, self._buffer
        buffer.clear()
        noise = self._noise(min(settings.n_steps, self.steps_left()))
        if (collect := self._collector()) is not None:
            for part in _pieces(noise):
                self.stepped(collect(self.observe(), part, buffer), len(part))
        else:
            for drawn in noise:
                observation = self.observe()
                action = self.learner.act(observation, drawn)
                buffer.add(observation, action, self.step(action))
        return buffer.finish(
            self.learner.values, gamma=settings.gamma, gae_lambda=settings.gae_lambda
        )

    def _collector(self) -> Collector | None:
        """Who takes many steps at once, where somebody can."""
        if not isinstance(self.learner, FastPPOLearner):
            return None
        if self._inside is not None:
            return partial(self.learner.collect, self._inside)
        if self._walking is not None:
            return partial(self.learner.walk, self._walking)
        return None

    def _noise(self, n_steps: int) -> NDArray[np.float32]:
        """Noise for the next steps, [n_steps, N, A], drawn at once: it costs less."""
        return self._drawn(self._exploration, n_steps, self.environment.n_envs)

    def _drawn(self, generator: np.random.Generator, *shape: int) -> NDArray[np.float32]:
        """Noise that makes actions of a policy's outputs, [*shape, A]."""
        space = self.environment.action_space
        kind = DiagonalGaussian if isinstance(space, Box) else Categorical
        return kind.noise(generator, (*shape, policy_size(space)))

    def generators(self) -> Mapping[int, np.random.Generator]:
        """See `Algorithm`."""
        return {EXPLORATION: self._exploration, MINIBATCHES: self._minibatches}

    def _order(self, size: int) -> NDArray[np.int64]:
        """In which order each epoch visits the rows of a rollout, [n_epochs, size]."""
        rows = np.tile(np.arange(size), (self.settings.n_epochs, 1))
        return self._minibatches.permuted(rows, axis=1)

    def predict(self, observation: NDArray[np.float32]) -> NDArray[Any]:
        """The most probable actions for [B, D]; those of a Box lie within its bounds."""
        return self._within_bounds(self.learner.act_greedily(observation))

    def sample(
        self, observation: NDArray[np.float32], generator: np.random.Generator
    ) -> NDArray[Any]:
        """See `Algorithm`: drawn from the policy."""
        noise = self._drawn(generator, len(observation))
        return self._within_bounds(self.learner.act(observation, noise))

    def _within_bounds(self, actions: NDArray[Any]) -> NDArray[Any]:
        space = self.environment.action_space
        return np.clip(actions, space.low, space.high) if isinstance(space, Box) else actions

    def player(self, environment: VectorEnvironment) -> Play | None:
        """See `Algorithm`."""
        parts = inside(environment, is_frozen=True)
        if parts is None or not isinstance(self.learner, FastPPOLearner):
            return None
        return partial(self.learner.play, parts)

    def named_parameters(self) -> Iterable[tuple[str, torch.Tensor]]:
        """The parameters of policy and value network."""
        return self.learner.network.named_parameters()

    def state_dict(self) -> dict[str, Any]:
        """See `Algorithm`; a rollout never outlives an iteration, so none is saved."""
        return super().state_dict() | {
            "learner": self.learner.state_dict(),
            "n_updates": self.n_updates,
            "exploration": generator_state(self._exploration),
            "minibatches": generator_state(self._minibatches),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Algorithm`."""
        super().load_state_dict(state)
        self.learner.load_state_dict(state["learner"])
        self.n_updates = state["n_updates"]
        restore_generator(self._exploration, state["exploration"])
        restore_generator(self._minibatches, state["minibatches"])


def _pieces(noise: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Noise [T, N, A] for a bounded number of steps at a time."""
    n_steps = max(1, PIECE // noise.shape[1])
    return (noise[start : start + n_steps] for start in range(0, len(noise), n_steps))
