"""The tests of an algorithm's hyperparameters: a strict model whose faults are told in a config."""

import json
from typing import Any

from pydantic import ValidationError

from amc.algorithms.base import algorithm_class
from amc.config.fields import StrictModel
from amc.config.hyperparameters import Hyperparameters
from amc.testing.learners import LearnerChecks
from amc.testing.suite import require

_STRICT = ("strict", "frozen", "extra", "allow_inf_nan")
_KINDS = frozenset({"discrete", "multi-discrete", "continuous"})


class HyperparameterChecks(LearnerChecks):
    """See `AlgorithmSuite`."""

    def test_a_config_may_name_it(self) -> None:
        """It is found by its name, and its hyperparameters are accepted."""
        self.config()

    def test_the_class_and_the_config_have_the_same_model(self) -> None:
        """A config is checked by the model that the algorithm is then given."""
        name = self.given("algorithm")
        own, known = algorithm_class(name).Hyperparameters, self.model()
        require(
            own is known,
            f"the class has the Hyperparameters {own.__qualname__}, but a config is checked by "
            f"{known.__qualname__}. Register that of the class under amc.hyperparameters.",
        )

    def test_its_defaults_are_allowed(self) -> None:
        """A config need not name what it does not care for."""
        model = self.model()
        try:
            values = model.model_validate(dict(self.algorithm_config))
        except ValidationError as error:
            raise AssertionError(
                f"{model.__qualname__} refuses {dict(self.algorithm_config)} and its own defaults: "
                f"{error}. Give every field a default within its bounds, or the suite values as "
                "algorithm_config."
            ) from error
        faults = dict(values.problems())
        require(not faults, f"{model.__qualname__}.problems() has these of its defaults: {faults}.")

    def test_its_model_is_strict(self) -> None:
        """Nothing is converted, nothing unknown passes, nothing changes later."""
        model, wanted = self.model(), StrictModel.model_config
        other = {key: model.model_config.get(key) for key in _STRICT if key in wanted}
        meant = {key: wanted.get(key) for key in other}
        require(
            other == meant,
            f"{model.__qualname__}.model_config has {other}, but {meant} is meant, so that a "
            "mistake in a config is told. Leave model_config as Hyperparameters has it.",
        )
        for name, info in model.model_fields.items():
            require(
                info.annotation is not Any,
                f"{model.__qualname__}.{name} may be Anything. Say which type, and its bounds, so "
                "that a mistake is told and a search knows what it may try.",
            )

    def test_its_values_go_through_json(self) -> None:
        """As they do into the ledger, into checkpoints, and back."""
        values = self._values()
        written = json.loads(json.dumps(values.model_dump(mode="json")))
        try:
            read = type(values).model_validate(written)
        except ValidationError as error:
            raise AssertionError(
                f"{written}, its own values as JSON, are refused: {error}. A tuple needs "
                "Field(strict=False), an int INTEGRAL; see amc.config.fields."
            ) from error
        require(read == values, f"{values!r} comes back from JSON as {read!r}.")

    def test_what_it_says_of_its_values_is_in_form(self) -> None:
        """`action_spaces`, `problems`, `advice` and `memory`, which checks of a config ask."""
        values, fields = self._values(), set(self.model().model_fields)
        require(
            bool(values.action_spaces) and values.action_spaces <= _KINDS,
            f"action_spaces is {set(values.action_spaces)}. Name of {sorted(_KINDS)} those that it "
            "can choose.",
        )
        blamed = {key for key, _ in values.problems()}
        for keys, sentence in values.advice(self.total_timesteps):
            require(isinstance(sentence, str), f"advice() says {sentence!r}, which is no sentence.")
            blamed |= keys
        memory = values.memory(4, 2, self.total_timesteps)
        blamed |= memory.keys()
        require(
            blamed <= fields,
            f"problems, advice and memory blame {sorted(blamed - fields)}, which it has not. "
            f"Name of its fields: {', '.join(sorted(fields))}.",
        )
        require(
            all(isinstance(size, int) and size >= 0 for size in memory.values()),
            f"memory() says {memory}. Numbers of bytes are meant.",
        )

    def _values(self) -> Hyperparameters:
        return self.model().model_validate(dict(self.algorithm_config))
