"""The table of hyperparameters against the constructors of the packages that are installed."""

import inspect
from typing import Any

import pytest
import sb3_contrib
import stable_baselines3
import torch

from amc.algorithms.base import SB3 as CLASSES
from amc.config.hyperparameters import SB3, hyperparameters_for

NAMES = list(SB3)
OURS = {"n_envs", "policy", "policy_kwargs"}
# Decided by amc, each refused with a sentence: by `elsewhere`, or since another section has it.
DECIDED = {
    *("env", "learning_rate", "seed", "device", "verbose", "tensorboard_log", "stats_window_size"),
    *("replay_buffer_class", "replay_buffer_kwargs", "optimize_memory_usage", "use_rms_prop"),
    *("rollout_buffer_class", "rollout_buffer_kwargs", "_init_setup_model"),
}
NOT_OF_VECTORS = {
    *("features_extractor_class", "features_extractor_kwargs", "share_features_extractor"),
    *("normalize_images", "observation_space", "action_space", "lr_schedule", "use_sde"),
    "optimizer_class",
}


def constructor(name: str) -> Any:
    short = name.removeprefix("sb3:")
    return getattr(stable_baselines3, short, None) or getattr(sb3_contrib, short)


def parameters(function: Any) -> dict[str, Any]:
    found = inspect.signature(function).parameters
    return {name: one.default for name, one in found.items()}


def test_each_name_has_a_model_and_a_class():
    assert SB3.keys() == CLASSES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_hyperparameters_and_defaults_are_those_of_the_constructor(name: str):
    wanted = parameters(constructor(name))

    settings = hyperparameters_for(name)()

    found = {key: value for key, value in settings if key not in OURS}
    assert found.keys() == wanted.keys() - DECIDED - OURS
    assert found == {key: wanted[key] for key in found}


@pytest.mark.parametrize("name", NAMES)
def test_the_default_learning_rate_is_that_of_the_constructor(name: str):
    model = hyperparameters_for(name)

    assert model.default_learning_rate == parameters(constructor(name))["learning_rate"]
    assert (model.default_optimizer == "rmsprop") == parameters(constructor(name)).get(
        "use_rms_prop", False
    )


@pytest.mark.parametrize("name", NAMES)
def test_policy_kwargs_are_those_of_the_policy(name: str):
    wanted = parameters(constructor(name).policy_aliases[hyperparameters_for(name)().policy])

    kwargs = hyperparameters_for(name)().policy_kwargs.model_dump()

    assert kwargs.keys() == wanted.keys() - NOT_OF_VECTORS
    activations = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}
    assert activations[kwargs.pop("activation_fn")] is wanted["activation_fn"]
    assert (kwargs.pop("optimizer_kwargs"), wanted["optimizer_kwargs"]) == ({}, None)
    assert wanted["net_arch"] is None and kwargs.pop("net_arch")  # compared where it is made
    if name == "sb3:DDPG":
        assert (kwargs.pop("n_critics"), wanted["n_critics"]) == (1, 2)  # SB3's DDPG sets it
    assert kwargs == {key: wanted[key] for key in kwargs}


@pytest.mark.parametrize("name", NAMES)
def test_the_kinds_of_actions_are_those_of_the_algorithm(name: str):
    kinds = {"Box": "continuous", "Discrete": "discrete", "MultiDiscrete": "multi-discrete"}
    source = inspect.getsource(constructor(name).__init__)
    if name == "sb3:DDPG":  # which leaves it to TD3
        source = inspect.getsource(stable_baselines3.TD3.__init__)

    found = {kind for space, kind in kinds.items() if f"spaces.{space}," in source}

    assert hyperparameters_for(name).action_spaces == found
