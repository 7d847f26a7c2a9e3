"""A trial in segments is the same trial in one piece, whatever became of the pieces."""

import shutil
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amc.config.loader import ConfigLoader
from amc.errors import CheckpointError
from amc.ledger.paths import checkpoint_files

LINEAR = {"optimizer.learning_rate_schedule": "linear"}
KINDS = ["ppo", "ddpg", "normalised ppo", "normalised ddpg"]
WITHOUT_EVALUATION = {"training.eval_freq": None}


def curve(outcome):
    return [(one.step, one.score, one.std, one.length) for one in outcome.evaluations]


def assert_same_end(pieces, whole):
    assert pieces[-1].steps == whole.steps
    assert pieces[-1].digest == whole.digest
    assert pieces[-1].checkpoint.read_bytes() == whole.checkpoint.read_bytes()
    assert pieces[-1].score == whole.score
    assert pieces[-1].solved_at == whole.solved_at
    assert curve(pieces[-1]) == curve(whole)


@pytest.mark.parametrize("kind", ["normalised ppo", "normalised ddpg"])
def test_a_trial_in_three_segments_ends_as_the_same_trial_in_one(small, segments, kind):
    config = small(kind, LINEAR)
    horizon = config.training.total_timesteps
    whole = segments(config).through(horizon)[-1]

    pieces = segments(config).through(100, 200, horizon)

    assert 0 < pieces[0].steps < pieces[1].steps < pieces[2].steps
    assert [one.state for one in pieces] == ["completed"] * 3
    assert [one.start_digest for one in pieces] == [None, pieces[0].digest, pieces[1].digest]
    assert_same_end(pieces, whole)


def test_segments_may_end_where_nothing_is_evaluated(small, segments):
    config = small("ppo", WITHOUT_EVALUATION | {"environment.reward_threshold": 5.0})
    whole = segments(config).through(512)[-1]

    pieces = segments(config).through(192, 384, 512)

    assert [one.evaluations for one in pieces] == [(), (), ()]
    assert_same_end(pieces, whole)


def test_without_evaluations_a_segment_may_end_before_any_episode_does(small, segments):
    config = small("ddpg", WITHOUT_EVALUATION | {"environment.max_episode_steps": 150})
    whole = segments(config).through(260)[-1]

    pieces = segments(config).through(90, 180, 260)

    assert pieces[0].score is None
    assert_same_end(pieces, whole)


def test_a_segment_whose_end_the_one_before_ran_past_saves_what_it_was_given(small, segments):
    config = small("ppo", {"training.eval_freq": 16})

    first, second, _ = segments(config).through(16, 32, 512)

    assert second.steps == first.steps == 64
    assert second.digest == first.digest
    assert second.checkpoint != first.checkpoint


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_wherever_a_trial_is_cut_it_ends_with_the_same_bits(small, segments, data):
    kind = data.draw(st.sampled_from(KINDS))
    config = small(
        kind,
        {
            "optimizer.learning_rate_schedule": data.draw(st.sampled_from(["linear", "constant"])),
            "training.kernel": data.draw(st.sampled_from(["fast", "reference"])),
            "training.eval_freq": data.draw(st.sampled_from([None, 64, 100])),
            "seed": data.draw(st.integers(0, 99)),
        },
    )
    horizon = config.training.total_timesteps
    cuts = data.draw(st.lists(st.integers(1, horizon - 1), max_size=4, unique=True).map(sorted))
    whole = segments(config).through(horizon)[-1]

    pieces = segments(config).through(*cuts, horizon)

    # Where a segment ends an evaluation is made, so the curve may have more points than the whole.
    assert pieces[-1].digest == whole.digest
    assert pieces[-1].score == whole.score
    assert set(curve(whole)) <= set(curve(pieces[-1]))


CONTINUOUS = ["Pendulum-v1", "HalfCheetah-v4", "Hopper-v3", "Walker2d-v3", "Ant-v4"]
DISCRETE = ["CartPole-v1", "LunarLander-v2", "Acrobot-v1", "MountainCar-v0"]
JOBS = [("ppo", name) for name in DISCRETE + CONTINUOUS] + [("ddpg", name) for name in CONTINUOUS]
SETTINGS = {
    "ppo": {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 2, "kl_coef": 0.1},
    "ddpg": {"batch_size": 32, "hidden_sizes": [32, 32], "learning_starts": 100},
}


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["fast", "reference"])
@pytest.mark.parametrize(("algorithm", "environment"), JOBS)
def test_in_every_environment_segments_leave_no_trace(segments, algorithm, environment, kernel):
    config = ConfigLoader().from_mapping(
        {
            "experiment_name": "pieces",
            "algorithm": algorithm,
            "algorithm_config": SETTINGS[algorithm],
            "environment": {
                "name": environment,
                "max_episode_steps": 90,
                "wrappers": ["normalize_observation", "normalize_reward"],
            },
            "optimizer": {"learning_rate_schedule": "linear"},
            "training": {"total_timesteps": 700, "eval_freq": 200, "save_freq": 150}
            | {"eval_episodes": 2, "kernel": kernel},
        },
        source="test",
    )
    whole = segments(config).through(700)[-1]

    pieces = segments(config).through(200, 400, 700)

    assert_same_end(pieces, whole)


def test_a_segment_that_was_killed_goes_on_from_its_own_checkpoint(small, segments, killed):
    config = small("ppo")
    whole = segments(config).through(512)[-1]
    trial = segments(config)
    first = trial.context(128)
    start = trial.reported(first, trial.run(first))

    killed(
        lambda report: trial.run(trial.context(512, start, mark=report)),
        lambda line: int(line.split()[1]) >= 448,
    )
    shutil.rmtree(start.directory)
    trial.attempts += 1
    marked = []
    outcome = trial.run(trial.context(512, start, mark=lambda *mark: marked.append(mark)))

    assert_same_end([outcome], whole)
    assert min(step for what, step in marked if what != "set-up") > 128, "that was trained before"
    assert not start.directory.exists(), "nothing was trained again"


def damage(files):
    for file in files:
        file.path.write_bytes(file.path.read_bytes()[:-1] + b"?")


def remove(files):
    for file in files:
        file.remove()


@pytest.mark.parametrize("lose", [damage, remove])
def test_a_start_that_was_lost_is_trained_again(small, segments, lose):
    config = small("normalised ddpg", LINEAR)
    whole = segments(config).through(260)[-1]
    trial = segments(config)
    lineage = []
    for until in (100, 200):
        context = trial.context(until, *lineage)
        lineage.append(trial.reported(context, trial.run(context)))
    for one in lineage:
        lose(checkpoint_files(one.directory / "checkpoints")[:1])

    told = []
    last = trial.context(260, *lineage, on_evaluation=told.append)
    outcome = trial.run(last)

    assert_same_end([outcome], whole)
    assert [one.step for one in told] == [260], "what was evaluated before is not told again"
    assert not (last.directory / "start").exists()


def test_of_a_start_only_its_final_checkpoint_will_do(small, segments):
    config = small("ppo", {"training.save_freq": 64})
    trial = segments(config)
    first = trial.context(256)
    start = trial.reported(first, trial.run(first))
    final, earlier = checkpoint_files(start.directory / "checkpoints")
    final.remove()

    outcome = trial.run(trial.context(512, start))

    assert_same_end([outcome], segments(config).through(512)[-1])
    assert earlier.path.exists(), "another segment's checkpoints are its own"


def test_trained_again_to_other_parameters_a_segment_says_so(small, segments):
    trial = segments(small("ppo"))
    first = trial.context(128)
    start = trial.reported(first, replace(trial.run(first), digest="f" * 64))

    with pytest.raises(CheckpointError, match="came to other parameters"):
        trial.run(trial.context(512, start))


def test_interrupted_while_its_start_is_trained_again_it_goes_on_there(small, segments):
    config = small("ppo", {"training.save_freq": 10**9})
    trial = segments(config)
    first = trial.context(384)
    start = trial.reported(first, trial.run(first))
    shutil.rmtree(start.directory)
    asked = count(1)

    stopped = trial.run(trial.context(512, start, should_stop=lambda: next(asked) > 4))
    marks = []
    outcome = trial.run(
        trial.context(512, start, mark=lambda kind, steps: marks.append((kind, steps)))
    )

    assert stopped.state == "interrupted" and 0 < stopped.steps < 384
    assert min(steps for kind, steps in marks if kind == "step") > stopped.steps
    assert_same_end([outcome], segments(config).through(512)[-1])
