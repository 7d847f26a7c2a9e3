"""Where a trial's score comes from, when it counts as solved, and that evaluating it ends."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from amc.config.loader import ConfigLoader
from amc.errors import TrainingError, UsageError
from amc.ledger import Trial
from amc.workers.base import BaseWorker


@pytest.fixture
def in_world(monkeypatch):
    """A factory of short PPO trainings in one of the small worlds."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    monkeypatch.setenv("AMC_ALLOW_MODULES", "strange")

    def make(name, environment=None, **training):
        return ConfigLoader().from_mapping(
            {
                "experiment_name": "small",
                "algorithm": "ppo",
                "algorithm_config": {"n_envs": 1, "n_steps": 32, "batch_size": 32, "n_epochs": 2},
                "environment": {"name": f"strange:{name}-v0", **(environment or {})},
                "training": {"total_timesteps": 256, "eval_freq": 64, "eval_episodes": 3}
                | {"save_freq": 96, **training},
            },
            source="test",
        )

    return make


def scalars(directory):
    events = EventAccumulator(str(directory))
    events.Reload()
    return {
        tag: [(point.step, point.value) for point in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_an_endless_episode_is_cut_off_in_an_evaluation_and_said_to_be(in_world, tmp_path, caplog):
    config = in_world("NeverEnds", eval_max_episode_steps=30)

    outcome = BaseWorker(0, config, tmp_path).run()

    assert [(one.score, one.length, one.cut) for one in outcome.evaluations] == [(30, 30, 3)] * 4
    warnings = [record.message for record in caplog.records if "cut off" in record.message]
    assert len(warnings) == 1 and "3 of 3 episodes were cut off after 30 steps" in warnings[0]
    assert scalars(tmp_path / "tensorboard")["eval/cut_episodes"][0] == (64, 3)


@pytest.mark.parametrize(
    ("world", "environment", "bound"),
    [("Twenty", {}, 20), ("NeverEnds", {"max_episode_steps": 20}, 10)],
    ids=["a terminal state", "a limit of its own"],
)
def test_an_episode_that_ends_by_itself_is_not_cut(in_world, tmp_path, world, environment, bound):
    config = in_world(world, environment, eval_max_episode_steps=bound)

    outcome = BaseWorker(0, config, tmp_path).run()

    assert {(one.length, one.cut) for one in outcome.evaluations} == {(20, 0)}


def test_a_bound_on_evaluations_leaves_the_weights_alone(in_world, tmp_path):
    short = in_world("NeverEnds", eval_max_episode_steps=5)
    longer = in_world("NeverEnds", eval_max_episode_steps=50)

    digests = {
        BaseWorker(0, c, tmp_path / str(i)).run().digest for i, c in enumerate([short, longer])
    }

    assert len(digests) == 1


@pytest.mark.parametrize(
    ("threshold", "solved_at"), [({"reward_threshold": 20}, 64), ({"reward_threshold": 20.5}, None)]
)
def test_solved_is_the_first_evaluation_at_the_threshold(in_world, tmp_path, threshold, solved_at):
    outcome = BaseWorker(0, in_world("Twenty", threshold), tmp_path).run()

    points = scalars(tmp_path / "tensorboard")
    assert outcome.solved_at == solved_at
    assert outcome.steps == 256
    assert points.get("eval/solved_at") == (solved_at and [(64, 64)])


def test_without_a_threshold_in_the_config_the_environments_own_counts(in_world, tmp_path):
    assert BaseWorker(0, in_world("Twenty"), tmp_path / "a").run().solved_at == 64
    assert (
        BaseWorker(0, in_world("NeverEnds", eval_max_episode_steps=9), tmp_path / "b")
        .run()
        .solved_at
        is None
    )


def test_a_trial_may_stop_at_the_threshold_and_is_complete_there(in_world, tmp_path):
    solved = {"reward_threshold": 20}
    config = in_world("Twenty", solved, stop_at_reward_threshold=True)
    whole = BaseWorker(0, in_world("Twenty", solved), tmp_path / "whole").run()

    outcome = BaseWorker(0, config, tmp_path / "stopped").run()

    assert (outcome.state, outcome.steps, outcome.solved_at) == ("completed", 64, 64)
    assert outcome.score == 20 and len(outcome.evaluations) == 1
    assert outcome.checkpoint.name.startswith("000000000064")
    assert whole.steps == 256 and whole.solved_at == 64
    assert BaseWorker(0, config, tmp_path / "stopped").run().digest == outcome.digest
    on = in_world("Twenty", solved)
    assert BaseWorker(0, on, tmp_path / "stopped").run().digest == whole.digest


def test_a_finalist_does_not_stop_at_the_threshold(in_world, attempts):
    config = in_world("Twenty", {"reward_threshold": 20}, stop_at_reward_threshold=True)
    finalist = replace(attempts(), trial=Trial(7, {}, seed=11, kind="finalist"))

    outcome = BaseWorker(0, config, "unused", trial=finalist).run()

    assert (outcome.steps, outcome.solved_at) == (256, 64)


@pytest.mark.parametrize("kill_at", ["update 64", "evaluation 64"])
def test_killed_where_it_stops_it_stops_there_again(in_world, tmp_path, attempts, killed, kill_at):
    config = in_world("Twenty", {"reward_threshold": 20}, stop_at_reward_threshold=True)
    config = config.model_copy(update={"seed": 11})
    undisturbed = BaseWorker(0, config, tmp_path / "undisturbed").run()

    killed(
        lambda report: BaseWorker(0, config, "unused", trial=attempts(mark=report)).run(),
        lambda line: line.strip() == kill_at,
    )
    resumed = BaseWorker(0, config, "unused", trial=replace(attempts(), attempt=2)).run()

    assert (resumed.state, resumed.steps, resumed.solved_at) == ("completed", 64, 64)
    assert resumed.digest == undisturbed.digest


def test_without_evaluations_the_score_is_the_mean_return_of_training(in_world, tmp_path):
    config = in_world("OnlyOne", eval_freq=None)

    outcome = BaseWorker(0, config, tmp_path).run()

    points = scalars(tmp_path / "tensorboard")
    assert (outcome.state, outcome.score, outcome.steps) == ("completed", 20, 256)
    assert (outcome.evaluations, outcome.solved_at) == ((), None)
    assert points["rollout/ep_rew_mean"][-1] == (256, 20)
    assert not any(tag.startswith("eval/") for tag in points)


def test_interrupted_without_evaluations_it_arrives_at_the_same_score(in_world, tmp_path, attempts):
    config = in_world("Lights", eval_freq=None)  # where returns differ
    config = config.model_copy(update={"seed": 11})
    undisturbed = BaseWorker(0, config, tmp_path / "undisturbed").run()

    outcomes = []
    while not outcomes or outcomes[-1].state == "interrupted":
        asked = iter([False, False, False])
        trial = attempts(should_stop=partial(next, asked, True))
        outcomes.append(BaseWorker(0, config, "unused", trial=trial).run())

    outcome = outcomes[-1]
    assert len(outcomes) > 2
    assert (outcome.score, outcome.digest) == (undisturbed.score, undisturbed.digest)


def test_with_neither_evaluations_nor_ended_episodes_there_is_no_score(in_world, tmp_path):
    config = in_world("NeverEnds", eval_freq=None)

    with pytest.raises(UsageError, match=r"none ended in 256 steps.*max_episode_steps"):
        BaseWorker(0, config, tmp_path).run()
    assert list((tmp_path / "checkpoints").glob("*.pt"))


def test_an_algorithm_that_never_steps_is_at_fault(in_world, tmp_path, monkeypatch):
    monkeypatch.setattr("amc.algorithms.ppo.PPO.iterate", lambda self: {})

    with pytest.raises(TrainingError, match=r"iterate\(\) without a step, at step 0"):
        BaseWorker(0, in_world("Twenty"), tmp_path).run()
