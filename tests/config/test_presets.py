"""The presets: one for each environment of the mission with every algorithm that fits it.

And rl-zoo3's settings of Stable-Baselines3's algorithms.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from amc.config.json_schema import json_schema
from amc.config.loader import ConfigLoader
from amc.config.presets import beginning
from amc.config.sb3 import naming
from amc.config.schema import OptimizerConfig

PRESETS = sorted((Path(__file__).parents[2] / "configs" / "presets").glob("*.json"))
DISCRETE = {"CartPole-v1", "LunarLander-v2", "MountainCar-v0", "Acrobot-v1"}
CONTINUOUS = {"Pendulum-v1", "HalfCheetah-v4", "Ant-v4", "Hopper-v3", "Walker2d-v3"}
OF_THE_ZOO = {
    "sb3:SAC": {*CONTINUOUS, "Humanoid-v4"},
    "sb3:TD3": {*CONTINUOUS, "Humanoid-v4"},
    "sb3:DQN": {"CartPole-v1", "LunarLander-v2"},
}


def test_each_environment_has_one_for_every_algorithm_that_fits():
    found = [ConfigLoader().load_config(path) for path in PRESETS]

    pairs = [(config.algorithm, config.environment.name) for config in found]
    wanted = {("ppo", name) for name in DISCRETE | CONTINUOUS}
    wanted |= {("ddpg", name) for name in CONTINUOUS}
    wanted |= {(algorithm, name) for algorithm, names in OF_THE_ZOO.items() for name in names}
    assert len(pairs) == len(wanted)
    assert set(pairs) == wanted


@pytest.mark.parametrize(
    ("algorithm", "preset"),
    [
        ("ddpg", "ddpg_pendulum"),
        ("sb3:TD3", "td3_pendulum"),
        ("sb3:DDPG", None),
        (None, "ppo_pendulum"),
    ],
)
def test_who_begins_with_an_algorithm_gets_a_preset_of_its_own(
    algorithm: str | None, preset: str | None
):
    found = beginning("Pendulum-v1", "continuous", algorithm)

    assert found.preset == preset
    assert found.values["algorithm"] == algorithm or algorithm is None
    assert found.values["experiment_name"].endswith("_pendulum")


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.name)
def test_a_preset_is_sound_and_named_after_its_file(path: Path):
    loader = ConfigLoader()

    config = loader.load_config(path)

    schema = path.parent / json.loads(path.read_text())["$schema"]
    assert json.loads(schema.read_text()) == json_schema()
    assert config.experiment_name == f"{path.stem}_preset"
    assert path.stem.startswith(naming.word(config.algorithm))
    assert config.hyperparameter_optimizer is None
    assert not loader.warnings


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.name)
def test_a_preset_holds_only_what_differs_from_the_defaults(path: Path):
    written: dict[str, Any] = json.loads(path.read_text())
    config = ConfigLoader().load_config(path)
    hyperparameters = type(config.algorithm_config)
    defaults = {
        "algorithm_config": hyperparameters().model_dump(mode="json"),
        "optimizer": OptimizerConfig(
            learning_rate=hyperparameters.default_learning_rate
        ).model_dump(mode="json"),
    }

    for section, values in defaults.items():
        for key, value in written.get(section, {}).items():
            assert value != values[key], f"{section}.{key}"
