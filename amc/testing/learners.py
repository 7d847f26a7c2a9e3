"""A learner with its environment, made as training makes them, trained and stopped as it does.

`LearnerChecks` is the parent of the tests of an algorithm, which lie in `hyperparameter_checks`,
`learning_checks` and `continuation_checks`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.random import SeedSequence

from amc.algorithms.base import Algorithm, Metrics, algorithm_class
from amc.config.hyperparameters import Hyperparameters, hyperparameters_for
from amc.config.schema import ExperimentConfig
from amc.environments import VectorEnvironment, make
from amc.testing.states import as_read_again
from amc.testing.suite import Suite, as_entry, loaded, require
from amc.training import snapshot
from amc.training.training import ALGORITHM, ENVIRONMENT

_ENVIRONMENTS = {"discrete": "CartPole-v1", "continuous": "Pendulum-v1"}


@dataclass
class Learner:
    """One training in progress.

    Attributes:
        config: of the training.
        environment: what is trained in.
        algorithm: what learns.
        marks: the signs of life that it gave.
    """

    config: ExperimentConfig
    environment: VectorEnvironment
    algorithm: Algorithm
    marks: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Of its parameters and counters, as reports have it."""
        return snapshot.digest(self.algorithm)

    def train(self, iterations: int | None = None) -> list[Metrics]:
        """So many iterations, to the end if None; the metrics of each."""
        __tracebackhide__ = True
        metrics: list[Metrics] = []
        while not self.algorithm.is_finished and iterations != len(metrics):
            before = self.algorithm.num_timesteps
            metrics.append(self.algorithm.iterate())
            require(
                self.algorithm.num_timesteps > before,
                f"iterate() came back without a step, at step {before}, so training would never "
                "end. Step the environment in each call, by self.step(actions).",
            )
        return metrics

    def captured(self) -> dict[str, Any]:
        """Everything as it is now, as a checkpoint gives it back."""
        state = snapshot.capture(self.config, self.environment, self.algorithm, {})
        return as_read_again(state)

    def restore(
        self, state: Mapping[str, Any], *, changed: str | None = None, fork: bool = False
    ) -> None:
        """Go on where a state was captured; `changed` may have another value in this config."""
        free = frozenset({"seed"} | ({changed} if changed else set()))
        snapshot.restore(
            state, self.config, self.environment, self.algorithm, changed=free, fork=fork
        )


class LearnerChecks(Suite):
    """What the tests of an algorithm share; see `AlgorithmSuite` for the attributes."""

    algorithm: Any = None
    algorithm_config: ClassVar[Mapping[str, Any]] = {}
    environment: Any = None
    total_timesteps: ClassVar[int] = 512
    draws: ClassVar[bool] = True

    def names(self) -> Iterable[str]:
        """See `Suite`."""
        given = self._environment()
        around = as_entry(given).get("wrappers", ()) if given else ()
        named = [as_entry(one)["name"] for one in (given, *around) if one is not None]
        return [self.given("algorithm"), *map(str, named)]

    def model(self) -> type[Hyperparameters]:
        """The model of its hyperparameters."""
        return hyperparameters_for(self.given("algorithm"))

    def config(self, shorter: int = 0) -> ExperimentConfig:
        """A config that trains it for a moment, `shorter` steps less."""
        steps = self.total_timesteps - shorter
        training = {"total_timesteps": steps, "device": "cpu", "eval_episodes": 1}
        return loaded(
            {
                "experiment_name": "conformance",
                "algorithm": self.given("algorithm"),
                "algorithm_config": dict(self.algorithm_config),
                "environment": as_entry(self._environment() or self._fitting()),
                "training": training | {"eval_max_episode_steps": 500},
            }
        )

    @contextmanager
    def learner(
        self, seed: int = 0, config: ExperimentConfig | None = None, world_seed: int | None = None
    ) -> Iterator[Learner]:
        """A learner that has not begun.

        Args:
            seed: of the trial.
            config: what it is made with; that of the suite if None.
            world_seed: of the environment; the trial's if None.
        """
        config = config or self.config()
        settings = config.algorithm_config
        n_envs, gamma = getattr(settings, "n_envs", 1), getattr(settings, "gamma", 0.99)
        stream = SeedSequence(seed if world_seed is None else world_seed, spawn_key=(ENVIRONMENT,))
        with closing(make(config.environment, n_envs, stream, gamma=gamma)) as environment:
            marks: list[str] = []
            made = algorithm_class(config.algorithm)(
                environment, config, SeedSequence(seed, spawn_key=(ALGORITHM,)), marks.append
            )
            yield Learner(config, environment, made, marks)

    def trained(self, seed: int = 0) -> str:
        """The digest of a whole training."""
        with self.learner(seed) as learner:
            learner.train()
            return learner.digest

    def _environment(self) -> Any:
        return None if type(self).environment is None else self.given("environment")

    def _fitting(self) -> str:
        spaces = self.model().action_spaces
        fitting = [name for kind, name in _ENVIRONMENTS.items() if kind in spaces]
        require(
            bool(fitting),
            f"{type(self).__name__}.environment: it must be given, for nothing that comes with amc "
            f"has actions of {', '.join(sorted(spaces))}.",
        )
        return fitting[0]
