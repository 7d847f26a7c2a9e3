"""A training that goes on for longer than it was to: whether it is as one of that length."""

import logging

import pytest

from amc.config.longer import told_of_longer
from amc.errors import CheckpointError
from amc.workers.base import BaseWorker


def run(config, directory):
    return BaseWorker(0, config, directory).run()


SEAMLESS, CUT = {"training.total_timesteps": 256}, {"training.total_timesteps": 224}
LINEAR = {"optimizer.learning_rate_schedule": "linear"}


@pytest.mark.parametrize(
    ("kind", "shorter", "more", "is_same"),
    [
        ("ppo", SEAMLESS, {}, True),
        ("ppo", CUT, {}, False),
        ("ppo", SEAMLESS, LINEAR, False),
        ("normalised ddpg", CUT, {}, True),
        ("ddpg", CUT, LINEAR, False),
        ("sb3:TD3", CUT, {}, True),
        ("sb3:DQN", CUT, {}, False),  # its exploration falls until a part of the steps is taken
    ],
)
def test_what_is_said_of_a_longer_training_is_true(
    small, tmp_path, caplog, kind, shorter, more, is_same
):
    config = small(kind, {"training.total_timesteps": 300, **more})
    whole = run(config, tmp_path / "whole")
    run(small(kind, {**shorter, **more}), tmp_path / "run")

    with caplog.at_level(logging.WARNING):
        longer = run(config, tmp_path / "run")

    assert longer.steps == whole.steps
    assert (longer.digest == whole.digest) is is_same
    assert ("as one training of 300 steps would have" in caplog.text) is is_same
    assert ("it is a new training" in caplog.text) is not is_same


@pytest.mark.parametrize("kind", ["ppo", "ddpg"])
def test_a_trial_that_is_given_more_steps_goes_on_as_one_that_had_them(small, segments, kind):
    shorter, config = small(kind, SEAMLESS), small(kind, {"training.total_timesteps": 512})
    whole = segments(config)
    expected = whole.run(whole.context(512))

    trials = segments(shorter)
    first = trials.context(256)
    ended = trials.reported(first, trials.run(first))
    outcome = trials.run(trials.context(512, ended, horizon=512))

    assert outcome.digest == expected.digest
    assert outcome.steps == 512


def test_a_run_does_not_go_back(small, tmp_path):
    run(small("ppo", SEAMLESS), tmp_path)

    with pytest.raises(CheckpointError, match="trained 256 steps already, but got 128") as raised:
        run(small("ppo", {"training.total_timesteps": 128}), tmp_path)

    assert raised.value.exit_code == 2


def test_of_a_training_that_learns_after_episodes_it_is_not_known_beforehand(small):
    config = small("sb3:TD3", {"algorithm_config.train_freq": [1, "episode"]})

    assert "unless an episode ended just there" in told_of_longer(config, 260, 512)


def test_the_rate_with_which_it_goes_on_is_said(small):
    config = small("ppo", {**SEAMLESS, **LINEAR, "optimizer.learning_rate": 0.01})

    assert "so it goes on with 0.005, where it was to end" in told_of_longer(config, 256, 512)
