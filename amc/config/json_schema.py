"""The JSON Schema of a config, for editors: made from the models, so that it cannot go stale.

Its door is `json_schema`. Editors check with it what a single key may hold; what keys say together,
and which names exist, only `amc validate` knows.
"""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from amc.config.hyperparameters import (
    BUILT_IN,
    COMMAND,
    SB3,
    hyperparameters_for,
    models_of,
    owners_of,
    siblings,
)
from amc.config.known.environments import KNOWN
from amc.config.known.keywords import TAKES
from amc.config.known.names import EXPERIMENT_PATTERN, SEARCHES, WRAPPERS
from amc.config.schema import ExperimentConfig, searchable
from amc.config.search.dimension import MOST_CHOICES

DIALECT = "https://json-schema.org/draft/2020-12/schema"


_ALGORITHMS = [*BUILT_IN, *SB3]


class _Generator(GenerateJsonSchema):
    """Leaves the two places open that are filled by hand below."""

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> dict[str, Any]:
        """Dimensions and hyperparameters are instances for pydantic, and objects in a file."""
        return {}


def json_schema() -> dict[str, Any]:
    """The schema of a whole config, draft 2020-12, for all algorithms but plug-ins."""
    schema = ExperimentConfig.model_json_schema(schema_generator=_Generator)
    definitions, properties = schema["$defs"], schema["properties"]
    definitions["Dimension"] = _dimension()
    for name in _ALGORITHMS:
        config = _algorithm_config(name)
        definitions |= config.pop("$defs", {})
        definitions[f"{_word(name)}_config"] = config
        definitions[f"{_word(name)}_search_space"] = _search_space(name)
    environment = definitions["EnvironmentConfig"]["properties"]
    environment["name"] = _open_names(environment["name"], sorted({*KNOWN, *TAKES}))
    definitions["WrapperConfig"]["properties"]["name"] |= _open_names({}, list(WRAPPERS))
    environment["wrappers"]["items"] = _open_names({}, list(WRAPPERS))
    environment["wrappers"]["items"]["anyOf"].append({"$ref": "#/$defs/WrapperConfig"})
    search = definitions["HyperparameterOptimizerConfig"]["properties"]
    search["type"] = _open_names(search["type"], list(SEARCHES))
    search["search_space"] |= {
        "additionalProperties": {"$ref": "#/$defs/Dimension"},
        "minProperties": 1,
    }
    search["warm_start"]["anyOf"].append({"type": "string"})
    properties["experiment_name"]["pattern"] = EXPERIMENT_PATTERN
    properties["algorithm"] = _open_names(properties["algorithm"], [*_ALGORITHMS, COMMAND])
    properties["algorithm_config"] = {
        "type": "object",
        "description": properties["algorithm_config"].get("description", ""),
    }
    _learning_rate_is_optional(definitions["OptimizerConfig"])
    schema["required"] = ["experiment_name", "training"]
    # A trainer of the user's own says what trains, and its environment may have no name.
    ours = {"required": ["algorithm", "environment"]}
    schema["anyOf"] = [ours, {"required": ["command"]}, {"required": ["trainer"]}]
    schema["allOf"] = [_for_algorithm(name) for name in _ALGORITHMS]
    return {"$schema": DIALECT, **schema}


def _word(algorithm: str) -> str:
    """An algorithm's name as part of a definition's."""
    return algorithm.replace(":", "_")


def _for_algorithm(name: str) -> dict[str, Any]:
    search = {"properties": {"search_space": {"$ref": f"#/$defs/{_word(name)}_search_space"}}}
    return {
        "if": {"properties": {"algorithm": {"const": name}}, "required": ["algorithm"]},
        "then": {
            "properties": {
                "algorithm_config": {"$ref": f"#/$defs/{_word(name)}_config"},
                "hyperparameter_optimizer": search,
            }
        },
    }


def _algorithm_config(name: str) -> dict[str, Any]:
    """Its own keys; those of the other algorithms, which are set aside with a warning, too."""
    schema = hyperparameters_for(name).model_json_schema(schema_generator=_Generator)
    own: dict[str, Any] = schema["properties"]
    others = [key for other in siblings(name) for key in hyperparameters_for(other).model_fields]
    for key in dict.fromkeys(others):
        if key not in own:
            owners = " and ".join(owners_of(key, models_of(siblings(name)), besides=name))
            own[key] = {
                "description": f"Belongs to {owners} and has no effect with {name}.",
                "deprecated": True,
            }
    return schema


def _search_space(name: str) -> dict[str, Any]:
    keys = searchable(hyperparameters_for(name))
    names = [*keys.names(), *keys.paths()]
    return {"propertyNames": {"enum": names}, "properties": dict.fromkeys(names, True)}


def _dimension() -> dict[str, Any]:
    numbers = {"low": {"type": "number"}, "high": {"type": "number"}}
    condition = {"if": {"type": "object", "minProperties": 1}}
    scales = {"log": {"type": "boolean"}, "reverse_log": {"type": "boolean"}}
    types = {"type": {"enum": ["int", "float", "log"]}}
    values = {"type": "array", "minItems": 1, "maxItems": MOST_CHOICES}
    return {
        "description": "A range, [low, high], or the values to choose from.",
        "anyOf": [
            {
                "type": "array",
                "items": {"type": "number"},
                "minItems": 2,
                "maxItems": 2,
                "description": "low and high; on a log scale if low > 0 and high/low >= 100.",
            },
            _closed(numbers | scales | types | condition, required=["low", "high"]),
            _closed(
                {"choices": values, "type": {"enum": ["choice", "int"]}} | condition,
                required=["choices"],
            ),
            _closed(
                {"values": values, "type": {"enum": ["choice", "int"]}} | condition,
                required=["values"],
            ),
        ],
    }


def _closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _open_names(schema: dict[str, Any], known: list[str]) -> dict[str, Any]:
    """Any string, with the known names for completion: plug-ins add others."""
    kept = {key: value for key, value in schema.items() if key != "type"}
    return {**kept, "anyOf": [{"enum": known}, {"type": "string"}]}


def _learning_rate_is_optional(optimizer: dict[str, Any]) -> None:
    rate = optimizer["properties"]["learning_rate"]
    meaning = {"description": rate.pop("description"), "default": None}
    optimizer["properties"]["learning_rate"] = {**meaning, "anyOf": [rate, {"type": "null"}]}
    del optimizer["required"]
