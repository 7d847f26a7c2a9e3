from collections.abc import Callable
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.config.search.search_space import Dimension, describe, parse_dimension
from amc.errors import ConfigError

Searching = Callable[..., dict[str, Any]]
SPACE = "hyperparameter_optimizer.search_space"


def space_of(mapping: dict[str, Any]) -> dict[str, Dimension]:
    search = ConfigLoader().from_mapping(mapping).hyperparameter_optimizer
    assert search is not None
    return search.search_space


def faults_of(mapping: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping(mapping)
    return {fault.path.removeprefix(f"{SPACE}."): fault.message for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("form", "dimension"),
    [
        ([0.1, 0.3], Dimension(0.1, 0.3)),
        ([0.0001, 0.01], Dimension(0.0001, 0.01, "log")),
        ([0.0001, 0.00999], Dimension(0.0001, 0.00999)),
        ([0, 1000], Dimension(0.0, 1000.0)),
        ([-1, 1], Dimension(-1.0, 1.0)),
        ({"low": 1, "high": 2, "log": True}, Dimension(1.0, 2.0, "log")),
        ({"low": 1, "high": 1000, "log": False}, Dimension(1.0, 1000.0)),
        ({"low": 1, "high": 1000}, Dimension(1.0, 1000.0, "log")),
        ({"type": "log", "low": 1, "high": 2}, Dimension(1.0, 2.0, "log")),
        ({"low": 0.9, "high": 0.99, "reverse_log": True}, Dimension(0.9, 0.99, "reverse_log")),
        ({"low": 1, "high": 8.0, "type": "int"}, Dimension(1, 8, type="int")),
        ({"choices": ["a", None, 1]}, Dimension(0, 2, choices=("a", None, 1))),
        ({"type": "choice", "values": [1, True]}, Dimension(0, 1, choices=(1, True))),
        ({"low": 0, "high": 1, "if": {"x": "a"}}, Dimension(0.0, 1.0, condition={"x": ("a",)})),
        ({"low": 0, "high": 1, "if": {"x": [1, 2]}}, Dimension(0.0, 1.0, condition={"x": (1, 2)})),
    ],
)
def test_every_form_is_understood_and_comes_back_from_its_json(form: Any, dimension: Dimension):
    assert parse_dimension(form) == dimension
    assert parse_dimension(dimension.to_json()) == dimension
    assert parse_dimension(dimension) is dimension


@pytest.mark.parametrize(
    ("form", "path", "words"),
    [
        ([1, 0], "<root>", "low < high must hold, but got low=1.0, high=0.0"),
        ([], "<root>", "0 values"),
        ([1], "<root>", "1 value."),
        ([1, 2, 3], "<root>", "choices"),
        ([None, 1], "0", "finite number"),
        ([0, True], "1", "finite number"),
        ([0, "1"], "1", "finite number"),
        ([float("nan"), 1], "0", "finite number"),
        ([0, float("inf")], "1", "finite number"),
        ([0, 10**400], "1", "finite number"),
        (3, "<root>", "[low, high]"),
        (None, "<root>", "[low, high]"),
        ({"high": 1}, "low", "missing"),
        ({"low": 1}, "high", "missing"),
        ({"low": 0, "high": 1, "log": True}, "low", "low > 0"),
        ({"low": 0, "high": 1, "reverse_log": True}, "high", "high < 1"),
        ({"low": 0.1, "high": 0.5, "log": True, "reverse_log": True}, "reverse_log", "not both"),
        ({"low": 0.1, "high": 0.5, "log": 1}, "log", "true or false"),
        ({"low": 0, "high": 1, "hihg": 2}, "hihg", "Did you mean 'high'"),
        ({"low": 0, "high": 1, "type": "real"}, "type", "is not one of"),
        ({"low": 1.5, "high": 3, "type": "int"}, "low", "whole number"),
        ({"choices": []}, "choices", "an array of values"),
        ({"choices": "ab"}, "choices", "an array"),
        ({"choices": [1, 1.0]}, "choices.1", "twice"),
        ({"choices": [1, 2], "low": 1}, "low", "no range"),
        ({"choices": [1, 2], "values": [1, 2]}, "values", "mean the same"),
        ({"low": 0, "high": 1, "if": "x"}, "if", "an object"),
    ],
)
def test_a_wrong_form_is_refused_where_it_is_wrong(form: Any, path: str, words: str):
    with pytest.raises(ConfigError) as caught:
        parse_dimension(form)

    assert [fault.path for fault in caught.value.faults] == [path]
    assert words in str(caught.value)


def test_the_searched_field_makes_whole_numbers(searching: Searching):
    space = space_of(searching({"batch_size": [32, 512], "n_epochs": {"low": 2.0, "high": 9}}))

    assert space["batch_size"] == Dimension(32, 512, type="int")
    assert isinstance(space["n_epochs"].low, int)


def test_a_choice_is_stored_as_the_field_would_hold_it(searching: Searching):
    space = space_of(searching({"hidden_sizes": {"choices": [[64, 64.0], [256]]}}))

    assert space["hidden_sizes"].choices == ([64, 64], [256])


def test_a_bound_or_choice_outside_the_fields_range_is_refused(searching: Searching):
    faults = faults_of(
        searching(
            {
                "gamma": [0.9, 1.5],
                "clip_range": {"low": 0, "high": 0.3},
                "activation": {"choices": ["tanh", "rleu"]},
                "n_steps": {"values": [64, 0]},
            }
        )
    )

    assert faults == {
        "gamma.1": "must be <= 1.0, but got 1.5.",
        "clip_range.low": "must be > 0.0, but got 0.",
        "activation.choices.1": "\"rleu\" is not one of 'tanh' or 'relu'. Did you mean 'relu'?",
        "n_steps.values.1": "must be >= 1, but got 0.",
    }


def test_what_is_no_number_is_searched_by_choices_only(searching: Searching):
    faults = faults_of(searching({"activation": ["tanh", "relu"], "ortho_init": {"low": 0}}))

    assert faults.keys() == {"activation", "ortho_init"}
    assert all('Write {"choices": [...]}' in message for message in faults.values())


def test_a_float_type_on_a_whole_number_is_refused(searching: Searching):
    faults = faults_of(searching({"n_steps": {"low": 1, "high": 2, "type": "float"}}))

    assert "whole number" in faults["n_steps.type"]


def test_a_key_is_a_short_name_or_a_dotted_path(searching: Searching):
    space = space_of(searching({"optimizer.learning_rate": [1e-4, 1e-3], "gamma": [0.9, 0.99]}))

    assert list(space) == ["optimizer.learning_rate", "gamma"]


def test_two_keys_of_one_setting_are_refused(searching: Searching):
    faults = faults_of(searching({"gamma": [0.9, 0.99], "algorithm_config.gamma": [0.9, 0.99]}))

    assert faults == {"algorithm_config.gamma": "'gamma' is the same setting. Keep one of them."}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("gama", "Did you mean 'gamma'?"),
        ("lr", "Did you mean 'learning_rate'?"),
        ("training.total_timesteps", "can be searched"),
        ("tau", "belongs to ddpg and has no effect with ppo, so it cannot be searched"),
        ("algorithm_config.tau", "belongs to ddpg"),
        ("", "can be searched"),
    ],
)
def test_an_unknown_key_is_refused_with_what_was_meant(key: str, words: str, searching: Searching):
    assert words in faults_of(searching({key: [0.1, 0.2]}))[key]


def test_a_condition_names_a_dimension_and_a_value_it_takes(searching: Searching):
    ddpg = {"algorithm": "ddpg", "environment": {"name": "Pendulum-v1"}}
    space = {
        "noise_type": {"choices": ["ou", "none"]},
        "noise_std": {"low": 0.1, "high": 1, "if": {"noise_type": "ou"}},
        "tau": {"low": 0.1, "high": 0.2, "if": {"noise_typ": "ou"}},
        "gamma": {"low": 0.1, "high": 0.2, "if": {"noise_type": "normal"}},
        "noise_dt": {"low": 0.1, "high": 0.2, "if": {"noise_std": 0.5}},
        "noise_theta": {"low": 0.1, "high": 0.2, "if": {"batch_size": [64, 1000]}},
        "batch_size": [32, 512],
    }

    faults = faults_of(searching(space, **ddpg))

    assert faults.keys() == {
        "tau.if.noise_typ",
        "gamma.if.noise_type",
        "noise_dt.if.noise_std",
        "noise_theta.if.batch_size",
    }


def test_the_space_is_described_as_understood(searching: Searching):
    space = space_of(
        searching(
            {
                "learning_rate": [1e-4, 1e-2],
                "gamma": {"low": 0.9, "high": 0.999, "reverse_log": True},
                "n_epochs": {"low": 2, "high": 9, "if": {"activation": ["tanh", "relu"]}},
                "activation": {"choices": ["tanh", "relu"]},
            }
        )
    )

    assert describe(space) == [
        "learning_rate: 0.0001 to 0.01, log scale",
        "gamma: 0.9 to 0.999, log scale of 1 - value",
        'n_epochs: whole numbers 2 to 9, linear scale, only if activation is "tanh" or "relu"',
        'activation: one of "tanh", "relu"',
    ]
