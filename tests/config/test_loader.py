import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amc.config.hyperparameters import PPOHyperparameters
from amc.config.loader import ConfigLoader
from amc.errors import ConfigError

Write = Callable[..., Path]

# The three fragments that the project's first README showed, comments and all.
FRAGMENTS = [
    """{
  "algorithm": "ppo",  // or "ddpg"
  "algorithm_config": {
    // PPO specific
    "clip_range": 0.2,
    "ent_coef": 0.01,
    "vf_coef": 0.5,

    // DDPG specific
    "tau": 0.005,
    "buffer_size": 1000000,
    "noise_std": 0.1
  }
}""",
    """{
  "environment": {
    "name": "HalfCheetah-v4",
    "max_episode_steps": 1000,
    "reward_threshold": 4800,
    "wrappers": [
      "normalize_observation",
      "normalize_reward"
    ]
  }
}""",
    """{
  "algorithm_config": {
    "batch_size": 32  // Reduce from 64
  }
}""",
]


@pytest.fixture
def path(base: dict[str, Any], write: Write) -> Path:
    return write(json.dumps(base, indent=2))


def test_fragments_are_laid_over_a_config_in_their_order(path: Path, write: Write):
    overlays = [write(text, f"{index}.json") for index, text in enumerate(FRAGMENTS)]
    loader = ConfigLoader()

    config = loader.load_config(path, overlays=overlays)

    assert config.algorithm_config == PPOHyperparameters(ent_coef=0.01, batch_size=32)
    assert config.environment.wrappers == ("normalize_observation", "normalize_reward")
    assert config.training.total_timesteps == 1000
    assert loader.warnings == [
        f"algorithm_config.{key}: `{key}` belongs to ddpg and has no effect with ppo"
        for key in ("tau", "buffer_size", "noise_std")
    ]


def test_a_fault_of_an_overlay_names_the_overlay(path: Path, write: Write):
    overlay = write('{"training": {\n"eval_freq": 0}}', "overlay.json")

    with pytest.raises(ConfigError) as caught:
        ConfigLoader().load_config(path, overlays=[overlay])

    (fault,) = caught.value.faults
    assert (fault.source, fault.line, fault.path) == (str(overlay), 2, "training.eval_freq")


def test_an_overlay_can_take_the_search_away(searching: Any, write: Write):
    path = write(json.dumps(searching({"gamma": [0.9, 0.99]})))
    overlay = write('{"hyperparameter_optimizer": null}', "overlay.json")

    config = ConfigLoader().load_config(path, overlays=[overlay])

    assert config.hyperparameter_optimizer is None


def test_an_override_replaces_one_value(path: Path):
    loader = ConfigLoader()
    config = loader.load_config(path)

    changed = loader.apply_overrides(
        config, {"training.total_timesteps": 50000, "optimizer.type": "sgd", "seed": 7}
    )

    assert (changed.training.total_timesteps, changed.optimizer.type, changed.seed) == (
        50000,
        "sgd",
        7,
    )
    assert config.training.total_timesteps == 1000


def test_overrides_work_on_a_config_that_another_loader_loaded(path: Path):
    config = ConfigLoader().load_config(path)

    changed = ConfigLoader().apply_overrides(config, {"algorithm_config.gamma": 0.9})

    assert changed.algorithm_config == PPOHyperparameters(gamma=0.9)


def test_overrides_can_follow_each_other(path: Path):
    loader = ConfigLoader()
    config = loader.apply_overrides(loader.load_config(path), {"seed": 7})

    changed = loader.apply_overrides(config, {"description": "x"})

    assert (changed.seed, changed.description) == (7, "x")


def test_an_override_of_the_algorithm_leaves_no_trace_of_the_old_ones_defaults(path: Path):
    loader = ConfigLoader()
    overrides = {"algorithm": "ddpg", "environment.name": "Pendulum-v1"}

    config = loader.apply_overrides(loader.load_config(path), overrides)

    assert config.optimizer.learning_rate == 1e-3
    assert loader.warnings == [
        "algorithm_config.learning_starts: the first update comes after "
        "1000 steps, but training ends after 1000; nothing will be learned."
    ]


def test_the_search_space_can_be_overridden_whole_or_by_dimension(searching: Any, write: Write):
    loader = ConfigLoader()
    config = loader.load_config(write(json.dumps(searching({"gamma": [0.9, 0.99]}))))
    space = "hyperparameter_optimizer.search_space"

    whole = loader.apply_overrides(config, {space: {"learning_rate": [1e-4, 1e-3]}})
    dimension = loader.apply_overrides(whole, {f"{space}.algorithm_config.gamma": [0.5, 0.6]})

    assert whole.hyperparameter_optimizer is not None
    assert list(whole.hyperparameter_optimizer.search_space) == ["learning_rate"]
    assert dimension.hyperparameter_optimizer is not None
    assert list(dimension.hyperparameter_optimizer.search_space) == [
        "learning_rate",
        "algorithm_config.gamma",
    ]


@pytest.mark.parametrize(
    ("key", "value", "path", "words"),
    [
        ("training.total_timesteps", 0, "training.total_timesteps", "must be >= 1"),
        (
            "training.total_timestep",
            1,
            "training.total_timestep",
            "Did you mean 'total_timesteps'?",
        ),
        ("learning_rate", 1e-3, "learning_rate", "It belongs to optimizer"),
        ("training.seed", 1, "training.seed", "It belongs to the top level"),
        ("algorithm_config.learning_rate", 1e-3, "algorithm_config.learning_rate", "to optimizer"),
        ("seed.x", 1, "seed", "must be an integer"),
        ("", 1, "", "unknown key"),
    ],
)
def test_a_wrong_override_is_named_as_it_was_given(
    key: str, value: object, path: str, words: str, base: dict[str, Any]
):
    loader = ConfigLoader()
    config = loader.from_mapping(base)

    with pytest.raises(ConfigError) as caught:
        loader.apply_overrides(config, {key: value})

    (fault,) = caught.value.faults
    assert fault.source == f"--set {key}={value}"
    assert fault.path == path or (fault.path, path) == ("<root>", "")
    assert words in fault.message


def test_a_fault_that_an_override_causes_elsewhere_keeps_its_place_in_the_file(path: Path):
    loader = ConfigLoader()
    config = loader.load_config(path)

    with pytest.raises(ConfigError) as caught:
        loader.apply_overrides(config, {"algorithm": "ddpg"})

    (fault,) = caught.value.faults
    assert (fault.source, fault.path, fault.line) == (str(path), "environment.name", 5)


def test_warnings_are_those_of_the_config_loaded_last(base: dict[str, Any]):
    loader = ConfigLoader()
    loader.from_mapping({**base, "algorithm_config": {"tau": 0.1}})

    loader.from_mapping(base)

    assert loader.warnings == []


@pytest.mark.parametrize("value", [None, [], "ppo", 3])
def test_a_config_is_an_object(value: Any):
    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping(value)

    assert caught.value.faults[0].path == "<root>"
