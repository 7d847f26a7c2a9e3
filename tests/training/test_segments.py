"""What a segment may do differently from the one before: fork, change, halt, and go on further."""

from itertools import count

import pytest
import torch

from amc.errors import UsageError
from amc.training import checkpoint

KINDS = ["ppo", "normalised ddpg"]


@pytest.fixture
def begun(segments):
    """A function that trains a first segment: the trials, and what was reported of it."""

    def begin(config, until=128):
        trials = segments(config)
        context = trials.context(until)
        return trials, trials.reported(context, trials.run(context))

    return begin


def steps_of(outcome):
    return [one.step for one in outcome.evaluations]


# -- forks


@pytest.mark.parametrize("kind", KINDS)
def test_a_fork_begins_with_the_same_parameters_and_goes_elsewhere(small, begun, kind):
    trials, start = begun(small(kind))

    own = trials.run(trials.context(256, start))
    one = trials.run(trials.context(256, start, trial=1, reseed=5))
    again = trials.run(trials.context(256, start, trial=2, reseed=5))
    other = trials.run(trials.context(256, start, trial=3, reseed=6))

    assert {outcome.start_digest for outcome in (own, one, again, other)} == {start.report.digest}
    assert one.digest == again.digest, "the seed of the fork says all, whoever forks"
    assert len({own.digest, one.digest, other.digest}) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_fork_may_be_interrupted_and_cut_like_any_segment(small, begun, kind):
    config = small(kind)
    horizon = config.training.total_timesteps
    trials, start = begun(config, 64)
    whole = trials.run(trials.context(horizon, start, trial=1, reseed=5))

    asked = count(1)
    fork = trials.context(200, start, trial=2, reseed=5, should_stop=lambda: next(asked) > 1)
    first = trials.run(fork)
    trials.attempts += 1
    middle = trials.run(trials.context(200, start, trial=2, reseed=5))
    last = trials.run(trials.context(horizon, start, trials.reported(fork, middle), trial=2))

    assert first.state == "interrupted"
    assert last.digest == whole.digest
    assert last.score == whole.score


def test_a_fork_draws_nothing_that_the_trial_it_left_draws(small, begun):
    trials, start = begun(small("ppo"), 64)
    outcome = trials.run(trials.context(128, start, trial=1, reseed=5))
    own = trials.run(trials.context(128, start))

    forked, stayed = (checkpoint.load(one.checkpoint) for one in (outcome, own))

    for stream in ("exploration", "minibatches"):
        assert forked["algorithm"][stream] != stayed["algorithm"][stream]
    assert not torch.equal(forked["environment"]["state"], stayed["environment"]["state"])


# -- changes


def test_a_hyperparameter_may_change_where_a_segment_begins(small, begun):
    trials, start = begun(small("normalised ddpg"))
    faster = {"learning_rate": 0.01, "gamma": 0.9, "noise_std": 0.3, "batch_size": 8}

    plain = trials.run(trials.context(260, start, trial=1))
    changed = trials.run(trials.context(260, start, trial=2, hyperparameters=faster))
    kept = trials.context(260, start, trial=3, hyperparameters={"learning_rate": 0.001})

    assert changed.digest != plain.digest
    assert trials.run(kept).digest == plain.digest, "written out, the same value is no change"


def test_a_change_holds_for_the_segment_alone_and_for_every_attempt_at_it(small, begun):
    trials, start = begun(small("ppo"))
    asked = count(1)
    faster = {"hyperparameters": {"learning_rate": 0.01}}

    whole = trials.run(trials.context(256, start, trial=1, **faster))
    context = trials.context(256, start, trial=2, **faster, should_stop=lambda: next(asked) > 1)
    trials.run(context)
    resumed = trials.run(trials.context(256, start, trial=2, **faster))
    state = checkpoint.load(
        trials.run(
            trials.context(512, start, trials.reported(context, resumed), trial=2)
        ).checkpoint
    )

    assert resumed.digest == whole.digest
    assert '"learning_rate": 0.0003' in state["config"]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("ppo", {"n_envs": 4}),
        ("ppo", {"hidden_sizes": [32, 32]}),
        ("ppo", {"kl_coef": 0.5}),
        ("ppo", {"activation": "relu"}),
        ("ppo", {"optimizer.type": "sgd"}),
        ("ddpg", {"buffer_size": 17}),
        ("ddpg", {"noise_type": "none"}),
    ],
)
def test_what_was_trained_so_far_depends_on_may_not_change(small, begun, kind, change):
    trials, start = begun(small(kind))
    key = next(iter(change))

    with pytest.raises(UsageError) as refusal:
        trials.run(trials.context(256, start, hyperparameters=change))

    assert f"{key}: it changes from" in str(refusal.value)
    assert "May change: " in str(refusal.value) and "learning_rate" in str(refusal.value)


# -- going on further


@pytest.mark.parametrize("kind", ["ppo", "normalised ddpg"])
def test_a_trial_that_is_given_more_steps_is_one_that_had_them_from_the_first(
    small, segments, kind
):
    more = segments(small(kind, {"training.total_timesteps": 384})).through(384)[-1]
    trials = segments(small(kind, {"training.total_timesteps": 256}))
    context = trials.context(256)
    start = trials.reported(context, trials.run(context))

    outcome = trials.run(trials.context(384, start, horizon=384))

    assert outcome.digest == more.digest
    assert outcome.score == more.score


# -- halting


def test_a_trial_below_its_threshold_is_halted_there(small, segments):
    trials = segments(small("ppo"))
    hopeless = ((100, 0.0), (200, 1e9), (300, 0.0))

    outcome = trials.run(trials.context(512, stop_below=hopeless))

    assert outcome.state == "halted"
    assert outcome.steps == 256
    assert steps_of(outcome) == [128, 256]
    assert outcome.score == outcome.evaluations[-1].score


def test_a_spared_trial_runs_on_past_its_thresholds(small, segments):
    trials = segments(small("ppo"))

    outcome = trials.run(trials.context(512, stop_below=((200, 1e9),), is_spared=True))

    assert (outcome.state, outcome.steps) == ("completed", 512)


def test_what_is_halted_is_the_mean_of_up_to_three_evaluations(small, segments):
    config = small("ppo", {"training.eval_freq": 64})
    made = segments(config).through(512)[-1].evaluations
    scores = [one.score for one in made]
    means = [
        sum(scores[max(0, i - 2) : i + 1]) / len(scores[max(0, i - 2) : i + 1]) for i in range(8)
    ]
    assert any(abs(mean - score) > 1 for mean, score in zip(means, scores, strict=True))

    for place in (0, 1, 4):
        for off, expected in ((-1e-6, "completed"), (1e-6, "halted")):
            below = ((made[place].step, means[place] + off),)
            outcome = segments(config)
            outcome = outcome.run(outcome.context(512, stop_below=below))
            assert outcome.state == expected, (place, off)


def test_halting_is_a_level_that_an_attempt_killed_before_its_report_sees_again(small, segments):
    trials = segments(small("ppo"))
    hopeless = ((200, 1e9),)
    first = trials.run(trials.context(512, stop_below=hopeless))

    again = trials.run(trials.context(512, stop_below=hopeless))

    assert (again.state, again.steps, again.digest) == ("halted", 256, first.digest)


def test_an_attempt_killed_between_its_evaluation_and_the_save_is_halted_too(
    small, segments, killed
):
    trials = segments(small("ppo"))
    hopeless = ((200, 1e9),)

    def work(report):
        told = lambda evaluation: report("evaluated", evaluation.step)  # noqa: E731
        trials.run(trials.context(512, stop_below=hopeless, on_evaluation=told))

    killed(work, lambda line: line.split() == ["evaluated", "256"])
    trials.attempts += 1
    outcome = trials.run(trials.context(512, stop_below=hopeless))

    assert (outcome.state, outcome.steps) == ("halted", 256)


def test_a_threshold_that_was_passed_in_a_segment_before_is_not_asked_again(small, begun):
    trials, start = begun(small("ppo"))

    outcome = trials.run(trials.context(512, start, stop_below=((100, 1e9),)))

    assert outcome.state == "completed"


def test_at_its_end_a_segment_is_completed_however_low_it_scores(small, segments):
    trials = segments(small("ppo"))

    outcome = trials.run(trials.context(256, stop_below=((200, 1e9),)))

    assert (outcome.state, outcome.steps) == ("completed", 256)


def test_halting_leaves_no_trace_in_a_trial_that_goes_on_all_the_same(small, segments):
    config = small("ppo")
    whole = segments(config).through(512)[-1]
    trials = segments(config)
    context = trials.context(512, stop_below=((200, 1e9),))
    halted = trials.reported(context, trials.run(context))

    doomed = trials.run(trials.context(512, halted))

    assert doomed.digest == whole.digest
    assert steps_of(doomed) == steps_of(whole)
