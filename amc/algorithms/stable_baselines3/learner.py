"""Stable-Baselines3 behind the contract `Algorithm`: a model of SB3's, driven round by round.

SB3 owns the networks, the optimizers, the buffers and the update; here are the environment, the
count of steps, the generators and what a checkpoint holds. `learn()` is never called: a round of it
is (`rounds`), so that a training can be evaluated, saved, ended and gone on with between any two.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amc.algorithms.base import Algorithm, Mark, Metrics, ignore
from amc.algorithms.device import matrix_products
from amc.algorithms.random_streams import child
from amc.algorithms.stable_baselines3 import model_state
from amc.algorithms.stable_baselines3.construction import make_model
from amc.algorithms.stable_baselines3.global_generators import GlobalGenerators, seed_all
from amc.algorithms.stable_baselines3.vec_env import AsVecEnv, AsVecNormalize
from amc.config.sb3.settings_of_all import SB3Hyperparameters
from amc.config.schema import ExperimentConfig
from amc.environments.vector import Step, VectorEnvironment

# Random streams of one learner.
BEGINNING, FORK = range(2)

# An iteration is so many steps of all environments or a few more, in whole rounds, or fewer if that
# is more transitions than the second number: a second or two, after which a worker may save.
ITERATION_STEPS = 100
ITERATION_TRANSITIONS = 1000
_TOLD = ("train/", "rollout/exploration_rate")


class SB3Algorithm(Algorithm):
    """One of Stable-Baselines3's algorithms. Arguments as `Algorithm`.

    Attributes:
        kind: SB3's class.
        model: its instance.
        settings: the hyperparameters.
    """

    kind: ClassVar[Callable[..., Any]]
    remembers_raw: ClassVar[bool]

    def __init__(
        self,
        environment: VectorEnvironment,
        config: ExperimentConfig,
        seed: np.random.SeedSequence,
        mark: Mark = ignore,
    ) -> None:
        super().__init__(environment, config, seed, mark)
        self.settings = cast(SB3Hyperparameters, config.algorithm_config)
        self._normalizer = AsVecNormalize(environment)
        self._globals = GlobalGenerators(self.device)
        with self._globals.lent():
            self.model = self._make_model()

    def _make_model(self) -> Any:
        env = AsVecEnv(self.environment, self._stepped, self.observe, ends_raw=self.remembers_raw)
        model = make_model(
            type(self).kind,
            env,
            self.config,
            self.settings,
            seed=self._own_seed(BEGINNING),
            device=self.device,
        )
        # An observation that is there spares a reset, which is not due before the first step.
        model._last_obs = np.zeros((env.num_envs, self.observation_size), np.float32)
        _, self._callback = model._setup_learn(self.total_timesteps, reset_num_timesteps=False)
        # Of a rollout's first step that counts for a policy with a memory alone (`recurrent`).
        model._last_episode_starts = np.ones(env.num_envs, np.bool_)
        if self.remembers_raw and self.environment.is_normalized:
            model._vec_normalize_env = self._normalizer
        return model

    def _own_seed(self, stream: int) -> int:
        """Of 32 bits, which is what SB3 takes."""
        return int(child(self.seed, stream).generate_state(1)[0])

    def _stepped(self, actions: NDArray[Any]) -> Step:
        return self._normalizer.seen(self.step(actions))

    @property
    def n_updates(self) -> int:
        """Updates so far, as SB3 counts them."""
        return int(self.model._n_updates)

    def iterate(self) -> Metrics:
        """Some rounds of what `learn()` does, about a hundred steps, or one if it is longer."""
        most = min(ITERATION_STEPS, ITERATION_TRANSITIONS // self.environment.n_envs)
        until = self.num_timesteps + max(1, most) * self.environment.n_envs
        self.steps_left()  # refuses to go on beyond the budget
        model = self.model
        with (
            self._globals.lent(),
            matrix_products(self.config.training.precision),
            torch.enable_grad(),  # an environment may have switched gradients off
        ):
            while self.num_timesteps < until and not self.is_finished:
                self._begin()
                self._checked(self._round)
        metrics = self._metrics()
        model.logger.name_to_value.clear()
        return metrics

    def _begin(self) -> None:
        model = self.model
        model._last_obs = self.observe()
        model._last_original_obs = self.environment.raw_observation

    @abstractmethod
    def _round(self) -> None:
        """Collect as `learn()` does, never beyond the budget, and learn from it."""

    def _checked(self, work: Callable[[], None]) -> None:
        """Torch refuses distributions of what is no number; that is the trial's own doing."""
        try:
            work()
        except ValueError:
            self.require_finite({}, self._parameters())
            raise

    def _metrics(self) -> Metrics:
        """What SB3 has logged of the last rounds."""
        found = {
            name: float(value)
            for name, value in self.model.logger.name_to_value.items()
            if name.startswith(_TOLD)
        }
        if math.isnan(found.get("train/explained_variance", 0.0)):
            del found["train/explained_variance"]  # of returns that are all the same
        self.require_finite(found, self._parameters())
        return found

    def _parameters(self) -> Tensor:
        return torch.nn.utils.parameters_to_vector(self.model.policy.parameters()).detach()

    def predict(self, observation: NDArray[np.float32]) -> NDArray[Any]:
        """The policy's best actions for [B, D]."""
        actions: NDArray[Any] = self.model.policy.predict(observation, deterministic=True)[0]
        return actions

    def sample(
        self, observation: NDArray[np.float32], generator: np.random.Generator
    ) -> NDArray[Any]:
        """See `Algorithm`: drawn from the policy."""
        with self._drawing(generator, len(observation)):
            actions: NDArray[Any] = self.model.policy.predict(observation, deterministic=False)[0]
        return actions

    @contextmanager
    def _drawing(self, generator: np.random.Generator, count: int) -> Iterator[None]:
        """Let the policy draw so many actions, of a seed from `generator`."""
        with GlobalGenerators(self.device, int(generator.integers(2**32))).lent():
            if self.model.use_sde:  # whose matrix is drawn anew before it is next trained
                self.model.policy.reset_noise(count)
            yield

    def named_parameters(self) -> Iterable[tuple[str, Tensor]]:
        """The tensors of all networks, targets and statistics of layers among them."""
        yield from self.model.policy.state_dict().items()
        for name in self.model._get_torch_save_params()[1]:
            yield name, getattr(self.model, name)

    def fork(self) -> None:
        """See `Algorithm`; noise begins anew, too."""
        super().fork()
        with self._globals.lent():
            seed = self._own_seed(FORK)
            seed_all(seed)
            self.model.action_space.seed(seed)
            if self.model.action_noise is not None:
                self.model.action_noise.reset()

    def state_dict(self) -> dict[str, Any]:
        """See `Algorithm`; the replay buffer's filled rows are by far the largest part."""
        return super().state_dict() | {
            "model": model_state.captured(self.model),
            "generators": self._globals.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Algorithm`."""
        super().load_state_dict(state)
        model_state.restore(self.model, state["model"])
        self._globals.load_state_dict(state["generators"])
