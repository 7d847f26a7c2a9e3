"""Schedules and populations: what of them makes no sense is refused with a sentence."""

from collections.abc import Callable
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.config.schedule import Stage
from amc.config.schema import ExperimentConfig
from amc.errors import ConfigError


def scheduled(*changes: dict[str, Any], **more: Any) -> ExperimentConfig:
    return ConfigLoader().from_mapping(
        {
            "experiment_name": "test",
            "algorithm": "ppo",
            "environment": {"name": "CartPole-v1"},
            "training": {"total_timesteps": 20_000},
            "schedule": list(changes),
            **more,
        },
        source="test",
    )


def refusal(make: Callable[[], Any]) -> str:
    with pytest.raises(ConfigError) as error:
        make()
    return str(error.value)


def test_a_schedule_is_understood_as_stages_in_which_nothing_changes():
    config = scheduled(
        {"from_step": 500, "hyperparameters": {"learning_rate": 0.01}},
        {"from_step": 5000, "hyperparameters": {"gamma": 0.9}, "reseed": 4},
    )

    assert config.stages == (
        Stage(500, {}),
        Stage(5000, {"learning_rate": 0.01}),
        Stage(20_000, {"learning_rate": 0.01, "gamma": 0.9}, 4),
    )
    assert scheduled().stages == (Stage(20_000, {}),)
    loaded = ConfigLoader().from_mapping(config.to_json(), source="again")
    assert loaded == config


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"from_step": 500}, "schedule.1.from_step: must be more than 500 and less than"),
        ({"from_step": 20_000}, "less than total_timesteps 20000, but got 20000"),
        ({"hyperparameters": {"lr": 1e-3}}, "schedule.1.hyperparameters.lr: nothing of this name"),
        ({"hyperparameters": {"gamma": 3}}, "schedule.1.hyperparameters.gamma: must be <= 1"),
        ({"hyperparameters": {"n_envs": 2}}, "n_envs cannot change in mid-training"),
        ({"hyperparameters": {"hidden_sizes": [8]}}, "May change: batch_size, clip_range"),
        ({"hyperparameters": {"batch_size": 4096}}, "schedule.1: batch_size: 4096 is more than"),
        ({"reseed": -1}, "schedule.1.reseed: must be >= 0"),
        ({"until": 5}, "schedule.1.until: unknown key"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(change: dict[str, Any], said: str):
    first = {"from_step": 500, "hyperparameters": {"gamma": 0.9}}

    text = refusal(lambda: scheduled(first, {"from_step": 900, **change}))

    assert said in text


def test_a_schedule_does_not_go_with_a_search():
    search = {"n_calls": 4, "search_space": {"gamma": [0.9, 0.99]}}

    text = refusal(lambda: scheduled({"from_step": 5}, hyperparameter_optimizer=search))

    assert "schedule: a search looks for hyperparameters that stay" in text


def test_a_trial_of_a_config_with_a_schedule_has_none_itself():
    config = scheduled({"from_step": 500, "hyperparameters": {"gamma": 0.9}})

    assert config.for_trial({}, seed=3).schedule == ()
