"""The agent as an object: act, evaluate, play, hand on.

    agent = amc.experiment("cartpole").agent()
    action = agent.predict(observation)

Its door is `Agent`.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from numpy.random import SeedSequence

from amc.algorithms.base import Algorithm, algorithm_class
from amc.environments import make, make_acting
from amc.environments.acting import Environment
from amc.environments.actions import action_layout
from amc.environments.factory import make_evaluation, wrapper_states
from amc.environments.normalization import observation_statistics
from amc.environments.vector import VectorEnvironment
from amc.errors import UsageError
from amc.playback.learned import Learned
from amc.playback.observing import Observer
from amc.training.evaluation import evaluate, summary
from amc.training.training import EVALUATION


@dataclass(frozen=True)
class Performance:
    """What an agent earned in some episodes, in the environment's own reward.

    Attributes:
        mean: of the returns.
        std: standard deviation of the returns.
        returns: of each episode, in the order in which they ended.
        lengths: of each episode, in steps.
        cut: how many were cut off for want of any limit of their own.
    """

    mean: float
    std: float
    returns: tuple[float, ...]
    lengths: tuple[int, ...]
    cut: int = 0


class Agent:
    """A trained policy that acts on what its environment shows.

    Args:
        learned: what a checkpoint or a package holds.

    Raises:
        EnvironmentFault: the environment that it was trained in cannot be made here.
        CheckpointError: what was learned does not fit the config.

    Attributes:
        origin: where it comes from, and what it scored.
        config: that it was trained with.
        algorithm: the learner, which acts.
        action_space: of the environment.
        observation_space: of the environment.
        metadata: of the environment, `render_fps` among it.
    """

    def __init__(self, learned: Learned) -> None:
        # Not `learned` itself: it may hold a replay buffer.
        self.origin, self.config = learned.origin, learned.config
        self.trained_in = learned.environment
        self.algorithm = _algorithm(learned)
        self._normalizer = self._make_normalizer()
        with closing(self.make_environment()) as environment:
            self.observation_space: spaces.Space[Any] = environment.observation_space
            self.action_space: spaces.Space[Any] = environment.action_space
            self.metadata: Mapping[str, Any] = environment.metadata or {}
        self._observer = Observer(self.observation_space, self.name)
        # Made anew for each action it would take 50 us, and all the rest of `predict` takes 30.
        self._one_action = action_layout(self.action_space, 1, self.name)
        self._memory: Any = None
        self._draws = np.random.default_rng(SeedSequence(self.config.seed))

    def __repr__(self) -> str:
        score = "not evaluated" if self.score is None else f"score {self.score:g}"
        return (
            f"<Agent {self.config.algorithm} in {self.name}, {self.origin.step:,} steps, {score}>"
        )

    @property
    def name(self) -> str:
        """The environment's, as the config has it."""
        return self.config.environment.name

    @property
    def score(self) -> float | None:
        """Mean return of its last evaluation in training; None before the first one."""
        return self.origin.score

    @property
    def has_memory(self) -> bool:
        """Whether what it does depends on what it saw before, since `begin_episode`."""
        return self.algorithm.has_memory

    def begin_episode(self) -> None:
        """Forget what was seen: the next observation is the first one of an episode.

        Of an agent without a memory it changes nothing.
        """
        self._memory = None

    def predict(self, observation: Any, deterministic: bool = True) -> Any:
        """What it does where it sees this; with a memory, after what it saw before.

        Args:
            observation: as `make_environment()` returns it, not normalised; one, or, unless it has
                a memory, a batch of them along a new first axis.
            deterministic: whether to take the action that it holds best; otherwise one as
                exploration in training would.

        Returns:
            An action that the environment's `step` takes; of a batch, one per row.

        Raises:
            ShapeError: that is no observation of the environment.
            UsageError: a batch, and it has a memory.
        """
        raw, is_single = self._observer.read(observation)
        if self.has_memory and not is_single:
            raise UsageError(
                f"predict: a batch of {len(raw)}, but {self.config.algorithm} remembers the one "
                "episode that it acts in. Give one observation at a time, and call begin_episode() "
                "where an episode begins."
            )
        seen = self._normalizer.normalize_observation(raw)
        generator = None if deterministic else self._draws
        chosen, self._memory = self.algorithm.act(seen, self._memory, generator)
        if is_single:
            return self._one_action.prepare(chosen)[0]
        return np.asarray(action_layout(self.action_space, len(raw), self.name).prepare(chosen))

    def seed(self, seed: int) -> None:
        """Make what follows of `predict(..., deterministic=False)` repeatable."""
        self._draws = np.random.default_rng(SeedSequence(seed))

    def make_environment(self, render_mode: str | None = None) -> Environment:
        """The environment that it was trained in, with the same wrappers and time limit.

        What normalises is in the agent, so observations and rewards are raw here.

        Args:
            render_mode: gymnasium's: "rgb_array" for pictures, "human" for a window.

        Raises:
            EnvironmentFault: it cannot be made.
        """
        return make_acting(
            self.config.environment,
            wrapper_states(self.trained_in),
            render_mode=render_mode,
            bound=self.config.training.eval_max_episode_steps,
        )

    def evaluate(self, n_episodes: int | None = None, seed: int | None = None) -> Performance:
        """Play episodes and say what they earned.

        Without arguments these are the episodes of its last evaluation in training: on the same
        type of CPU their mean is the recorded score, to the last bit.

        Args:
            n_episodes: how many; as many as training evaluated if None.
            seed: of the episodes; those of the last evaluation if None.

        Raises:
            UsageError: fewer than one episode.
            TrainingError: a return is not finite.
        """
        n_episodes = self.config.training.eval_episodes if n_episodes is None else n_episodes
        if n_episodes < 1:
            raise UsageError(f"evaluate: n_episodes is {n_episodes}. At least 1 is meant.")
        training = self.config.training.model_copy(update={"eval_episodes": n_episodes})
        config = self.config.model_copy(update={"training": training})
        with _threads(training.threads):
            played = evaluate(self.algorithm, config, self.trained_in, self.episodes(seed))
        assert played is not None, "nobody interrupts this"
        found = summary(played, step=self.origin.step, seconds=0.0)
        return Performance(
            mean=found.score,
            std=found.std,
            returns=tuple(episode.reward for episode in played.episodes),
            lengths=tuple(episode.length for episode in played.episodes),
            cut=played.cut,
        )

    def export(self, form: Literal["onnx"], path: str | Path) -> None:
        """Write the deterministic policy with its normaliser for programs without amc.

        In: `observation`, float32 [B, D], raw and flat. Out: `action` [B, ...], as `predict` gives
        it.

        Args:
            form: "onnx", which takes the extra of that name.
            path: the file.

        Raises:
            UsageError: another form, an algorithm of a plug-in, or the extra is not installed.
        """
        if form != "onnx":
            raise UsageError(f"export: {form!r} is not a form of file that is known. Use 'onnx'.")
        try:
            from amc.playback.onnx_export import export_onnx
        except ModuleNotFoundError as error:
            raise UsageError(
                f"export: {error.name} is not installed. "
                "Install it: pip install 'ai-mission-control[onnx]'"
            ) from error
        statistics = observation_statistics(self.trained_in)
        export_onnx(self.algorithm, statistics, self.action_space, Path(path))

    def _make_normalizer(self) -> VectorEnvironment:
        """Whose `normalize_observation` is that of the policy; nothing is ever stepped in it."""
        seed = SeedSequence(self.config.seed)
        environment = make_evaluation(self.config.environment, 1, seed, self.trained_in)
        environment.close()
        return environment

    def episodes(self, seed: int | None) -> SeedSequence:
        """Where the seeds of episodes come from: of the last evaluation if `seed` is None."""
        if seed is not None:
            return SeedSequence(seed)
        return SeedSequence(self.config.seed, spawn_key=(EVALUATION, self.origin.evaluated))


def _algorithm(learned: Learned) -> Algorithm:
    """A learner that has learned it; its environment is there for its spaces only."""
    config = learned.config
    settings, seed = config.algorithm_config, SeedSequence(config.seed)
    n_envs, gamma = getattr(settings, "n_envs", 1), getattr(settings, "gamma", 0.99)
    with closing(make(config.environment, n_envs, seed, gamma=gamma)) as environment:
        algorithm: Algorithm = algorithm_class(config.algorithm)(environment, config, seed)
        learned.put(algorithm)
    return algorithm


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with as many threads as training did: sums of wide layers depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
