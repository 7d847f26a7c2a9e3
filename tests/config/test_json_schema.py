import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from amc.cli import main
from amc.config.json_schema import json_schema
from amc.config.loader import ConfigLoader

CONFIGS = Path(__file__).parents[2] / "configs"
SHIPPED = sorted(CONFIGS.glob("*.json"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schema_is_what_the_command_prints():
    result = CliRunner().invoke(main, ["schema"])

    assert result.exit_code == 0
    assert (CONFIGS / "schema" / "experiment.json").read_text() == result.stdout


@pytest.mark.parametrize(
    "form",
    [
        [0.9, 0.99],
        {"low": 0.9, "high": 0.99, "reverse_log": True},
        {"low": 0.9, "high": 0.99, "log": False, "type": "float", "if": {"n_epochs": 3}},
        {"type": "log", "low": 0.9, "high": 0.99},
        {"choices": [0.9, 0.99]},
        {"type": "choice", "values": [0.9, 0.99]},
    ],
)
def test_every_form_of_a_dimension_passes_both(
    form: Any, validator: Any, searching: Callable[..., dict[str, Any]]
):
    mapping = searching(
        {"gamma": form, "optimizer.learning_rate": [1e-4, 1e-3], "n_epochs": [3, 9]}
    )

    validator.validate(mapping)
    ConfigLoader().from_mapping(mapping)


@pytest.mark.parametrize(
    "change",
    [
        {"experiment_name": "../x"},
        {"sed": 1},
        {"seed": -1},
        {"training": {}},
        {"training": {"total_timesteps": 0}},
        {"optimizer": {"type": "adamm"}},
        {"algorithm_config": {"clip_rang": 0.2}},
        {"algorithm_config": {"clip_range": 0}},
        {"environment": {"name": "CartPole-v1", "wrappers": [5]}},
        {"environment": {"name": "CartPole-v1", "wrappers": [{"kwargs": {}}]}},
        {"environment": {"name": "CartPole-v1", "wrappers": [{"name": "x", "kwargs": 1}]}},
        {"hyperparameter_optimizer": {"n_calls": 1, "search_space": {}}},
        {"hyperparameter_optimizer": {"n_calls": 1, "search_space": {"gama": [0, 1]}}},
        {"hyperparameter_optimizer": {"n_calls": 1, "search_space": {"gamma": [0]}}},
        {"hyperparameter_optimizer": {"n_calls": 1, "search_space": {"tau": [0, 1]}}},
    ],
)
def test_what_the_schema_refuses_the_loader_refuses(
    change: dict[str, Any], validator: Any, base: dict[str, Any]
):
    result = {**base, **change}

    assert not validator.is_valid(result)
    with pytest.raises(Exception, match=r"config: "):
        ConfigLoader().from_mapping(result)


def test_the_keys_of_another_algorithm_pass_with_a_mark(validator: Any, base: dict[str, Any]):
    validator.validate({**base, "algorithm_config": {"tau": 0.1}})

    tau = json_schema()["$defs"]["ppo_config"]["properties"]["tau"]
    assert tau["deprecated"] is True


def test_what_is_left_out_or_null_passes(validator: Any, base: dict[str, Any]):
    validator.validate(base)
    validator.validate({**base, "optimizer": {"learning_rate": None}})
    validator.validate({**base, "hyperparameter_optimizer": None})
    validator.validate(ConfigLoader().from_mapping(base).to_json())


def test_every_key_has_a_description():
    schema = json_schema()
    models = [schema, *(part for part in schema["$defs"].values() if "properties" in part)]

    bare = [
        key
        for model in models
        for key, value in model["properties"].items()
        if value is not True and not {"description", "$ref"} & value.keys()
    ]

    assert not bare


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_config_is_plain_json_and_passes_both_without_a_warning(
    path: Path, validator: Any
):
    loader = ConfigLoader()
    text = path.read_text(encoding="utf-8")

    config = loader.load_config(path)

    validator.validate(json.loads(text))
    assert json.loads(text)["$schema"] == "./schema/experiment.json"
    assert config.experiment_name == path.stem
    assert not loader.warnings


def test_the_four_configs_of_the_mission_are_shipped():
    assert {path.name for path in SHIPPED} >= {
        "cartpole_distributed.json",
        "ddpg_halfcheetah.json",
        "ppo_lunarlander.json",
        "ddpg_pendulum.json",
    }
