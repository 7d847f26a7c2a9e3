"""RecurrentPPO's hyperparameters: what its LSTM may be, and what it takes."""

from typing import Any

import pytest

from amc.config.hyperparameters import hyperparameters_for
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig, searchable
from amc.config.search.proposal import proposed
from amc.errors import ConfigError

NAME = "sb3:RecurrentPPO"


def config(values: Any = (), **more: Any) -> ExperimentConfig:
    mapping = {
        "experiment_name": "test",
        "algorithm": NAME,
        "algorithm_config": dict(values),
        "environment": {"name": "CartPole-v1"},
        "training": {"total_timesteps": 1000},
    }
    return ConfigLoader().from_mapping(mapping | more)


def test_what_is_written_of_the_lstm_is_recorded_and_read_again():
    kwargs = {"lstm_hidden_size": 32, "n_lstm_layers": 2, "lstm_kwargs": {"dropout": 0.1}}
    written = config({"policy_kwargs": kwargs})

    recorded = written.to_json()["algorithm_config"]

    assert recorded["policy"] == "MlpLstmPolicy"
    assert recorded["policy_kwargs"]["lstm_kwargs"] == {"bias": True, "dropout": 0.1}
    assert config(recorded) == written
    assert config().to_json()["algorithm_config"]["policy_kwargs"]["lstm_kwargs"] is None


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"policy": "MlpPolicy"}, '"MlpPolicy" is not'),
        ({"lstm_hidden_size": 8}, "write algorithm_config.policy_kwargs.lstm_hidden_size instead."),
        ({"policy_kwargs": {"shared_lstm": True}}, "goes with enable_critic_lstm false only"),
        ({"policy_kwargs": {"lstm_kwargs": {"dropout": 0.5}}}, "and n_lstm_layers is 1."),
        ({"policy_kwargs": {"lstm_kwargs": {"dropout": 1.0}}}, "dropout"),
        ({"policy_kwargs": {"lstm_kwargs": {"bidirectional": True}}}, "knows one shape of an"),
        ({"policy_kwargs": {"lstm_kwargs": {"num_layers": 2}}}, "write n_lstm_layers beside"),
        ({"policy_kwargs": {"lstm_kwargs": [1]}}, "lstm_kwargs"),
        ({"batch_size": 1}, "advantages cannot be normalised over 1 sample"),
    ],
    ids=str,
)
def test_an_lstm_that_cannot_be_is_refused(values: dict[str, Any], sentence: str):
    with pytest.raises(ConfigError) as raised:
        config(values)

    assert sentence in str(raised.value)


def test_settings_of_the_lstm_are_searched_by_their_short_names():
    space: dict[str, Any] = {"lstm_hidden_size": [16, 64], "dropout": [0.1, 0.5]}
    space["shared_lstm"] = {"choices": [False, True]}
    searching = config(
        {"policy_kwargs": {"n_lstm_layers": 2, "enable_critic_lstm": False}},
        hyperparameter_optimizer={"n_calls": 4, "search_space": space},
    )

    found = searching.with_hyperparameters(
        {"lstm_hidden_size": 24, "dropout": 0.2, "shared_lstm": True}
    ).to_json()["algorithm_config"]["policy_kwargs"]

    assert (found["lstm_hidden_size"], found["shared_lstm"]) == (24, True)
    assert found["lstm_kwargs"] == {"bias": True, "dropout": 0.2}
    keys = searchable(hyperparameters_for(NAME))
    assert keys.field("batch_size").may_change and not keys.field("lstm_hidden_size").may_change
    assert "clip_range" in proposed(config())["search_space"]


def test_memory_is_that_of_the_parameters_and_of_states_in_each_sample():
    model = hyperparameters_for(NAME)

    def needed(n_steps: int = 128, **kwargs: Any) -> dict[str, int]:
        return model(n_steps=n_steps, policy_kwargs=kwargs).memory(17, 6, 10_000)

    lstm = 4 * 256 * (17 + 256 + 2)
    heads = (256 + 1) * 64 + (64 + 1) * 64  # the first two layers of each
    parameters = 2 * lstm + 2 * heads + (64 + 1) * (6 + 1)
    alone = lstm + (17 + 1) * 256 + 2 * heads + (64 + 1) * (6 + 1)
    assert needed()["policy_kwargs"] == 16 * parameters
    assert needed(enable_critic_lstm=False)["policy_kwargs"] == 16 * alone
    assert needed()["n_steps"] == 4 * 128 * (17 + 6 + 6 + 4 * 256)
    assert needed(n_lstm_layers=2)["n_steps"] > needed()["n_steps"] > needed(64)["n_steps"]
