"""Killed with signal 9 at random moments, a training arrives at the bits of one left alone."""

import random
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from amc.config.loader import ConfigLoader
from amc.workers.base import BaseWorker

CONTINUOUS = ["Pendulum-v1", "HalfCheetah-v4", "Hopper-v3", "Walker2d-v3", "Ant-v4"]
DISCRETE = ["CartPole-v1", "LunarLander-v2", "Acrobot-v1", "MountainCar-v0"]
JOBS = [("ppo", name) for name in DISCRETE + CONTINUOUS] + [("ddpg", name) for name in CONTINUOUS]

SETTINGS = {
    "ppo": {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 2, "kl_coef": 0.1},
    "ddpg": {"batch_size": 32, "hidden_sizes": [32, 32], "learning_starts": 100},
}


def training(algorithm, environment):
    config = {
        "experiment_name": "killed",
        "algorithm": algorithm,
        "algorithm_config": SETTINGS[algorithm],
        "environment": {
            "name": environment,
            "max_episode_steps": 90,
            "wrappers": ["normalize_observation", "normalize_reward"],
        },
        "training": {
            "total_timesteps": 700,
            "eval_freq": 250,
            "save_freq": 150,
            "eval_episodes": 2,
        },
    }
    return ConfigLoader().from_mapping(config, source="test")


def run_and_report(worker, report):
    worker.trial = replace(worker.trial, mark=report)
    worker.run()


def has_come(moment, last, _):
    return next(moment) >= last


@pytest.mark.slow
@pytest.mark.parametrize(("algorithm", "environment"), JOBS)
def test_killed_twice_at_random_it_arrives_at_the_same_bits(
    attempts, killed, algorithm, environment
):
    config = training(algorithm, environment)
    marks = count()
    undisturbed = replace(attempts(), mark=lambda *_: next(marks))
    undisturbed = replace(undisturbed, directory=undisturbed.directory.with_name("undisturbed"))
    wanted = BaseWorker(0, config, "unused", trial=undisturbed).run()
    generator, total = random.Random(environment), next(marks)

    for latest in (total // 2, total // 3):
        worker, moment = BaseWorker(0, config, "unused", trial=attempts()), count(1)
        last = generator.randint(2, latest)
        killed(partial(run_and_report, worker), partial(has_come, moment, last))
    found = BaseWorker(0, config, "unused", trial=attempts()).run()

    assert found.steps == wanted.steps >= 700
    assert found.digest == wanted.digest
    assert found.score == wanted.score
    assert found.checkpoint.read_bytes() == wanted.checkpoint.read_bytes()
