"""Section by section, plain values become the models of `amc.config.schema`.

Every section is validated on its own, so that a fault in one hides none in another; then what the
sections say together is checked. The door is `Assembly`.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from pydantic import ValidationError

from amc.config import backend, changing, checks, kernel, own_trainer
from amc.config.fields import StrictModel
from amc.config.hyperparameters import (
    COMMAND,
    AnyHyperparameters,
    Hyperparameters,
    algorithms,
    hyperparameters_for,
    models_of,
    owners_of,
    recorded,
    siblings,
)
from amc.config.known import arguments
from amc.config.known.names import ACCEPTED, SEARCHES
from amc.config.sb3 import naming
from amc.config.schema import (
    UNNAMED,
    EnvironmentConfig,
    ExperimentConfig,
    HyperparameterOptimizerConfig,
    OptimizerConfig,
    TrainingConfig,
    searchable,
)
from amc.config.search import initial_points
from amc.config.search.search_space import parse_search_space
from amc.config.text.document import Path, Problem
from amc.config.text.faults import problems, shown
from amc.errors import UsageError

Model = TypeVar("Model", bound=StrictModel)

_SECTIONS: dict[str, type[StrictModel]] = {
    "environment": EnvironmentConfig,
    "optimizer": OptimizerConfig,
    "hyperparameter_optimizer": HyperparameterOptimizerConfig,
    "training": TrainingConfig,
}


class Assembly:
    """One config being put together.

    Args:
        value: the whole config as written.
        accepted: whether it was checked before; then what this machine has does not count, and what
            the sections say together is not asked again.

    Attributes:
        problems: everything that refuses it, found so far.
        warnings: what is allowed and probably not meant.
    """

    def __init__(self, value: Any, *, accepted: bool) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._value = value
        self._accepted = accepted
        # Under an unknown algorithm every known setting is checked: mistakes come in one helping.
        self._model: type[Hyperparameters] = AnyHyperparameters
        self._algorithm: str | None = None

    def config(self) -> ExperimentConfig | None:
        """The checked config, or None if there are problems."""
        if not isinstance(self._value, Mapping):
            self._note((), f"a config must be an object, but got {shown(self._value)}.")
            return None
        values = self._named_values(self._value)
        self._find_algorithm(values)
        sections: dict[str, Any] = {
            "algorithm_config": self._algorithm_config(values),
            "optimizer": self._optimizer(values),
            "hyperparameter_optimizer": self._search(values),
            "environment": self._section("environment", EnvironmentConfig, values),
            "training": self._section("training", TrainingConfig, values),
        }
        self._complete_initial_points(sections)
        config = self._whole(values, sections)
        if not self._accepted:
            self._check(sections)
            self._check_whole(config)
        return None if self.problems else config

    @staticmethod
    def _named_values(value: Mapping[str, Any]) -> dict[str, Any]:
        """The config with what a trainer of the user's own need not say."""
        values = dict(value)
        if "algorithm" not in values and {"command", "trainer"} & values.keys():
            values["algorithm"] = COMMAND
        if values.get("algorithm") == COMMAND:
            values.setdefault("environment", {"name": UNNAMED})
        return values

    def _find_algorithm(self, values: Mapping[str, Any]) -> None:
        algorithm = values.get("algorithm")
        if not isinstance(algorithm, str):
            return  # missing or of a wrong type: validating the whole says so
        if algorithm == COMMAND:
            self._model, impossible = own_trainer.free(values)
            self._algorithm = algorithm
            self.problems += impossible
            return
        try:
            self._model, self._algorithm = hyperparameters_for(algorithm), algorithm
        except UsageError as error:
            if self._accepted:
                self._model = recorded(self._value.get("algorithm_config"))
                return
            self._note(("algorithm",), str(error))
            return
        if not self._accepted and (reason := naming.lacking(algorithm)):
            self._note(("algorithm",), reason)

    def _algorithm_config(self, values: Mapping[str, Any]) -> Hyperparameters | None:
        given = values.get("algorithm_config", {})
        if isinstance(given, Mapping):
            given = {key: value for key, value in given.items() if not self._set_aside(key)}
        return self._validated(("algorithm_config",), self._model, given)

    def _set_aside(self, key: Any) -> bool:
        reason = self._foreign(key)
        if reason is None:
            return False
        self.warnings.append(f"algorithm_config.{key}: {reason}")
        return True

    def _foreign(self, key: str) -> str | None:
        """Why a key of another algorithm has no effect with this one; None if it is no such key."""
        if key in self._model.model_fields:
            return None
        owners = owners_of(key, self._built_in, besides=self._algorithm)
        owners = owners or owners_of(key, self._plug_ins, besides=self._algorithm)
        if not owners:
            return None
        return f"`{key}` belongs to {' and '.join(owners)} and has no effect with {self._algorithm}"

    @cached_property
    def _built_in(self) -> dict[str, type[Hyperparameters]]:
        return models_of(siblings(self._algorithm))

    @cached_property
    def _plug_ins(self) -> dict[str, type[Hyperparameters]]:
        # Looking for plug-ins reads every installed distribution: only for what nothing else
        # explains, and once.
        known = {*siblings(None), *siblings(naming.PREFIX)}
        return models_of(name for name in algorithms() if name not in known)

    def _optimizer(self, values: Mapping[str, Any]) -> OptimizerConfig | None:
        given = values.get("optimizer", {})
        if self._model.is_free and given:
            self.warnings.append(
                "optimizer: it has no effect with a trainer of your own, which is told of its "
                "hyperparameters only: algorithm_config, and what is searched."
            )
        if isinstance(given, Mapping):
            given = {"type": self._model.default_optimizer, **given}
            if given.get("learning_rate") is None:
                given["learning_rate"] = self._model.default_learning_rate
        return self._validated(("optimizer",), OptimizerConfig, given)

    def _search(self, values: Mapping[str, Any]) -> HyperparameterOptimizerConfig | None:
        given = values.get("hyperparameter_optimizer")
        if given is None:
            return None
        path = ("hyperparameter_optimizer", "search_space")
        if isinstance(given, Mapping) and isinstance(given.get("search_space"), Mapping):
            keys = searchable(self._model)
            space, found = parse_search_space(given["search_space"], keys, self._no_effect)
            for problem in found:
                self._note((*path, *problem.path), problem.message, problem.at_key)
            given = {**given, "search_space": space}
        return self._validated(path[:1], HyperparameterOptimizerConfig, given)

    def _complete_initial_points(self, sections: dict[str, Any]) -> None:
        search = sections["hyperparameter_optimizer"]
        if search is not None and self._algorithm is not None and not self._accepted:
            search, found = initial_points.complete(search, sections, searchable(self._model))
            sections["hyperparameter_optimizer"] = search
            self.problems += found

    def _no_effect(self, key: str) -> str | None:
        reason = self._foreign(key.removeprefix("algorithm_config."))
        return None if reason is None else f"{reason}, so it cannot be searched. Remove it."

    def _section(self, name: str, model: type[Model], values: Mapping[str, Any]) -> Model | None:
        if name not in values:
            return None  # validating the whole says that it is missing
        return self._validated((name,), model, values[name])

    def _validated(self, path: Path, model: type[Model], given: Any) -> Model | None:
        # The environment of a trainer of the user's own need not be known here.
        is_free = self._model.is_free and model is EnvironmentConfig
        try:
            return model.model_validate(given, context=ACCEPTED if is_free else self._context())
        except ValidationError as error:
            self.problems += problems(error, model=model, below=path, home=self._home)
            return None

    def _context(self) -> dict[str, bool] | None:
        return ACCEPTED if self._accepted else None

    def _home(self, key: str) -> str | None:
        """The one section that has a key."""
        models: dict[str, type[StrictModel]] = {"the top level": ExperimentConfig, **_SECTIONS}
        models["algorithm_config"] = self._model
        homes = [name for name, model in models.items() if key in model.model_fields]
        return homes[0] if len(homes) == 1 else None

    def _whole(
        self, values: Mapping[str, Any], sections: Mapping[str, Any]
    ) -> ExperimentConfig | None:
        """The config from its sections; the problems of the sections themselves are known."""
        sound = {name: section for name, section in sections.items() if section is not None}
        given = {key: value for key, value in values.items() if key not in sections} | sound
        try:
            return ExperimentConfig.model_validate(given, context=self._context())
        except ValidationError as error:
            for problem in problems(error, model=ExperimentConfig, home=self._home):
                name = problem.path[0]
                if name not in sections or (
                    name in ("environment", "training") and name not in values
                ):
                    self.problems.append(problem)
            return None

    def _check(self, sections: Mapping[str, Any]) -> None:
        """What the sound sections say together."""
        hyperparameters: Hyperparameters | None = sections["algorithm_config"]
        environment: EnvironmentConfig | None = sections["environment"]
        search: HyperparameterOptimizerConfig | None = sections["hyperparameter_optimizer"]
        training: TrainingConfig | None = sections["training"]
        self._check_what_trains()
        if search is not None:
            self.problems += checks.search(search)
            self.warnings += checks.constants(search)
            if search.type not in SEARCHES:
                wrong, unknown = checks.plug_in(search.type)
                self.problems += wrong
                self.warnings += unknown
        if environment is not None and training is not None:
            self.problems += checks.stopping(environment, training)
        if search is not None and training is not None:
            self.problems += checks.pruning(search, training)
            self.problems += checks.limits(search, training)
            self.problems += changing.population(search, training, searchable(self._model))
        if self._algorithm is None:
            return
        if hyperparameters is None:
            return
        space = {} if search is None else search.search_space
        searched = checks.searched(space, searchable(type(hyperparameters)))
        certain, possible = checks.fit(hyperparameters, searched)
        self.problems += certain
        self.warnings += possible
        if environment is not None and training is not None:
            self.problems += checks.memory(
                hyperparameters, searched, environment=environment, training=training
            )
        if training is not None:
            self.warnings += checks.advice(hyperparameters, searched, training.total_timesteps)

    def _check_what_trains(self) -> None:
        """The environment, and whether it and the algorithm belong together."""
        if self._model.is_free:
            self.problems += own_trainer.problems(self._value, self._model.model_fields)
            return
        environment = self._value.get("environment")
        self.problems += own_trainer.foreign(self._value, str(self._algorithm))
        wrong, unknown = arguments.check(environment)
        self.problems += wrong
        self.warnings += unknown
        if self._algorithm is not None:
            self.problems += checks.action_space(self._algorithm, self._model, environment)

    def _check_whole(self, config: ExperimentConfig | None) -> None:
        if config is None:
            return
        self.problems += checks.seeds(config)
        self.problems += changing.schedule(config)
        self.problems += changing.whole(config)
        misfits = config.algorithm_config.misfits(config.optimizer.type, config.training.precision)
        for path, message in misfits:
            self._note(path, message)
        if config.training.kernel == "fast" and (reason := kernel.obstacle(config)):
            message = f"'fast' is not possible: {reason}. Write 'auto' or 'reference'."
            self._note(("training", "kernel"), message)
        environment = config.environment
        if environment.backend == "compiled" and (reason := backend.obstacle(environment)):
            message = f"'compiled' is not possible: {reason}. Write 'auto' or 'gymnasium'."
            self._note(("environment", "backend"), message)

    def _note(self, path: Path, message: str | Callable[[], str], at_key: bool = False) -> None:
        self.problems.append(Problem(path, message, at_key))
