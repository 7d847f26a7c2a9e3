"""One round of what SB3's `learn()` does, by the family of the algorithm; the last is shortened."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit

from amc.algorithms.spaces import ActionRange, policy_size
from amc.algorithms.stable_baselines3.learner import SB3Algorithm
from amc.config.sb3.off_policy import (
    ContinuousHyperparameters,
    OffPolicyHyperparameters,
    ValueHyperparameters,
)
from amc.config.sb3.on_policy import OnPolicyHyperparameters


class OnPolicy(SB3Algorithm):
    """Collects a rollout, learns from it, and forgets it."""

    remembers_raw = False

    def _round(self) -> None:
        settings, model = cast(OnPolicyHyperparameters, self.settings), self.model
        n_steps = min(settings.n_steps, self.steps_left())
        # The buffer makes its arrays anew for each rollout, of this size.
        model.rollout_buffer.buffer_size = n_steps
        model.collect_rollouts(model.env, self._callback, model.rollout_buffer, n_steps)
        model._update_current_progress_remaining(self.num_timesteps, self.total_timesteps)
        # Of a single sample, which a budget may leave, no deviation can be taken.
        if n_steps * self.environment.n_envs > 1:
            model.train()
            self.mark("update")


class OffPolicy(SB3Algorithm):
    """Remembers some steps, and learns from random memories."""

    remembers_raw = True

    def _round(self) -> None:
        settings, model = cast(OffPolicyHyperparameters, self.settings), self.model
        collected = model.collect_rollouts(
            model.env,
            self._callback,
            train_freq=self._train_freq(),
            replay_buffer=model.replay_buffer,
            action_noise=model.action_noise,
            learning_starts=settings.learning_starts,
            log_interval=None,
        )
        if self.num_timesteps > settings.learning_starts:
            updates = settings.gradient_steps
            updates = collected.episode_timesteps if updates < 0 else updates
            if updates > 0:
                model.train(batch_size=settings.batch_size, gradient_steps=updates)
                self.mark("update")

    def _train_freq(self) -> Any:
        frequency = cast(OffPolicyHyperparameters, self.settings).train_freq
        if isinstance(frequency, int):
            return TrainFreq(min(frequency, self.steps_left()), TrainFrequencyUnit.STEP)
        return _Episodes(frequency[0], self)


@dataclass(frozen=True)
class _Episodes:
    """So many episodes, or none any more once the budget is used up; SB3 asks after every step."""

    count: int
    learner: SB3Algorithm
    unit = TrainFrequencyUnit.EPISODE

    @property
    def frequency(self) -> int:
        """How many episodes are awaited."""
        return 0 if self.learner.is_finished else self.count


class Continuous(OffPolicy):
    """Of continuous actions, with noise if it is wanted."""

    def sample(
        self, observation: NDArray[np.float32], generator: np.random.Generator
    ) -> NDArray[Any]:
        """See `Algorithm`: with Gaussian noise of the same deviation, whichever kind it is."""
        actions = super().sample(observation, generator)
        noise = cast(ContinuousHyperparameters, self.settings).action_noise
        if noise is None:
            return actions
        bounds = ActionRange(self.environment.action_space)
        scaled = (actions - bounds.center) / bounds.radius
        scaled = scaled + generator.normal(noise.mean, noise.sigma, actions.shape)
        return bounds.to_environment(scaled.clip(-1, 1).astype(np.float32))


class Value(OffPolicy):
    """Of discrete actions, by the value of each."""

    def sample(
        self, observation: NDArray[np.float32], generator: np.random.Generator
    ) -> NDArray[Any]:
        """See `Algorithm`: at random as often as at the end of training."""
        settings = cast(ValueHyperparameters, self.settings)
        is_random = generator.random(len(observation)) < settings.exploration_final_eps
        n_actions = policy_size(self.environment.action_space)
        at_random = generator.integers(n_actions, size=len(observation))
        return np.where(is_random, at_random, self.predict(observation))
