"""The methods section of an experiment: true by construction, whatever became of it."""

import pytest
from click.testing import CliRunner

from amc.cli import main
from amc.driver.planning import plan
from amc.ledger import Ledger
from tests.experiments import go_on


def test_it_tells_of_space_budget_result_cost_and_software(record):
    text = record([100.0, 300.0, None, 200.0]).methods()

    training, search, result, cost, software = text.split("\n\n")
    assert "trained by PPO in CartPole-v1 for 3,000 environment steps a trial" in training
    assert "mean return of 10 episodes of the deterministic policy" in training
    assert "by random search over learning_rate: 0.0001 to 0.1, log scale; gamma: 0.9" in search
    assert 'clip_range: 0.1 to 0.4, linear scale, only if activation is "tanh"' in search
    assert "given 40 trials and took 4 trials" in search
    assert "Their mean score is 300 over 1 seed, by which they were chosen" in result
    assert "4 trials were begun: 3 completed, 1 failed." in cost
    assert "9,000 environment steps and 40 s of training on 1 worker" in cost
    assert "Of 4 attempts, 1 failed by the trial's own doing and 0 were interrupted" in cost
    assert "fast@1, compiled@1 CartPole-v1" in software
    assert "digest " + "ab" * 32 in software


def test_finalists_and_tests_are_told_with_their_seeds(record, shared):
    search = {
        "n_calls": 4,
        "finalists": 2,
        "finalist_seeds": 3,
        "test_seeds": 2,
        "search_space": {"gamma": [0.9, 0.99]},
    }
    experiment = record([], end=None, hyperparameter_optimizer={"type": "random", **search})
    go_on(Ledger(experiment.directory), lambda trial: float(trial.suggestion))

    text = experiment.methods()

    assert "The best 2 suggestions were trained again on 3 further seeds each" in text
    assert "highest mean over these and the search's own seeds was chosen" in text
    assert "tested on 2 seeds that had no part in choosing it" in text
    assert "over 2 seeds (in brackets the 95 % interval" in text
    assert "by which they were chosen" not in text


def test_several_seeds_without_a_search_are_no_search(record):
    text = record([1.0, 2.0, 3.0], hyperparameter_optimizer=None, seeds=3).methods()

    assert "The config was trained on 3 seeds, drawn from the seed 0; nothing was searched." in text
    assert "Their mean score is 2.00 [-0.48, 4.48] over 3 seeds" in text
    assert "chosen" not in text


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ({"mode": "async", "window": 3}, "one after another with 3 under way"),
        ({"trials_per_round": 7}, "in rounds of 7"),
    ],
)
def test_how_trials_follow_each_other_is_told(record, mode, said):
    search = {"type": "random", "n_calls": 40, "search_space": {"gamma": [0.9, 0.99]}, **mode}

    assert said in record([1.0], end=None, hyperparameter_optimizer=search).methods()


def test_an_unfinished_one_says_so_and_one_without_a_score_has_no_result(record):
    text = record([None], end=None).methods()

    assert text.startswith("The experiment is running; what follows is how it stands.")
    assert "No trial was completed." in text
    assert "digest" not in text


def test_without_evaluations_the_score_is_that_of_training(record):
    training = {"total_timesteps": 3000, "eval_freq": None}

    assert "of its last 100 episodes of training" in record([1.0], training=training).methods()


def test_nothing_is_said_of_a_plan_that_was_not_carried_out(record):
    experiment = record([1.0], end=None)
    assert plan(experiment.config, Ledger(experiment.directory).history()) is not None

    assert "finalist" not in experiment.methods()
    assert "trained again" not in experiment.methods()


def test_the_command_breaks_lines_or_leaves_them(record):
    experiment = record([100.0, 300.0])

    broken = CliRunner().invoke(main, ["methods", experiment.id])
    whole = CliRunner().invoke(main, ["methods", experiment.id, "--no-wrap"])

    assert max(map(len, broken.stdout.splitlines())) <= 88
    assert whole.stdout == experiment.methods() + "\n"
