"""The contract of a learning algorithm, and the registry that finds one by name.

    algorithm = algorithm_class("ppo")(environment, config, seed)
    while not algorithm.is_finished:
        metrics = algorithm.iterate()

An algorithm owns its networks, its optimizer, its memory and its generators; it is handed an
environment and steps it. Saving the environment's own state is the business of whoever made it.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from amc.algorithms.device import resolve_device
from amc.algorithms.random_streams import generator, generator_state, restore_generator
from amc.algorithms.spaces import action_kind, vector_size
from amc.config.hyperparameters import Hyperparameters
from amc.config.kernel import resolve_kernel
from amc.config.sb3 import naming
from amc.config.schema import ExperimentConfig
from amc.environments.vector import Play, Step, VectorEnvironment
from amc.errors import CheckpointError, TrainingError, UsageError
from amc.plugins import resolve

GROUP = "amc.algorithms"
BUILT_IN = {"ppo": "amc.algorithms.ppo:PPO", "ddpg": "amc.algorithms.ddpg:DDPG"}
SB3 = {
    "sb3:PPO": "amc.algorithms.stable_baselines3.classes:SB3PPO",
    "sb3:A2C": "amc.algorithms.stable_baselines3.classes:A2C",
    "sb3:DQN": "amc.algorithms.stable_baselines3.classes:DQN",
    "sb3:DDPG": "amc.algorithms.stable_baselines3.classes:SB3DDPG",
    "sb3:TD3": "amc.algorithms.stable_baselines3.classes:TD3",
    "sb3:SAC": "amc.algorithms.stable_baselines3.classes:SAC",
    "sb3:TRPO": "amc.algorithms.stable_baselines3.contrib_classes:TRPO",
    "sb3:RecurrentPPO": "amc.algorithms.stable_baselines3.recurrent:RecurrentPPO",
    "sb3:QRDQN": "amc.algorithms.stable_baselines3.contrib_classes:QRDQN",
    "sb3:TQC": "amc.algorithms.stable_baselines3.contrib_classes:TQC",
    "sb3:CrossQ": "amc.algorithms.stable_baselines3.contrib_classes:CrossQ",
}


Metrics = dict[str, float]
Mark = Callable[[str], None]


def ignore(event: str) -> None:
    """Take no notice of a progress mark."""


class Algorithm(ABC):
    """One learner with its environment, from the first step to the last.

    Args:
        environment: what is learned from; its exact state is saved by its owner, not here.
        config: the resolved config; `algorithm_config` is an instance of `Hyperparameters`.
        seed: where every random draw comes from.
        mark: called with "step" and "update" as they happen, so that a supervisor sees life.

    Raises:
        UsageError: the action space is not one the algorithm can act in, or the device is absent.

    Attributes:
        Hyperparameters: the model of `algorithm_config`.
        has_memory: whether what the policy does depends on what it saw before in an episode. Such
            a one overrides `act` and `player`, and `predict` acts as at an episode's start.
        num_timesteps: environment steps so far, over all copies.
        total_timesteps: `training.total_timesteps` rounded up to whole steps of all copies.
    """

    Hyperparameters: ClassVar[type[Hyperparameters]]
    has_memory: ClassVar[bool] = False

    def __init__(
        self,
        environment: VectorEnvironment,
        config: ExperimentConfig,
        seed: np.random.SeedSequence,
        mark: Mark = ignore,
    ) -> None:
        kind = action_kind(environment.action_space)
        if kind not in self.Hyperparameters.action_spaces:
            allowed = " or ".join(sorted(self.Hyperparameters.action_spaces))
            raise UsageError(
                f"algorithm: {config.algorithm!r} needs {allowed} actions, but "
                f"{config.environment.name!r} has {kind} actions. Choose another algorithm."
            )
        self.environment = environment
        self.config = config
        self.seed = seed
        self.mark = mark
        self.kernel = resolve_kernel(config)
        # The fast kernel computes on the CPU, on machines with a GPU too.
        self.device = resolve_device("cpu" if self.kernel == "fast" else config.training.device)
        self.observation_size = vector_size(environment.observation_space)
        self.num_timesteps = 0
        n_envs = environment.n_envs
        self.total_timesteps = -(-config.training.total_timesteps // n_envs) * n_envs
        self._observation: NDArray[np.float32] | None = None

    @property
    def is_finished(self) -> bool:
        """Whether every step of the budget was taken."""
        return self.num_timesteps >= self.total_timesteps

    @abstractmethod
    def iterate(self) -> Metrics:
        """Collect some steps, learn from them, and return metrics under SB3's tags.

        Never steps beyond `total_timesteps`. Between two calls the learner may be saved.

        Raises:
            TrainingError: a loss is not finite, or every step was already taken.
        """

    @abstractmethod
    def predict(self, observation: NDArray[np.float32]) -> NDArray[Any]:
        """The deterministic actions, int64 [B] or float32 [B, A], for observations [B, D]."""

    def sample(
        self, observation: NDArray[np.float32], generator: np.random.Generator
    ) -> NDArray[Any]:
        """Actions as exploration draws them, for observations [B, D]; `predict`'s unless it does.

        Args:
            observation: as `predict` takes it.
            generator: where the draws come from; the learner's own stay as they are.
        """
        return self.predict(observation)

    def act(
        self,
        observation: NDArray[np.float32],
        memory: Any = None,
        generator: np.random.Generator | None = None,
    ) -> tuple[NDArray[Any], Any]:
        """Act in episodes that go on, one for each of the observations [B, D].

        Args:
            observation: as `predict` takes it.
            memory: what the last call returned; None where all of the episodes begin.
            generator: draw as `sample` does, from this; None for the deterministic actions.

        Returns:
            Actions, and the memory for the next call: None of a policy that has none.
        """
        if generator is None:
            return self.predict(observation), None
        return self.sample(observation, generator), None

    def player(self, environment: VectorEnvironment) -> Play | None:
        """Who acts as `predict` does, in one call for many steps; None where nobody can."""
        return None

    @abstractmethod
    def named_parameters(self) -> Iterable[tuple[str, torch.Tensor]]:
        """Every learned tensor with its name, in a fixed order."""

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on with the same bits: plain values and CPU tensors, all copies.

        A subclass adds its own entries to these.
        """
        observation = self._observation
        return {
            "algorithm": self.config.algorithm,
            "num_timesteps": self.num_timesteps,
            "observation": None if observation is None else torch.tensor(observation),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state made by `state_dict`; the environment must be restored beside it.

        Raises:
            CheckpointError: the state belongs to another algorithm, network or environment.
        """
        if state["algorithm"] != self.config.algorithm:
            raise CheckpointError(
                f"checkpoint: it was made by {state['algorithm']!r}, not by "
                f"{self.config.algorithm!r}. Resume with the config it belongs to."
            )
        self.num_timesteps = state["num_timesteps"]
        observation = state["observation"]
        self._observation = None if observation is None else observation.numpy().copy()

    def fork(self) -> None:
        """After `load_state_dict`: begin new episodes, and draw from streams of one's own seed.

        The environment is forked beside it.
        """
        self._observation = None
        for stream, drawn_from in self.generators().items():
            restore_generator(drawn_from, generator_state(generator(self.seed, stream)))

    def generators(self) -> Mapping[int, np.random.Generator]:
        """Every generator that training draws from, by its stream; a subclass names its own."""
        return {}

    def observe(self) -> NDArray[np.float32]:
        """The observation to act on, [N, D]; resets the environment before the first step."""
        if self._observation is None:
            self._observation = self.environment.reset()
        return self._observation

    def step(self, actions: NDArray[Any]) -> Step:
        """Step the environment, count the steps, and remember what to act on next."""
        step = self.environment.step(actions)
        self.stepped(step.observation, 1)
        return step

    def stepped(self, observation: NDArray[np.float32], n_steps: int) -> None:
        """Count steps of all copies, and remember what to act on next."""
        self._observation = observation
        self.num_timesteps += n_steps * self.environment.n_envs
        self.mark("step")

    def require_finite(self, metrics: Metrics, parameters: torch.Tensor) -> None:
        """Refuse to go on after an update that left the numbers.

        Raises:
            TrainingError: a metric or a parameter is infinite or not a number.
        """
        wrong = [name for name, value in metrics.items() if not math.isfinite(value)]
        if not torch.isfinite(parameters).all():
            wrong.append("the network's parameters")
        if wrong:
            raise TrainingError(
                f"{self.config.algorithm}: after {self.num_timesteps} steps, not finite: "
                f"{', '.join(wrong)}. Lower optimizer.learning_rate (it is "
                f"{self.config.optimizer.learning_rate}), add the wrappers normalize_observation "
                "and normalize_reward, and check that the environment's rewards and "
                "observations are finite."
            )

    def steps_left(self) -> int:
        """How many steps of all copies together the budget still holds.

        Raises:
            TrainingError: none.
        """
        if self.is_finished:
            raise TrainingError(
                f"training.total_timesteps: all {self.total_timesteps} steps were taken. "
                "Raise the budget to train on."
            )
        return (self.total_timesteps - self.num_timesteps) // self.environment.n_envs


def algorithm_class(name: str) -> type[Algorithm]:
    """The class of an algorithm: built in, an entry point of `amc.algorithms`, or `module:Class`.

    Raises:
        UsageError: nothing has that name, what has it is not an algorithm, or it is of an extra
            that is not installed.
    """
    if naming.is_sb3(name) and name not in SB3:
        raise UsageError(f"algorithm: {naming.unknown_name(name, SB3)}")
    if (reason := naming.lacking(name)) is not None:
        raise UsageError(f"algorithm: {reason}")
    found = resolve(name, built_in=BUILT_IN | SB3, group=GROUP, kind="algorithm")
    if not (isinstance(found, type) and issubclass(found, Algorithm)):
        raise UsageError(
            f"algorithm: {name!r} is {found!r}, not a subclass of amc.algorithms.base.Algorithm."
        )
    return found


def load_parameters(parameters: torch.Tensor, saved: torch.Tensor) -> None:
    """Copy saved parameters over a learner's own, in place.

    Raises:
        CheckpointError: the numbers of parameters differ.
    """
    if saved.shape != parameters.shape:
        raise CheckpointError(
            f"checkpoint: it holds {tuple(saved.shape)} parameters, but this network has "
            f"{tuple(parameters.shape)}. It belongs to another algorithm_config or environment."
        )
    with torch.no_grad():
        parameters.copy_(saved)
