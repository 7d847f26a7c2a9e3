from collections.abc import Callable
from typing import Any

import pytest

from amc.config import checks
from amc.config.hyperparameters import DDPGHyperparameters, PPOHyperparameters
from amc.config.loader import ConfigLoader
from amc.errors import ConfigError

PENDULUM: dict[str, Any] = {"algorithm": "ddpg", "environment": {"name": "Pendulum-v1"}}


def refused(mapping: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping(mapping)
    return [fault.path for fault in caught.value.faults]


def warned(mapping: dict[str, Any]) -> list[str]:
    loader = ConfigLoader()
    loader.from_mapping(mapping)
    return loader.warnings


def stopping(threshold: float | None, **training: Any) -> dict[str, Any]:
    environment = {"name": "CartPole-v1", "reward_threshold": threshold}
    return {"environment": environment, "training": {"total_timesteps": 1000, **training}}


@pytest.mark.parametrize(
    "sections",
    [
        stopping(None, stop_at_reward_threshold=True),
        stopping(475, stop_at_reward_threshold=True, eval_freq=None),
    ],
    ids=["no threshold", "no evaluation"],
)
def test_stopping_at_a_threshold_that_is_never_seen_is_refused(
    sections: dict[str, Any], base: dict[str, Any]
):
    assert refused({**base, **sections}) == ["training.stop_at_reward_threshold"]


def test_seeds_of_one_configuration_do_not_go_with_a_search(
    base: dict[str, Any], searching: Callable[..., Any]
):
    assert refused({**searching({"gamma": [0.9, 0.99]}), "seeds": 3}) == ["seeds"]
    config = ConfigLoader().from_mapping({**base, "seeds": 3})
    assert config.seeds == 3
    assert config.for_trial({}, seed=1).seeds == 1


def test_stopping_at_a_threshold_is_recorded(base: dict[str, Any]):
    config = ConfigLoader().from_mapping({**base, **stopping(475, stop_at_reward_threshold=True)})

    assert config.to_json()["training"]["stop_at_reward_threshold"] is True
    assert config.to_json()["training"]["eval_max_episode_steps"] == 50_000


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"n_envs": 2, "n_steps": 8, "batch_size": 17}, "batch_size"),
        ({"batch_size": 1}, "batch_size"),
        ({"batch_size": 64, "micro_batch_size": 65}, "micro_batch_size"),
    ],
)
def test_minibatches_that_cannot_be_cut_are_refused(
    settings: dict[str, Any], key: str, base: dict[str, Any]
):
    assert refused({**base, "algorithm_config": settings}) == [f"algorithm_config.{key}"]


def test_a_rest_of_a_minibatch_is_a_warning(base: dict[str, Any]):
    (warning,) = warned({**base, "algorithm_config": {"batch_size": 100}})

    assert "the last minibatch of each epoch has 48" in warning


def test_what_only_some_suggestions_do_wrong_is_a_warning(searching: Callable[..., Any]):
    space = {"batch_size": [32, 512], "n_steps": [16, 2048]}

    (warning,) = warned(searching(space))

    assert warning.startswith("the search can suggest a batch_size that does not fit: 512")


def test_what_every_suggestion_does_wrong_is_refused_where_it_is_searched(
    searching: Callable[..., Any],
):
    space = {"batch_size": [512, 1024]}
    settings = {"n_envs": 1, "n_steps": 128}

    paths = refused(searching(space, algorithm_config=settings))

    assert paths == ["hyperparameter_optimizer.search_space.batch_size"]


def test_what_the_search_replaces_is_not_held_against_the_config(searching: Callable[..., Any]):
    settings = {"n_envs": 1, "n_steps": 128, "batch_size": 4096}

    assert warned(searching({"batch_size": [32, 128]}, algorithm_config=settings)) == []


def test_a_replay_buffer_is_measured_against_the_memory_limit(base: dict[str, Any]):
    # 1e6 transitions of 2 * 3 + 1 + 2 numbers are 36 MB, the networks another 2 MB.
    def config(limit: str) -> dict[str, Any]:
        training = {"total_timesteps": 1_000_000, "memory_limit": limit}
        return {**base, **PENDULUM, "training": training}

    assert refused(config("36MB")) == ["algorithm_config.buffer_size"]
    assert warned(config("40MB")) == []


@pytest.mark.parametrize(
    "sections",
    [
        {"algorithm": "ddpg", "environment": {"name": "HalfCheetah-v4"}, "algorithm_config": {}},
        {"algorithm": "ddpg", "environment": {"name": "Pendulum-v1"}, "algorithm_config": {}}
        | {"algorithm_config": {"buffer_size": 10**10}},
        {"algorithm_config": {"n_steps": 10**12}},
    ],
    ids=["replay of the default size", "replay", "rollout"],
)
def test_only_what_training_will_ever_hold_is_counted(
    sections: dict[str, Any], base: dict[str, Any]
):
    training = {"total_timesteps": 2000, "memory_limit": "16MB"}

    config = ConfigLoader().from_mapping({**base, **sections, "training": training})

    assert config.training.memory_limit == 16_000_000


def test_the_largest_buffer_that_is_searched_counts(searching: Callable[..., Any]):
    space = {"buffer_size": [1000, 10**10]}
    training = {"total_timesteps": 10**12}

    assert refused(searching(space, **PENDULUM, training=training)) == [
        "hyperparameter_optimizer.search_space.buffer_size"
    ]


def test_a_rollout_and_a_network_are_measured_too(base: dict[str, Any]):
    training = {"total_timesteps": 10**12}

    assert refused({**base, "training": training, "algorithm_config": {"n_steps": 10**12}}) == [
        "algorithm_config.n_steps"
    ]
    assert refused({**base, "algorithm_config": {"hidden_sizes": [65536] * 4}}) == [
        "algorithm_config.hidden_sizes"
    ]


def test_a_config_from_a_ledger_is_not_measured_against_this_machine(base: dict[str, Any]):
    base |= {**PENDULUM, "algorithm_config": {"buffer_size": 10**10}}

    config = ConfigLoader().from_mapping(base, source="experiment.json", accepted=True)

    assert config.algorithm == "ddpg"


def test_the_machines_memory_is_known():
    assert 2**28 < checks.machine_memory() < 2**50


def test_the_estimate_is_near_what_is_held():
    transitions = DDPGHyperparameters(hidden_sizes=()).memory(17, 6, 10**9)["buffer_size"]
    rollout = PPOHyperparameters().memory(4, 2, 10**9)["n_steps"]

    assert transitions == 1_000_000 * 42 * 4
    assert rollout == 2048 * 12 * 4
