"""One trial from environment to result, however often it is interrupted."""

import math
import random
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch

from amc.config.loader import ConfigLoader
from amc.errors import CheckpointError
from amc.ledger.paths import checkpoint_files
from amc.training import checkpoint
from amc.training.curve import evaluation_curve
from amc.workers.base import BaseWorker

ALGORITHMS = ["ppo", "ddpg"]
# Compiled environments act for many steps in one call, and nobody can stop in between.
STEP_BY_STEP = {"environment.backend": "gymnasium"}


def stop_after(n_questions):
    """A hook that answers True from its n-th question on."""
    asked = count(1)
    return lambda: next(asked) >= n_questions


def scores(outcome):
    return [(one.step, one.score, one.std, one.length) for one in outcome.evaluations]


def points(directory):
    return [(point.step, point.score) for point in evaluation_curve(directory)]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_config_is_trained_once_with_everything_in_the_shared_directory(
    small, tmp_path, algorithm
):
    config = small(algorithm)

    outcome = BaseWorker(worker_id=0, config=config, shared_dir=tmp_path).run()

    assert outcome.state == "completed"
    assert outcome.steps == config.training.total_timesteps
    assert outcome.score == outcome.evaluations[-1].score
    assert outcome.evaluations[-1].step == outcome.steps
    assert outcome.checkpoint.parent == tmp_path / "checkpoints"
    assert config.environment.name in outcome.environment
    assert (tmp_path / "metrics" / "0001.jsonl").exists()
    assert (tmp_path / "tensorboard").exists()


def test_a_worker_is_called_by_number_or_by_name(small, tmp_path):
    config = small("ppo")

    assert BaseWorker(3, config, tmp_path).name == "rl-worker-3"
    assert BaseWorker("rl-worker-4", config, tmp_path).name == "rl-worker-4"


def test_the_seed_decides_the_weights(small, tmp_path):
    first = BaseWorker(0, small("ppo"), tmp_path / "a").run()
    again = BaseWorker(1, small("ppo"), tmp_path / "b").run()
    other = BaseWorker(0, small("ppo", {"seed": 1}), tmp_path / "c").run()

    assert first.digest == again.digest != other.digest
    assert first.checkpoint.read_bytes() == again.checkpoint.read_bytes()
    assert first.score == again.score


def test_a_trial_brings_its_hyperparameters_and_its_seed(small, attempts):
    trial = attempts({"learning_rate": 0.005, "gamma": 0.9})

    worker = BaseWorker("rl-worker-0", small("ppo"), "unused", trial=trial)

    assert worker.config.optimizer.learning_rate == 0.005
    assert worker.config.algorithm_config.gamma == 0.9
    assert worker.config.seed == 11
    assert not Path("unused").exists()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_evaluating_and_saving_change_nothing_in_the_weights(small, tmp_path, algorithm):
    often = {"training.eval_freq": 64, "training.save_freq": 64}
    never = {"training.eval_freq": 10**9, "training.save_freq": 10**9}

    watched = BaseWorker(0, small(algorithm, often), tmp_path / "often").run()
    alone = BaseWorker(0, small(algorithm, never), tmp_path / "never").run()

    assert watched.digest == alone.digest
    assert watched.score == alone.score
    assert len(watched.evaluations) > 1 == len(alone.evaluations)


@pytest.mark.parametrize(
    ("algorithm", "backend", "most"),
    [
        *((name, "gymnasium", 90) for name in (*ALGORITHMS, "normalised ppo", "normalised ddpg")),
        # Whole rollouts and evaluations in one call: nobody is asked in between.
        ("ppo", "compiled", 6),
        ("normalised ppo", "compiled", 6),
    ],
)
def test_interrupted_at_random_moments_it_arrives_at_the_same_bits(
    small, tmp_path, attempts, algorithm, backend, most
):
    config = small(algorithm, {"seed": 11, "environment.backend": backend})
    undisturbed = BaseWorker(0, config, tmp_path / "undisturbed").run()
    generator = random.Random(0)

    outcomes = []
    while not outcomes or outcomes[-1].state == "interrupted":
        # From one question on: some stop before the first step, some in an evaluation.
        trial = attempts(should_stop=stop_after(generator.randint(1, most)))
        outcomes.append(BaseWorker(0, config, "unused", trial=trial).run())

    assert len(outcomes) > 2
    assert outcomes[-1].digest == undisturbed.digest
    assert outcomes[-1].score == undisturbed.score
    assert outcomes[-1].checkpoint.read_bytes() == undisturbed.checkpoint.read_bytes()
    assert points(trial.directory) == points(tmp_path / "undisturbed")


def test_stopping_saves_a_checkpoint_to_go_on_from(small, attempts):
    trial = attempts(should_stop=stop_after(3))

    outcome = BaseWorker(0, small("ppo"), "unused", trial=trial).run()

    assert outcome.state == "interrupted"
    assert outcome.steps == 128
    assert outcome.score is None
    assert checkpoint.load(outcome.checkpoint)["progress"]["evaluated"] == 0


def test_an_evaluation_that_was_interrupted_is_made_by_the_next_attempt(small, attempts):
    config = small("ppo", STEP_BY_STEP)
    in_evaluation = attempts(should_stop=stop_after(8))

    stopped = BaseWorker(0, config, "unused", trial=in_evaluation).run()
    BaseWorker(0, config, "unused", trial=attempts()).run()

    assert stopped.steps == 128
    assert stopped.evaluations == ()
    assert [step for step, _ in points(in_evaluation.directory)] == [128, 256, 384, 512]


def test_a_curve_that_was_damaged_changes_nothing_of_the_result(small, tmp_path, attempts):
    config = small("ppo", {"seed": 11})
    whole = BaseWorker(0, config, tmp_path / "whole").run()
    made = []
    stopped = attempts(on_evaluation=made.append, should_stop=lambda: len(made) == 2)
    BaseWorker(0, config, "unused", trial=stopped).run()

    (stopped.directory / "metrics" / "0001.jsonl").write_bytes(b"\x00garbage\n")
    outcome = BaseWorker(0, config, "unused", trial=attempts()).run()

    assert scores(outcome) == scores(whole)


def test_a_finished_trial_is_not_trained_again(small, tmp_path):
    config = small("ppo")
    first = BaseWorker(0, config, tmp_path).run()

    again = BaseWorker(0, config, tmp_path).run()

    assert again.attempt == 2
    assert (again.digest, again.score, again.checkpoint) == (
        first.digest,
        first.score,
        first.checkpoint,
    )
    assert scores(again) == scores(first)


def test_a_damaged_checkpoint_is_passed_over_and_removed(small, tmp_path, attempts):
    config = small("ppo", {"seed": 11, "training.save_freq": 128, **STEP_BY_STEP})
    undisturbed = BaseWorker(0, config, tmp_path / "undisturbed").run()
    stopped = BaseWorker(0, config, "unused", trial=attempts(should_stop=stop_after(60))).run()
    stopped.checkpoint.write_bytes(stopped.checkpoint.read_bytes()[:-1] + b"?")

    trial = attempts()
    outcome = BaseWorker(0, config, "unused", trial=trial).run()

    assert 0 < stopped.steps < outcome.steps
    assert outcome.digest == undisturbed.digest
    assert outcome.checkpoint.name.endswith("-0002.pt")
    assert all(checkpoint.read(file) for file in checkpoint_files(outcome.checkpoint.parent))


def test_without_any_good_checkpoint_it_starts_from_the_beginning(small, attempts):
    config = small("ppo")
    first = BaseWorker(0, config, "unused", trial=attempts()).run()
    for file in checkpoint_files(first.checkpoint.parent):
        file.path.write_bytes(b"damaged")

    again = BaseWorker(0, config, "unused", trial=attempts()).run()

    assert again.digest == first.digest


def test_a_checkpoint_of_another_config_is_refused_with_what_differs(small, tmp_path):
    BaseWorker(0, small("ppo"), tmp_path).run()

    other = small("ppo", {"optimizer.learning_rate": 0.5, "seed": 3})

    with pytest.raises(CheckpointError) as refusal:
        BaseWorker(0, other, tmp_path).run()
    assert "optimizer.learning_rate is 0.0003 there and 0.5 here" in str(refusal.value)
    assert "seed is 0 there and 3 here" in str(refusal.value)


def test_what_only_names_watches_or_places_a_run_may_change(small, tmp_path):
    first = BaseWorker(0, small("ppo"), tmp_path).run()

    changed = {"experiment_name": "other", "training.eval_freq": 7, "training.max_attempts": 9}
    again = BaseWorker(0, small("ppo", changed), tmp_path).run()

    assert again.digest == first.digest


def test_the_number_of_threads_is_the_configs(small, attempts):
    before = torch.get_num_threads()
    config = small("ppo", {"training.threads": before + 1})
    try:
        BaseWorker(0, config, "unused", trial=attempts(should_stop=lambda: True)).run()

        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_a_supervisor_sees_life(small, attempts):
    marks = []
    trial = attempts(mark=lambda kind, steps: marks.append((kind, steps)))

    BaseWorker(0, small("ppo"), "unused", trial=trial).run()

    assert {kind for kind, _ in marks} == {"set-up", "step", "update", "evaluation", "save"}
    assert marks[0] == ("set-up", 0)
    assert marks[-1] == ("save", 512)
    assert [steps for _, steps in marks] == sorted(steps for _, steps in marks)


DISCRETE = ["CartPole-v1", "LunarLander-v2", "Acrobot-v1", "MountainCar-v0"]
CONTINUOUS = ["Pendulum-v1", "HalfCheetah-v4", "Hopper-v3", "Walker2d-v3", "Ant-v4"]
JOBS = [("ppo", name) for name in DISCRETE + CONTINUOUS] + [("ddpg", name) for name in CONTINUOUS]


@pytest.mark.slow
@pytest.mark.parametrize(("algorithm", "environment"), JOBS)
def test_every_environment_is_trained_from_a_minimal_config(tmp_path, algorithm, environment):
    minimal = {
        "experiment_name": "minimal",
        "algorithm": algorithm,
        "environment": {"name": environment},
        "training": {"total_timesteps": 1024, "eval_episodes": 1},
    }
    config = ConfigLoader().from_mapping(minimal, source="test")

    outcome = BaseWorker(0, config, tmp_path).run()

    assert (outcome.state, outcome.steps) == ("completed", 1024)
    assert math.isfinite(outcome.score)


@pytest.mark.parametrize(("algorithm", "kill_at"), [("ppo", 448), ("ddpg", 191)])
def test_killed_with_signal_9_it_arrives_at_the_same_bits(
    small, tmp_path, attempts, killed, algorithm, kill_at
):
    config = small(algorithm, {"seed": 11})
    undisturbed = BaseWorker(0, config, tmp_path / "undisturbed").run()

    killed(
        lambda report: BaseWorker(0, config, "unused", trial=attempts(mark=report)).run(),
        lambda line: int(line.split()[1]) >= kill_at,
    )
    trial = replace(attempts(), attempt=2)
    left = checkpoint_files(trial.directory / "checkpoints")
    resumed = BaseWorker(0, config, "unused", trial=trial).run()

    assert 0 < left[0].step < kill_at
    assert resumed.digest == undisturbed.digest
    assert resumed.checkpoint.read_bytes() == undisturbed.checkpoint.read_bytes()
    assert points(trial.directory) == points(tmp_path / "undisturbed")
