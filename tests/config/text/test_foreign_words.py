from collections.abc import Callable
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.config.search.search_space import describe
from amc.config.text import foreign_words
from amc.errors import ConfigError

Searching = Callable[..., dict[str, Any]]


def faults(config: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping(config)
    return {fault.path: fault.message for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("section", "key", "meant"),
    [
        ("", "env", "environment.name"),
        ("", "env_id", "environment.name"),
        ("", "lr", "optimizer.learning_rate"),
        ("", "timesteps", "training.total_timesteps"),
        ("", "n_timesteps", "training.total_timesteps"),
        ("", "algo", "algorithm"),
        ("", "n_trials", "hyperparameter_optimizer.n_calls"),
        ("", "param_space", "hyperparameter_optimizer.search_space"),
        ("algorithm_config", "net_arch", "hidden_sizes"),
        ("algorithm_config", "policy_kwargs", "hidden_sizes"),
        ("algorithm_config", "ent_coeff", "ent_coef"),
        ("algorithm_config", "clip_coef", "clip_range"),
        ("algorithm_config", "minibatch", "batch_size"),
        ("algorithm_config", "batchSize", "batch_size"),
        ("algorithm_config", "num-envs", "n_envs"),
        ("algorithm_config", "discount-factor", "gamma"),
        ("algorithm_config", "discountFactor", "gamma"),
        ("algorithm_config", "lr", "optimizer.learning_rate"),
        ("training", "total_steps", "total_timesteps"),
        ("training", "n_eval_episodes", "eval_episodes"),
        ("training", "num_gpus", "device"),
        ("environment", "env_name", "name"),
        ("environment", "env_kwargs", "kwargs"),
        ("hyperparameter_optimizer", "n_trials", "n_calls"),
        ("hyperparameter_optimizer", "sampler", "type"),
        ("hyperparameter_optimizer", "space", "search_space"),
    ],
)
def test_a_key_of_another_system_is_answered_with_ours(
    section: str, key: str, meant: str, base: dict[str, Any]
):
    changed = {**base.get(section, {}), key: 1} if section else 1

    found = faults({**base, section or key: changed})

    assert f"Did you mean {meant!r}?" in found[f"{section}.{key}".lstrip(".")]


@pytest.mark.parametrize(
    ("form", "key", "meant"),
    [
        ({"min": 0.9, "max": 0.99}, "min", "low"),
        ({"min": 0.9, "max": 0.99}, "max", "high"),
        ({"low": 0.9, "high": 0.99, "log_uniform": True}, "log_uniform", "log"),
        ({"categorical": [0.9]}, "categorical", "choices"),
        ({"low": 0.9, "high": 0.99, "distribution": "uniform"}, "distribution", "type"),
    ],
)
def test_a_dimension_of_another_system_is_answered_with_ours(
    form: dict[str, Any], key: str, meant: str, searching: Searching
):
    found = faults(searching({"gamma": form}))

    path = f"hyperparameter_optimizer.search_space.gamma.{key}"
    assert f"Did you mean {meant!r}?" in found[path]


@pytest.mark.parametrize(
    ("kind", "meant"), [("loguniform", "log"), ("categorical", "choice"), ("int_uniform", "int")]
)
def test_a_type_of_another_system_is_answered_with_ours(
    kind: str, meant: str, searching: Searching
):
    found = faults(searching({"gamma": {"type": kind, "low": 0.9, "high": 0.99}}))

    message = found["hyperparameter_optimizer.search_space.gamma.type"]
    assert f"Write {meant!r}." in message


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("quasirandom", "sobol"),
        ("quasi-random", "sobol"),
        ("lhs", "sobol"),
        ("latin_hypercube", "sobol"),
        ("Sobol", "sobol"),
        ("GP", "bayesian"),
        ("bayes_opt", "bayesian"),
        ("uniform", "random"),
        ("grid_search", "grid"),
        ("optuna", "tpe"),
        ("TPESampler", "tpe"),
    ],
)
def test_a_search_of_another_system_is_answered_with_ours(
    name: str, meant: str, searching: Searching
):
    config = searching({"gamma": [0.9, 0.99]})
    config["hyperparameter_optimizer"]["type"] = name

    found = faults(config)["hyperparameter_optimizer.type"]

    assert f"Did you mean {meant!r}? Known: " in found


@pytest.mark.parametrize(
    ("key", "meant"), [("lr", "learning_rate"), ("bs", "batch_size"), ("ent_coeff", "ent_coef")]
)
def test_a_searched_key_of_another_system_is_answered_with_ours(
    key: str, meant: str, searching: Searching
):
    found = faults(searching({key: [0.1, 0.2]}))

    assert f"Did you mean {meant!r}?" in found[f"hyperparameter_optimizer.search_space.{key}"]


def test_every_word_leads_to_a_setting_that_there_is():
    sections = {name: field.annotation for name, field in ExperimentConfig.model_fields.items()}

    for path in set(foreign_words._MEANT.values()):
        section, _, name = path.rpartition(".")
        if section and section not in ("algorithm_config", "hyperparameter_optimizer"):
            assert name in sections[section].model_fields, path


def test_no_setting_of_ours_is_a_word_for_another_one():
    ours = {"experiment_name", "seed", "name", "n_steps", "n_epochs", "gamma", "tau", "threads"}

    for word in ours - {"name"}:
        assert foreign_words.here(word, ()) is None


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("gpu", "Did you mean 'cuda'?"),
        ("gpu0", "Did you mean 'cuda:0'?"),
        ("cuda0", "Did you mean 'cuda:0'?"),
        ("1", "Did you mean 'cuda:1'?"),
        ("mps", "Write auto, cpu, cuda or cuda:N."),
        ("cuda:0,1", "Write auto, cpu, cuda or cuda:N."),
        ("cpu\n", "'cpu\\\\n' is no device"),
    ],
)
def test_a_strange_device_is_refused_with_what_was_meant(
    device: str, words: str, base: dict[str, Any]
):
    base["training"]["device"] = device

    assert words.replace("\\\\", "\\") in faults(base)["training.device"]


@pytest.mark.parametrize("name", ["con", "NUL", "aux.json", "COM1", "lpt9.x"])
def test_a_name_that_is_a_device_is_refused(name: str, base: dict[str, Any]):
    base["experiment_name"] = name

    assert "is a device on Windows" in faults(base)["experiment_name"]


@pytest.mark.parametrize("name", ["console", "con-1", "com10", "nullify", "x.con"])
def test_a_name_that_only_begins_like_a_device_is_a_name(name: str, base: dict[str, Any]):
    base["experiment_name"] = name

    assert ConfigLoader().from_mapping(base).experiment_name == name


@pytest.mark.parametrize(
    ("key", "form", "value"),
    [
        ("gamma", [0.9, 0.9], 0.9),
        ("n_epochs", [3, 3.0], 3),
        ("gamma", {"low": 0.9, "high": 0.9, "log": True}, 0.9),
        ("activation", {"choices": ["relu"]}, "relu"),
        ("hidden_sizes", {"type": "choice", "values": [[32, 32]]}, [32, 32]),
    ],
)
def test_a_dimension_of_one_value_is_a_constant_with_a_note(
    key: str, form: Any, value: Any, searching: Searching
):
    loader = ConfigLoader()

    config = loader.from_mapping(searching({key: form, "ent_coef": [0.001, 0.1]}))

    assert loader.warnings == [
        f"hyperparameter_optimizer.search_space.{key}: a single value is a constant; "
        "it is not searched."
    ]
    space = config.hyperparameter_optimizer.search_space
    assert space[key].choices == (value,)
    assert describe(space)[0].startswith(f"{key}: always ")
    assert ConfigLoader().from_mapping(config.to_json()) == config


def test_a_space_of_constants_is_noted_as_one_suggestion(searching: Searching):
    loader = ConfigLoader()

    loader.from_mapping(searching({"gamma": [0.9, 0.9], "n_epochs": [3, 3]}))

    (warning,) = loader.warnings
    assert "all trials try the same" in warning
