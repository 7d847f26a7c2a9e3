"""Schedules and populations: what of them makes no sense is refused with a sentence."""

from collections.abc import Callable
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.config.schedule import Stage
from amc.config.schema import ExperimentConfig
from amc.config.search.generations import generations
from amc.errors import ConfigError
from tests.experiments import of_command

MakeConfig = Callable[..., ExperimentConfig]


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


def of_population(make_config: MakeConfig, overrides: dict[str, Any]) -> ExperimentConfig:
    basis = {
        "training.total_timesteps": 20_000,
        "training.eval_freq": 1000,
        "hyperparameter_optimizer.type": "pbt",
    }
    return make_config(basis | overrides)


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


def test_a_population_is_compared_ten_times_unless_said(make_config: MakeConfig):
    for steps, every, given, ends in (
        (20_000, 1000, None, (*range(2000, 20_000, 2000), 20_000)),
        (20_000, 3000, None, (3000, 6000, 9000, 12_000, 15_000, 18_000, 20_000)),
        (20_000, 1000, 8000, (8000, 16_000, 20_000)),
    ):
        config = of_population(
            make_config,
            {
                "training.total_timesteps": steps,
                "training.eval_freq": every,
                "hyperparameter_optimizer.perturbation_interval": given,
            },
        )
        search = config.hyperparameter_optimizer
        assert search is not None and generations(search, config.training) == ends


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"hyperparameter_optimizer.mode": "async"}, "which is a round, but mode is 'async'"),
        ({"hyperparameter_optimizer.pruner": "asha"}, "nothing is halted. Leave it out."),
        ({"hyperparameter_optimizer.finalists": 2}, "a schedule and its weights"),
        ({"hyperparameter_optimizer.seeds_per_trial": 2}, "one trial on one seed, but got 2"),
        ({"hyperparameter_optimizer.warm_start": "other-1"}, "learns nothing from scores"),
        ({"hyperparameter_optimizer.max_timesteps": 10**6}, "trained to the same step"),
        ({"hyperparameter_optimizer.max_hours": 2.0}, "max_hours: all members begin together"),
        ({"hyperparameter_optimizer.n_calls": 3}, "has 4 to 10,000 members, but got 3"),
        ({"hyperparameter_optimizer.perturbation_interval": 1500}, "a multiple of training.eval"),
        ({"hyperparameter_optimizer.perturbation_interval": 20_000}, "make 1 generation, but 2"),
        ({"hyperparameter_optimizer.quantile_fraction": 0.6}, "quantile_fraction: must be <= 0.5"),
        ({"training.eval_freq": None}, "training.eval_freq is null. Set eval_freq, or choose"),
        (
            {"training.stop_at_reward_threshold": True, "environment.reward_threshold": 400.0},
            "members are trained to the same step",
        ),
        (
            {"hyperparameter_optimizer.search_space": {"n_envs": [2, 4], "gamma": [0.9, 0.99]}},
            "search_space.n_envs: n_envs cannot change in mid-training",
        ),
    ],
)
def test_what_does_not_go_with_a_population_is_refused(
    make_config: MakeConfig, overrides: dict[str, Any], said: str
):
    text = refusal(lambda: of_population(make_config, overrides))

    assert said in text


def test_first_members_and_constants_of_the_user_s_own_are_fine(make_config: MakeConfig):
    config = of_population(
        make_config,
        {
            "hyperparameter_optimizer.search_space": {"n_envs": [4, 4], "gamma": [0.9, 0.999]},
            "hyperparameter_optimizer.initial_points": [{"gamma": 0.95, "n_envs": 4}],
        },
    )

    assert config.hyperparameter_optimizer is not None
    assert len(config.hyperparameter_optimizer.initial_points) == 1


RESUMABLE = {"resumable": True}
SPACE = {"n_calls": 9, "search_space": {"x": [0, 1]}}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"hyperparameter_optimizer": {**SPACE, "pruner": "halving"}}, "'halving' sends the best"),
        ({"hyperparameter_optimizer": {**SPACE, "type": "pbt"}}, "members of a population"),
        (
            {
                "algorithm_config": {"x": 0.5},
                "schedule": [{"from_step": 10_000, "hyperparameters": {"x": 1}}],
            },
            "a trial goes on from its checkpoint",
        ),
    ],
)
def test_what_takes_checkpoints_is_refused_where_the_trainer_goes_on_from_none(
    section: dict[str, Any], words: str
):
    training = {"total_timesteps": 20_000, "eval_freq": 1000}
    own = {"hyperparameter_optimizer": None, "training": training, **section}

    told = refusal(lambda: of_command(**own, command=["./run.sh"]))

    assert words in told and '"resumable": true' in told
    assert of_command(**own, command=["./run.sh"], **RESUMABLE).is_segmented


@pytest.mark.parametrize("pruner", [{"pruner": "median"}, {"pruner": "asha", "mode": "async"}])
def test_pruners_that_stop_whole_trainings_need_no_checkpoints(pruner: dict[str, str]):
    training = {"total_timesteps": 20_000, "eval_freq": 1000}
    search = {**SPACE, **pruner}

    config = of_command(command=["./run.sh"], hyperparameter_optimizer=search, training=training)

    assert not config.is_segmented
