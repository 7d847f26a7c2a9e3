"""A config with a schedule is trained through its stages, as the same segments would be."""

import os
from dataclasses import replace
from itertools import count

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from amc.errors import CheckpointError
from amc.ledger.paths import TrialPaths, checkpoint_files
from amc.training import checkpoint
from amc.training.trial import TrialContext
from amc.workers.base import BaseWorker

SCHEDULE = [
    {"from_step": 100, "hyperparameters": {"learning_rate": 0.01}},
    {"from_step": 200, "hyperparameters": {"gamma": 0.9, "batch_size": 8}, "reseed": 5},
]


def run(config, directory, **hooks):
    context = replace(TrialContext.standalone(config.seed, directory), **hooks)
    return BaseWorker(0, config, directory, trial=context).run()


@pytest.mark.parametrize("kind", ["ppo", "normalised ddpg"])
def test_a_schedule_gives_the_bits_of_the_segments_that_it_stands_for(
    small, segments, tmp_path, kind
):
    config = small(kind, {"seed": 11})  # which is the seed of trial 7
    horizon = config.training.total_timesteps
    trials, lineage = segments(config), []
    faster = {"learning_rate": 0.01}
    for own in (
        {"until": 100},
        {"until": 200, "hyperparameters": faster},
        {
            "until": horizon,
            "hyperparameters": {**faster, "gamma": 0.9, "batch_size": 8},
            "reseed": 5,
        },
    ):
        context = trials.context(own.pop("until"), *lineage, **own)
        pieces = trials.run(context)
        lineage.append(trials.reported(context, pieces))

    outcome = run(small(kind, {"seed": 11, "schedule": SCHEDULE}), tmp_path / "run")

    assert outcome.digest == pieces.digest
    assert outcome.score == pieces.score
    assert [one.step for one in outcome.evaluations] == [one.step for one in pieces.evaluations]
    assert run(config, tmp_path / "other").digest != pieces.digest


def test_a_schedule_may_be_interrupted_anywhere(small, tmp_path):
    config = small("ppo", {"schedule": SCHEDULE, "environment.backend": "gymnasium"})
    whole = run(config, tmp_path / "whole")

    states = []
    while "completed" not in states:
        asked, patience = count(1), 20 * (1 + len(states))
        stop = {"should_stop": lambda a=asked, p=patience: next(a) > p}
        outcome = run(config, tmp_path / "run", **stop)
        states.append(outcome.state)

    assert len(states) > 3
    assert outcome.digest == whole.digest
    assert outcome.checkpoint.read_bytes() == whole.checkpoint.read_bytes()


def test_a_stage_whose_checkpoint_was_damaged_is_trained_again(small, tmp_path):
    config = small("ppo", {"schedule": SCHEDULE})
    whole = run(config, tmp_path / "run")
    for index in (0, 2):
        directory = TrialPaths(tmp_path / "run").segment(index).checkpoints
        for file in checkpoint_files(directory):
            os.truncate(file.path, 100)

    again = run(config, tmp_path / "run")

    assert again.digest == whole.digest


def test_a_run_is_not_resumed_with_another_schedule_or_config_than_it_had(small, tmp_path):
    run(small("ppo", {"schedule": SCHEDULE}), tmp_path)
    later = [SCHEDULE[0], {**SCHEDULE[1], "reseed": 6}]

    for change in ({"optimizer.learning_rate": 0.5}, {"schedule": later}):
        with pytest.raises(CheckpointError, match="belongs to another config"):
            run(small("ppo", {"schedule": SCHEDULE, **change}), tmp_path)


def test_a_checkpoint_says_what_its_stage_had(small, tmp_path):
    outcome = run(small("ppo", {"schedule": SCHEDULE}), tmp_path)

    config = checkpoint.load(outcome.checkpoint)["config"]

    assert '"gamma": 0.9' in config and '"learning_rate": 0.01' in config
    assert '"schedule": []' in config and '"seed": 5' in config


def test_its_curves_are_one_run_and_say_where_hyperparameters_changed(small, tmp_path):
    config = small("ppo", {"schedule": SCHEDULE})
    outcome = run(config, tmp_path)
    run(config, tmp_path)  # which has nothing left to train, and purges nothing

    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()

    rates = [(one.step, round(one.value, 6)) for one in board.Scalars("hyperparameters/gamma")]
    assert rates == [(256, 0.9)]
    steps = [one.step for one in board.Scalars("eval/mean_reward")]
    assert steps == [one.step for one in outcome.evaluations]


def test_where_the_task_is_solved_the_stages_left_are_not_trained(small, tmp_path):
    solved = {"environment.reward_threshold": 1.0, "training.stop_at_reward_threshold": True}
    config = small("ppo", {"schedule": SCHEDULE, "training.eval_freq": 64, **solved})

    first, again = run(config, tmp_path), run(config, tmp_path)

    assert first.steps == again.steps == 64
    assert first.state == again.state == "completed"
    assert not TrialPaths(tmp_path).segment(1).directory.exists()
