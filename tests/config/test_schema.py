from typing import Any

import pytest
from pydantic import ValidationError

from amc.config.hyperparameters import (
    DDPGHyperparameters,
    PPOHyperparameters,
    hyperparameters_for,
)
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig, searchable
from amc.errors import ConfigError


@pytest.fixture
def config(base: dict[str, object]) -> ExperimentConfig:
    return ConfigLoader().from_mapping(base)


def test_four_keys_are_enough(config: ExperimentConfig):
    assert config.algorithm_config == PPOHyperparameters()
    assert config.optimizer.learning_rate == 3e-4
    assert config.hyperparameter_optimizer is None
    assert (config.seed, config.training.eval_freq, config.training.eval_episodes) == (
        0,
        10_000,
        10,
    )


def test_a_rollout_has_sb3s_size_by_default():
    settings = PPOHyperparameters()

    assert settings.n_envs * settings.n_steps == 2048


@pytest.mark.parametrize("rate", [{}, {"learning_rate": None}, {"type": "adamw"}])
def test_the_learning_rate_is_the_algorithms_where_the_config_is_silent(
    rate: dict[str, object], base: dict[str, object]
):
    base |= {"algorithm": "ddpg", "environment": {"name": "Pendulum-v1"}, "optimizer": rate}

    config = ConfigLoader().from_mapping(base)

    assert config.optimizer.learning_rate == 1e-3
    assert isinstance(config.algorithm_config, DDPGHyperparameters)


def test_a_config_cannot_be_changed(config: ExperimentConfig):
    with pytest.raises(ValidationError):
        config.seed = 1


def test_hyperparameters_are_replaced_under_short_and_dotted_keys(config: ExperimentConfig):
    changed = config.with_hyperparameters(
        {
            "learning_rate": 1e-3,
            "algorithm_config.gamma": 0.9,
            "hidden_sizes": [32],
            "n_steps": 64.0,
        }
    )

    assert changed.optimizer.learning_rate == 1e-3
    assert changed.algorithm_config == PPOHyperparameters(gamma=0.9, hidden_sizes=(32,), n_steps=64)
    assert config.algorithm_config == PPOHyperparameters()


@pytest.mark.parametrize(
    ("algorithm", "fixed"),
    [
        (
            "ppo",
            {"n_envs", "kl_coef", "hidden_sizes", "activation", "ortho_init", "log_std_init"},
        ),
        (
            "ddpg",
            {"n_envs", "buffer_size", "learning_starts", "noise_type", "hidden_sizes"}
            | {"activation"},
        ),
    ],
)
def test_each_hyperparameter_says_whether_it_may_change_in_a_training(
    algorithm: str, fixed: set[str]
):
    keys = searchable(hyperparameters_for(algorithm))

    may_not = {path for path in keys.paths() if not keys.field(path).may_change}

    assert may_not == {"optimizer.type", *(f"algorithm_config.{name}" for name in fixed)}


def test_every_wrong_hyperparameter_is_told_under_its_key_as_written(config: ExperimentConfig):
    values = {"learning_rate": 5, "algorithm_config.gamma": "x", "tau": 0.1, "hidden_sizes": [0]}

    with pytest.raises(ConfigError) as caught:
        config.with_hyperparameters(values)

    assert {fault.path for fault in caught.value.faults} == values.keys()


def test_a_suggestion_outside_what_fits_still_makes_a_config(config: ExperimentConfig):
    changed = config.with_hyperparameters({"batch_size": 4096})

    assert changed.algorithm_config == PPOHyperparameters(batch_size=4096)


def test_a_resolved_config_is_plain_json_and_loads_to_the_same(base: dict[str, object]):
    base |= {
        "$schema": "./schema/experiment.json",
        "training": {"total_timesteps": 1e6, "memory_limit": "4GiB"},
        "environment": {"name": "FrozenLake-v1", "kwargs": {"desc": [1, {"b": None}]}},
    }
    config = ConfigLoader().from_mapping(base)

    plain = config.to_json()

    assert "$schema" not in plain
    assert plain["training"]["memory_limit"] == 4 * 2**30
    assert plain["algorithm_config"]["hidden_sizes"] == [64, 64]
    assert ConfigLoader().from_mapping(plain).to_json() == plain


@pytest.mark.parametrize(
    ("size", "count"), [("4GiB", 2**32), ("1.5 GB", 1_500_000_000), ("512M", 512_000_000), ("7", 7)]
)
def test_a_size_may_have_a_unit(size: str, count: int, base: dict[str, object]):
    base["training"] = {"total_timesteps": 1, "memory_limit": size}
    base["algorithm_config"] = {"n_envs": 1, "n_steps": 1, "batch_size": 1, "hidden_sizes": []}
    base["algorithm_config"] |= {"normalize_advantage": False}

    if count < 1000:
        with pytest.raises(ConfigError, match=r"memory_limit allows"):
            ConfigLoader().from_mapping(base)
    else:
        assert ConfigLoader().from_mapping(base).training.memory_limit == count


@pytest.mark.parametrize("size", ["4 GiBs", "GiB", "-1", "1e9", "", "0"])
def test_what_is_no_size_is_refused(size: str, base: dict[str, object]):
    base["training"] = {"total_timesteps": 1, "memory_limit": size}

    with pytest.raises(ConfigError, match=r"training\.memory_limit"):
        ConfigLoader().from_mapping(base)


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("hyperparameter_optimizer", "pruner", "asah", "Did you mean 'asha'"),
        ("hyperparameter_optimizer", "mode", "asynch", "Did you mean 'async'"),
        ("hyperparameter_optimizer", "pruner", "asha", "goes with mode 'async'"),
        ("hyperparameter_optimizer", "pruner", "median", "nothing to compare"),
        ("hyperparameter_optimizer", "window", 0, ">= 1"),
        ("hyperparameter_optimizer", "seeds_per_trial", 5, "fewer than the 5 seeds"),
        ("training", "device", "gpu", "cuda:N"),
        ("training", "precision", "bf15", "Did you mean 'bf16'"),
        ("training", "stall_timeout", 0, ">= 1"),
        ("environment", "backend", "envpol", "Did you mean 'envpool'"),
        ("environment", "reward_threshold", "475", "a number"),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(
    section: str, key: str, value: object, words: str, searching: object
):
    mapping = searching({"gamma": [0.9, 0.99]})
    mapping[section][key] = value

    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping(mapping)

    assert words in str(caught.value)
    assert len(caught.value.faults) == 1


STACK = {"name": "gymnasium.wrappers:FrameStackObservation", "kwargs": {"stack_size": 4}}


def test_a_wrapper_is_a_name_or_a_name_with_arguments(
    base: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "gymnasium.wrappers")
    flatten = "gymnasium.wrappers:FlattenObservation"
    base["environment"]["wrappers"] = [STACK, {"name": flatten}, "normalize_observation"]

    config = ConfigLoader().from_mapping(base)

    resolved = config.to_json()
    assert resolved["environment"]["wrappers"] == [STACK, flatten, "normalize_observation"]
    assert ConfigLoader().from_mapping(resolved) == config


@pytest.mark.parametrize(
    ("wrapper", "path", "message"),
    [
        (5, "", 'must be a name, or an object such as {"name": ..., "kwargs": {...}}, but got 5.'),
        ({"nam": "x"}, ".nam", "unknown key. Did you mean 'name'? Known keys: name, kwargs."),
        ({"kwargs": {}}, ".name", "required, but missing. The wrapper's name."),
        ({"name": "normalize_rewards"}, ".name", "Did you mean 'normalize_reward'?"),
        ({**STACK, "kwargs": [4]}, ".kwargs", "must be an object, but got [4]."),
        (
            {"name": "normalize_reward", "kwargs": {"gamma": 1}},
            "",
            "takes no kwargs, but got gamma",
        ),
        ("gymnasium.wrappers:NormalizeReward", "", "Write 'normalize_reward' instead."),
        ("gymnasium.wrappers.stateful_reward:NormalizeReward", "", "'normalize_reward' instead."),
        (
            {"name": "gymnasium.wrappers:NormalizeObservation", "kwargs": {"epsilon": 1}},
            ".name",
            "Write 'normalize_observation' instead.",
        ),
    ],
)
def test_a_wrong_wrapper_is_told_at_its_place(
    wrapper: Any, path: str, message: str, base: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "gymnasium.wrappers,gymnasium.wrappers.stateful_reward")
    base["environment"]["wrappers"] = ["normalize_observation", wrapper]

    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping(base)

    said = {fault.path: fault.message for fault in caught.value.faults}
    assert message in said[f"environment.wrappers.1{path}"]


def test_the_config_of_a_trial_trains_it_alone(base: dict[str, object]):
    base |= {"environment": {"name": "CartPole-v1", "reward_threshold": 475}}
    base["training"] = {"total_timesteps": 1000, "stop_at_reward_threshold": True}
    search = {"type": "random", "n_calls": 4, "search_space": {"gamma": [0.9, 0.99]}}
    config = ConfigLoader().from_mapping({**base, "hyperparameter_optimizer": search})

    searched = config.for_trial({"gamma": 0.95}, seed=42)
    finalist = config.for_trial({"gamma": 0.95}, seed=42, goes_to_its_end=True)

    assert (searched.seed, searched.algorithm_config.gamma) == (42, 0.95)
    assert searched.hyperparameter_optimizer is None
    assert searched.training.stop_at_reward_threshold is True
    assert finalist.training.stop_at_reward_threshold is False, "it was trained to its end"
