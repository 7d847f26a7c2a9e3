"""A config with a schedule, submitted: one trial, a segment for each stage."""

from collections.abc import Callable
from dataclasses import replace

from amc.config.schema import ExperimentConfig
from amc.driver.planning import plan
from amc.ledger import History, Report, Request

MakeConfig = Callable[..., ExperimentConfig]


def scheduled(make_config: MakeConfig) -> ExperimentConfig:
    return make_config(
        {
            "training.total_timesteps": 1000,
            "seed": 7,
            "hyperparameter_optimizer": None,
            "schedule": [
                {"from_step": 300, "hyperparameters": {"gamma": 0.9}},
                {"from_step": 600, "hyperparameters": {"learning_rate": 0.01}, "reseed": 5},
            ],
        }
    )


def test_each_stage_of_a_schedule_is_a_segment(make_config: MakeConfig):
    config = scheduled(make_config)

    past = History()
    while (decision := plan(config, past)) is not None and decision.finish is None:
        past = past.after(decision)
        reports = [Report(*one.key, "completed", one.until + 4, 1.0) for one in decision.segments]
        past = past.seen({one.key: one for one in reports})

    opened = [
        (one.from_step, one.until, one.horizon, one.hyperparameters, one.start, one.reseed)
        for one in past.segments.values()
    ]
    both = {"gamma": 0.9, "learning_rate": 0.01}
    assert opened == [
        (0, 300, 1000, None, None, None),
        (304, 600, 1000, {"gamma": 0.9}, (0, 0), None),
        (604, 1000, 1000, both, (0, 1), 5),
    ]
    assert decision is not None and decision.finish == "completed"


def test_after_the_threshold_was_reached_no_stage_follows(make_config: MakeConfig):
    config = scheduled(make_config)
    first = plan(config, History())
    assert first is not None
    solved = Report(0, 0, "completed", 250, 475.0)

    decision = plan(config, History().after(first).seen({solved.key: solved}))

    assert decision is not None and decision.finish == "completed"


def test_on_another_seed_draws_go_on_where_the_schedule_forks(make_config: MakeConfig):
    config = scheduled(make_config).model_copy(update={"seeds": 2})

    past = History()
    while (decision := plan(config, past)) is not None and decision.finish is None:
        past = past.after(decision)
        reports = [Report(*one.key, "completed", one.until, 1.0) for one in decision.segments]
        past = past.seen({one.key: one for one in reports})

    assert past.segments[0, 2].reseed == 5
    assert past.segments[1, 2].reseed is None
    assert past.hyperparameters(past.segments[1, 2]) == {"gamma": 0.9, "learning_rate": 0.01}


def test_what_failed_follows_the_schedule_when_it_is_tried_again(make_config: MakeConfig):
    config = scheduled(make_config)
    first = plan(config, History())
    assert first is not None
    failed = Report(0, 0, "failed", 250, error="it was unlucky")

    past = History().after(first).seen({failed.key: failed})
    past = replace(past, asked=(Request(0, "retry", trials=(0,)),))
    while (decision := plan(config, past)) is not None and decision.finish is None:
        past = past.after(decision)
        reports = [Report(*one.key, "completed", one.until, 1.0) for one in decision.segments]
        past = past.seen({one.key: one for one in reports})

    own = [past.hyperparameters(one) for one in past.segments.values() if one.trial == 1]
    assert own == [{}, {"gamma": 0.9}, {"gamma": 0.9, "learning_rate": 0.01}]
