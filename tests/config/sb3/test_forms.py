"""What hyperparameters of Stable-Baselines3 may be written as, searched and changed."""

from typing import Any

import pytest

from amc.config.hyperparameters import hyperparameters_for
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig, searchable
from amc.errors import ConfigError

FULL: dict[str, Any] = {
    "train_freq": [1, "episode"],
    "ent_coef": "auto_0.1",
    "target_entropy": -2,
    "action_noise": {"type": "ou", "sigma": 0.2},
    "policy_kwargs": {
        "net_arch": {"pi": [32], "qf": [64, 64]},
        "activation_fn": "nn.LeakyReLU",
        "optimizer_kwargs": {"betas": [0.5, 0.999], "weight_decay": 0.01},
    },
}


def config(algorithm: str = "sb3:SAC", values: Any = (), **more: Any) -> ExperimentConfig:
    mapping = {
        "experiment_name": "test",
        "algorithm": algorithm,
        "algorithm_config": dict(values),
        "environment": {"name": "CartPole-v1" if "DQN" in algorithm else "Pendulum-v1"},
        "training": {"total_timesteps": 1000},
    }
    return ConfigLoader().from_mapping(mapping | more)


def test_all_forms_are_kept_and_read_again_from_what_is_recorded():
    written = config(values=FULL)

    recorded = written.to_json()["algorithm_config"]

    assert [recorded[key] for key in ("train_freq", "ent_coef", "target_entropy")] == [
        [1, "episode"],
        "auto_0.1",
        -2.0,
    ]
    assert recorded["action_noise"] | FULL["action_noise"] == recorded["action_noise"]
    assert recorded["policy_kwargs"]["activation_fn"] == "leaky_relu"
    assert recorded["policy_kwargs"]["net_arch"] == {"pi": [32], "qf": [64, 64]}
    assert config(values=recorded) == written


def test_a_frequency_in_steps_is_a_number():
    assert (
        config(values={"train_freq": [4, "step"]}).to_json()["algorithm_config"]["train_freq"] == 4
    )


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"train_freq": [1, "epsode"]}, "[1, 'epsode'] is no frequency."),
        ({"train_freq": 0}, "0 is no frequency."),
        ({"train_freq": True}, "True is no frequency."),
        ({"ent_coef": "autoo"}, "'autoo' is no weight."),
        ({"ent_coef": "auto_x"}, "'auto_x' is no weight."),
        ({"ent_coef": -1}, "-1 is no weight."),
        ({"target_entropy": "car"}, "'car' is no entropy."),
        ({"policy": "CnnPolicy"}, 'algorithm_config.policy: "CnnPolicy" is not one of'),
        ({"policy_kwargs": {"net_arch": {"pi": [3]}}}, "is no network of this policy. Write"),
        ({"policy_kwargs": {"net_arch": [0]}}, "[0] is no network of this policy."),
        ({"policy_kwargs": {"net_arch": [{"pi": [3]}]}}, "is no network of this policy."),
        ({"policy_kwargs": {"activation_fn": "nn.Relu6"}}, "Did you mean 'relu'?"),
        ({"policy_kwargs": {"optimizer_class": "Adam"}}, "write optimizer.type instead."),
        ({"policy_kwargs": {"optimizer_kwargs": {"momentum": 0.9}}}, "adam takes no momentum."),
        ({"policy_kwargs": {"optimizer_kwargs": {"eps": "x"}}}, '"x" is neither a number'),
        ({"n_envs": 2, "train_freq": [1, "episode"]}, "but n_envs is 2."),
    ],
)
def test_a_form_that_means_nothing_is_refused(values: dict[str, Any], sentence: str):
    with pytest.raises(ConfigError) as raised:
        config(values=values)

    assert sentence in str(raised.value)


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ConfigError, match="2 of 2 leave none"):
        config("sb3:TQC", {"policy_kwargs": {"n_quantiles": 2}})
    with pytest.raises(ConfigError, match="squash_output goes with use_sde only"):
        config("sb3:PPO", {"policy_kwargs": {"squash_output": True}})
    with pytest.raises(ConfigError, match="advantages cannot be normalised over 1 sample"):
        config("sb3:TRPO", {"batch_size": 1})
    with pytest.raises(ConfigError, match=r"training\.precision: Stable-Baselines3 computes in"):
        config(training={"total_timesteps": 1000, "precision": "bf16"})
    with pytest.raises(ConfigError, match=r"training\.kernel: 'fast' is not possible"):
        config(training={"total_timesteps": 1000, "kernel": "fast"})


def test_what_is_allowed_and_probably_not_meant_is_told():
    loader = ConfigLoader()

    loader.from_mapping(config(values={"learning_starts": 5000}).to_json())
    first = list(loader.warnings)
    loader.from_mapping(config("sb3:PPO", {"n_steps": 100, "batch_size": 30}).to_json())

    assert "the first update comes after 5000 steps" in first[0]
    assert "30 does not divide the 100 samples of an update" in loader.warnings[0]


def test_a_replay_buffer_that_no_machine_holds_is_refused():
    with pytest.raises(ConfigError, match="a trial would need about"):
        config(
            values={"buffer_size": 10**10},
            training={"total_timesteps": 10**10, "memory_limit": "1GiB"},
        )


@pytest.mark.parametrize("name", ["sb3:PPO", "sb3:A2C", "sb3:DQN", "sb3:TD3", "sb3:CrossQ"])
def test_memory_grows_with_what_is_kept_and_with_the_networks(name: str):
    model = hyperparameters_for(name)

    short, long = (model().memory(17, 6, steps) for steps in (1, 10_000))
    wide = model(policy_kwargs={"net_arch": [2048, 2048]}).memory(17, 6, 10)

    assert sum(short.values()) < sum(long.values())
    assert short["policy_kwargs"] < wide["policy_kwargs"]


def test_settings_of_a_policy_and_of_noise_are_searched_by_their_short_names():
    space = {
        "net_arch": {"choices": [[16], {"pi": [8], "qf": [16]}]},
        "activation_fn": {"choices": ["relu", "torch.nn.Tanh"]},
        "sigma": [0.05, 0.5],
        "ent_coef": [0.001, 0.1],
        "algorithm_config.train_freq": [1, 8],
        "algorithm_config.action_noise.type": {"choices": ["ou", "normal"]},
        "theta": {"low": 0.1, "high": 0.2, "if": {"algorithm_config.action_noise.type": "ou"}},
    }
    points = [{"sigma": 0.1, "ent_coef": 0.01, "net_arch": [16], "theta": 0.1,
               "algorithm_config.action_noise.type": "ou"}]  # fmt: skip
    search = {"n_calls": 4, "search_space": space, "initial_points": points}
    searching = config(values={"policy_kwargs": {"n_critics": 3}}, hyperparameter_optimizer=search)

    found = searching.with_hyperparameters(
        {"net_arch": {"pi": [8], "qf": [16]}, "sigma": 0.3, "ent_coef": 0.01}
    ).to_json()["algorithm_config"]

    assert found["policy_kwargs"]["net_arch"] == {"pi": [8], "qf": [16]}
    assert found["policy_kwargs"]["n_critics"] == 3, "what is not searched stays"
    assert found["action_noise"]["sigma"] == 0.3
    assert found["ent_coef"] == 0.01
    first = searching.hyperparameter_optimizer.initial_points[0]
    assert first["activation_fn"] == "relu" and first["algorithm_config.train_freq"] == 1


def test_a_suggestion_that_is_not_allowed_is_blamed_on_its_key():
    with pytest.raises(ConfigError) as raised:
        config().with_hyperparameters({"net_arch": [0], "sigma": 30})

    assert [fault.path for fault in raised.value.faults] == ["net_arch", "sigma"]


def test_what_was_trained_depends_on_its_networks_and_not_on_its_noise():
    keys = searchable(hyperparameters_for("sb3:SAC"))

    assert keys.field("sigma").may_change and keys.field("tau").may_change
    assert not keys.field("net_arch").may_change and not keys.field("ent_coef").may_change


def test_a2c_learns_by_rmsprop_unless_it_is_said():
    assert config("sb3:A2C").optimizer.type == "rmsprop"
    assert config("sb3:A2C", optimizer={"type": "adam"}).optimizer.type == "adam"
    assert config("sb3:SAC").optimizer.type == "adam"
