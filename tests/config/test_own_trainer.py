"""A config whose trials a command, or a function, of the user's own trains."""

from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.config.own_trainer import filled
from amc.errors import ConfigError

BASE: dict[str, Any] = {
    "experiment_name": "own",
    "command": ["python", "train.py", "--lr", "{learning_rate}"],
    "hyperparameter_optimizer": {
        "n_calls": 4,
        "search_space": {
            "learning_rate": [1e-4, 1e-2],
            "batch_size": {"low": 16, "high": 64, "type": "int"},
            "env": {"choices": ["easy", "hard"]},
        },
    },
    "training": {"total_timesteps": 1000, "eval_freq": 100},
}


def load(**more: Any):
    return ConfigLoader().from_mapping({**BASE, **more}, source="test")


def faults(**more: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(**more)
    return {fault.path: fault.message for fault in caught.value.faults}


def test_any_names_may_be_searched_and_fixed():
    config = load(algorithm_config={"layers": [64, 64], "env_options": {"level": 3}})

    trial = config.for_trial({"learning_rate": 0.001, "batch_size": 32, "env": "hard"}, seed=5)

    assert trial.algorithm_config.model_dump() == {
        "layers": [64, 64],
        "env_options": {"level": 3},
        "learning_rate": 0.001,
        "batch_size": 32,
        "env": "hard",
    }


def test_it_comes_back_from_its_ledger_as_it_went_in():
    config = load(algorithm_config={"layers": [64, 64]}, env={"LEVEL": "3", "HUB_TOKEN": None})

    again = ConfigLoader().from_mapping(config.to_json(), source="ledger", accepted=True)

    assert again.to_json() == config.to_json()
    assert again.command == config.command


@pytest.mark.parametrize("algorithm", [None, "command"])
def test_the_algorithm_need_not_be_named(algorithm):
    config = load(**({} if algorithm is None else {"algorithm": algorithm}))

    assert config.algorithm == "command" and config.has_own_trainer


def test_only_who_can_resume_is_cut_in_pieces():
    assert not load().is_segmented
    assert load(resumable=True).is_segmented


def test_what_trains_is_told_in_a_few_words():
    assert load().trains == "python train.py --lr {learning_rate}"
    assert load(environment={"name": "MyGame"}).trains.endswith("on MyGame")
    assert load(command=None, trainer="code:train").trains == "code:train"


def test_its_environment_need_not_be_known_here():
    config = load(environment={"name": "Breakout-v9", "kwargs": {"level": 1}, "wrappers": ["own"]})

    assert config.environment.kwargs == {"level": 1}


def test_other_algorithms_do_not_record_what_is_not_theirs():
    config = ConfigLoader().from_mapping(
        {
            "experiment_name": "x",
            "algorithm": "ppo",
            "environment": {"name": "CartPole-v1"},
            "training": {"total_timesteps": 1000},
        },
        source="test",
    )

    assert not {"command", "trainer", "env", "source"} & config.to_json().keys()


@pytest.mark.parametrize(
    ("more", "path", "told"),
    [
        ({"command": ["x", "{learnin_rate}"]}, "command.1", "Did you mean 'learning_rate'?"),
        ({"command": None}, "command", "but got neither"),
        ({"trainer": "a:b"}, "command", "but got both"),
        ({"command": []}, "command", "at least 1 item"),
        ({"command": "python x"}, "command", "must be an array"),
        ({"command": None, "trainer": "a b"}, "trainer", "is no function. Write module:function"),
        ({"env": {"API_KEY": "x"}}, "env.API_KEY", "Write null"),
        ({"env": {"AMC_TRIAL": "x"}}, "env.AMC_TRIAL", "is set by amc"),
        ({"env": {"a b": "x"}}, "env.a b", "cannot be the name of a variable"),
        ({"env": "CartPole-v1"}, "env", "Did you mean 'environment.name'?"),
        ({"algorithm_config": {"seed": 1}}, "algorithm_config.seed", "told to every trial"),
        ({"algorithm_config": {"memory": 1}}, "algorithm_config.memory", "amc uses it"),
        ({"algorithm_config": {"--lr": 1}}, "algorithm_config.--lr", "a letter comes first"),
        ({"score_from": {"tensorbord": "x"}}, "score_from.tensorbord", "unknown key"),
        ({"working_directory": "/tmp"}, "working_directory", "'source' or 'trial'"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(more, path, told):
    assert told in faults(**more)[path]


def test_a_function_has_no_variables_and_no_event_files():
    found = faults(command=None, trainer="a:b", env={"X": "1"}, score_from={"tensorboard": "x"})

    assert {"env", "score_from"} <= found.keys()


@pytest.mark.parametrize("key", ["command", "trainer", "resumable", "score_from", "env", "source"])
def test_with_another_algorithm_they_are_told_to_be_foreign(key):
    values = {
        "command": ["x"],
        "trainer": "a:b",
        "resumable": True,
        "score_from": {"tensorboard": "x"},
        "env": {"X": "1"},
        "source": "/tmp",
    }
    config = {**BASE, "algorithm": "ppo", "environment": {"name": "CartPole-v1"}}
    del config["command"], config["hyperparameter_optimizer"]

    with pytest.raises(ConfigError, match='belongs to "algorithm": "command"'):
        ConfigLoader().from_mapping({**config, key: values[key]}, source="test")


def test_a_network_s_optimizer_has_no_effect():
    loader = ConfigLoader()

    loader.from_mapping({**BASE, "optimizer": {"type": "sgd"}}, source="test")

    assert any("optimizer: it has no effect" in warning for warning in loader.warnings)


def test_placeholders_stand_for_values_as_json_would_write_them():
    values = {"lr": 0.001, "layers": [64, 64], "name": "a b", "flag": True, "none": None}

    found = filled(
        ["--lr={lr}", "{layers}", "{name}", "{flag}", "{none}", '{"a": 1}', "{}"], values
    )

    assert found == ["--lr=0.001", "[64, 64]", "a b", "true", "", '{"a": 1}', "{}"]


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again():
    assert filled(["{a}"], {"a": "{b}", "b": "no"}) == ["{b}"]
