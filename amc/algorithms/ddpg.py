"""Deep Deterministic Policy Gradient: act with noise, remember, learn from random memories.

    repeat: a = clip(mu(s) + noise, -1, 1);  remember (s, a, r, s', terminated)
            critic: descend on (Q(s, a) - r - gamma (1 - terminated) Q'(s', mu'(s')))^2
            actor:  ascend on Q(s, mu(s))
            targets: theta' <- theta' + tau (theta - theta')

Source: Lillicrap et al. 2016, https://arxiv.org/abs/1509.02971.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amc.algorithms.base import Algorithm, Mark, Metrics, ignore
from amc.algorithms.ddpg_learner import DDPGLearner
from amc.algorithms.device import matrix_products
from amc.algorithms.kernels.ddpg import FastDDPGLearner
from amc.algorithms.learning_rate import scheduled_learning_rate
from amc.algorithms.networks import DeterministicActorCritic, initialize_uniform
from amc.algorithms.noise import NormalNoise, make_noise
from amc.algorithms.random_streams import (
    generator,
    generator_state,
    restore_generator,
    torch_generator,
)
from amc.algorithms.replay import ReplayBuffer
from amc.algorithms.spaces import ActionRange, policy_size
from amc.config.hyperparameters import DDPGHyperparameters
from amc.config.kernel import Kernel
from amc.config.schema import ExperimentConfig
from amc.environments.vector import VectorEnvironment

# Random streams of one learner.
INITIAL_WEIGHTS, EXPLORATION, MEMORIES = range(3)

# By `training.kernel`.
LEARNERS: dict[Kernel, type[DDPGLearner]] = {"fast": FastDDPGLearner, "reference": DDPGLearner}

# One iteration is so many steps of all environments, or fewer if that is more transitions than
# the second number: a second or two, after which a worker may save, evaluate or stop.
ITERATION_STEPS = 100
ITERATION_TRANSITIONS = 1000


class DDPG(Algorithm):
    """DDPG with Ornstein-Uhlenbeck or Gaussian noise, for bounded continuous actions.

    Arguments as `Algorithm`. Everything inside works on actions scaled to [-1, 1].

    Attributes:
        learner: the networks and their update.
        action_range: from [-1, 1] to the environment's bounds.
        replay: what was seen.
        n_updates: gradient steps so far.
    """

    Hyperparameters = DDPGHyperparameters

    def __init__(
        self,
        environment: VectorEnvironment,
        config: ExperimentConfig,
        seed: np.random.SeedSequence,
        mark: Mark = ignore,
    ) -> None:
        super().__init__(environment, config, seed, mark)
        self.settings = cast(DDPGHyperparameters, config.algorithm_config)
        self._action_size = policy_size(environment.action_space)
        self.action_range = ActionRange(environment.action_space)
        self.learner = self._make_learner()
        capacity = min(self.settings.buffer_size, self.total_timesteps)
        self.replay = ReplayBuffer(
            capacity,
            self.observation_size,
            self._action_size,
            self.device,
            normalizer=environment if environment.is_normalized else None,
        )
        self.n_updates = 0
        self._exploration = generator(seed, EXPLORATION)
        self._memories = generator(seed, MEMORIES)
        self._noise = self._make_noise()

    def _make_learner(self) -> DDPGLearner:
        network = DeterministicActorCritic(
            self.observation_size,
            self._action_size,
            hidden_sizes=self.settings.hidden_sizes,
            activation=self.settings.activation,
            precision=self.config.training.precision,
        )
        initialize_uniform(network, torch_generator(self.seed, INITIAL_WEIGHTS))
        return LEARNERS[self.kernel](
            network, self.config.optimizer, settings=self.settings, device=self.device
        )

    def _make_noise(self) -> NormalNoise:
        return make_noise(
            self.settings.noise_type,
            (self.environment.n_envs, self._action_size),
            self._exploration,
            std=self.settings.noise_std,
            theta=self.settings.noise_theta,
            dt=self.settings.noise_dt,
        )

    def iterate(self) -> Metrics:
        """Take some steps, at most about a thousand, and learn after each `train_freq` of them."""
        per_iteration = min(ITERATION_STEPS, ITERATION_TRANSITIONS // self.environment.n_envs)
        losses: list[Tensor] = []
        learning_rate = self.config.optimizer.learning_rate
        for _ in range(min(max(1, per_iteration), self.steps_left())):
            progress = self.num_timesteps / self.total_timesteps
            learning_rate = scheduled_learning_rate(self.config.optimizer, progress)
            self._collect_step()
            if self._is_time_to_learn():
                losses += self._learn(learning_rate)
        return self._metrics(losses, learning_rate)

    def _collect_step(self) -> None:
        actions = self._explore(self.observe())
        raw = self.environment.raw_observation
        step = self.step(self.action_range.to_environment(actions))
        self.replay.add(raw, actions, step)
        self._noise.reset(step.terminated | step.truncated)

    def _explore(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Uniform actions until `learning_starts`, then the policy's with noise; [N, A]."""
        if self.num_timesteps < self.settings.learning_starts:
            shape = (self.environment.n_envs, self._action_size)
            return self._exploration.uniform(-1, 1, shape).astype(np.float32)
        actions = self.learner.act(observation) + self._noise.sample()
        return actions.clip(-1, 1)

    def _is_time_to_learn(self) -> bool:
        steps = self.num_timesteps // self.environment.n_envs
        has_begun = self.num_timesteps > self.settings.learning_starts
        return has_begun and steps % self.settings.train_freq == 0

    def _learn(self, learning_rate: float) -> list[Tensor]:
        losses = []
        with matrix_products(self.config.training.precision):
            for _ in range(self.settings.gradient_steps):
                losses.append(self.learner.learn(self.replay, self._memories, learning_rate))
                self.mark("update")
        self.n_updates += len(losses)
        return losses

    def fork(self) -> None:
        """See `Algorithm`; new episodes begin with noise of their own."""
        super().fork()
        self._noise.reset(np.ones(self.environment.n_envs, np.bool_))

    def generators(self) -> Mapping[int, np.random.Generator]:
        """See `Algorithm`."""
        return {EXPLORATION: self._exploration, MEMORIES: self._memories}

    def _metrics(self, losses: list[Tensor], learning_rate: float) -> Metrics:
        metrics = {"train/learning_rate": learning_rate, "train/n_updates": float(self.n_updates)}
        if losses:
            actor_loss, critic_loss = torch.stack(losses).mean(dim=0).tolist()
            metrics |= {"train/actor_loss": actor_loss, "train/critic_loss": critic_loss}
            self.require_finite(metrics, self.learner.parameters)
        return metrics

    def predict(self, observation: NDArray[np.float32]) -> NDArray[Any]:
        """The policy's actions, without noise, for [B, D]."""
        return self.action_range.to_environment(self.learner.act(observation))

    def sample(
        self, observation: NDArray[np.float32], generator: np.random.Generator
    ) -> NDArray[Any]:
        """See `Algorithm`: with Gaussian noise of `noise_std`, whichever kind training has."""
        actions = self.learner.act(observation)
        noise = generator.normal(0.0, self.settings.noise_std, actions.shape)
        return self.action_range.to_environment((actions + noise).clip(-1, 1).astype(np.float32))

    def named_parameters(self) -> Iterable[tuple[str, Tensor]]:
        """The parameters of the networks and of their slow followers."""
        yield from self.learner.network.named_parameters()
        yield from self.learner.target.named_parameters(prefix="target")

    def state_dict(self) -> dict[str, Any]:
        """See `Algorithm`; the replay buffer's filled rows are by far the largest part."""
        return super().state_dict() | {
            "learner": self.learner.state_dict(),
            "replay": self.replay.state_dict(),
            "noise": self._noise.state_dict(),
            "n_updates": self.n_updates,
            "exploration": generator_state(self._exploration),
            "memories": generator_state(self._memories),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Algorithm`."""
        super().load_state_dict(state)
        self.learner.load_state_dict(state["learner"])
        self.replay.load_state_dict(state["replay"])
        self._noise.load_state_dict(state["noise"])
        self.n_updates = state["n_updates"]
        restore_generator(self._exploration, state["exploration"])
        restore_generator(self._memories, state["memories"])
