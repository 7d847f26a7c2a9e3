"""`amc extend`, `add-trial` and `retry-failed`: what they record, say, and refuse."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result as Outcome

from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.experiment_view import Experiment
from amc.ledger import Ledger, Request, Trial
from tests.experiments import go_on, of_command

Amc = Callable[..., Outcome]
Ended = Callable[..., Ledger]


def fails_once(trial: Trial) -> float | None:
    return None if trial.number == 1 else float(trial.number)


@pytest.fixture
def ended(shared: Path, make_config: Callable[..., ExperimentConfig]) -> Ended:
    """A factory of experiments that have ended: four trials of 256 steps; trial 1 has failed."""

    def make(changes: dict[str, Any] | None = None) -> Ledger:
        ledger = Ledger.create(shared, make_config(changes))
        go_on(ledger, fails_once)
        return ledger

    return make


def test_more_calls_let_a_search_that_has_ended_go_on(amc: Amc, ended: Ended):
    ledger = ended()

    outcome = amc("extend", ledger.id, "--calls", "2e0")
    running = ledger.state
    go_on(ledger)

    assert outcome.exit_code == 0
    assert outcome.stdout == f"{ledger.id} running\n"
    assert "2 more trials of the search" in outcome.stderr
    assert "No broker answers" in outcome.stderr
    assert (running, ledger.state) == ("running", "completed")
    assert len(ledger.history().trials) == 6


def test_as_json_the_experiment_is_printed(amc: Amc, ended: Ended):
    document = json.loads(amc("extend", ended().id, "--calls", 2, "--json").stdout)

    assert (document["state"], len(document["trials"])) == ("running", 4)


def test_what_a_limit_has_left_is_shown(amc: Amc, ended: Ended):
    ledger = ended({"hyperparameter_optimizer.max_timesteps": 3 * 256})

    shown, document = amc("show", ledger.id).stdout, amc("show", ledger.id, "--json").stdout

    assert "max_timesteps    768 of 768 spent" in shown
    assert json.loads(document)["limits"] == {"max_timesteps": {"spent": 768, "most": 768}}


def test_longer_training_says_whether_it_is_as_one_of_that_length(amc: Amc, ended: Ended):
    seamless, cut, scheduled = (
        ended({"algorithm_config.n_envs": 1, "algorithm_config.n_steps": n_steps, **more})
        for n_steps, more in (
            (128, {}),
            (192, {}),
            (128, {"optimizer.learning_rate_schedule": "linear"}),
        )
    )

    told = [amc("extend", one.id, "--timesteps", 512).stderr for one in (seamless, cut, scheduled)]
    go_on(seamless)

    assert "trial 3: its final checkpoint is gone, so its 256 steps are trained again" in told[0]
    assert "trial 3: it goes on from step 256 as one training of 512 steps would have" in told[0]
    assert "from step 256 on it is a new training: its last rollout there was shorter" in told[1]
    assert "its learning rate follows the schedule to step 512" in told[2]
    assert seamless.history().result(3).steps == 512  # type: ignore[union-attr]


def test_with_more_calls_nobody_knows_yet_who_is_trained_longer(amc: Amc, ended: Ended):
    ledger = ended()

    told = amc("extend", ledger.id, "--calls", 2, "--timesteps", 512).stderr
    go_on(ledger)

    assert "the winner, on all of its seeds, goes on to step 512 once nothing else of" in told
    assert "trial 3" not in told
    steps = {trial.number: result.steps for trial, result in ledger.history().finished()}
    assert (steps[3], steps[5]) == (512, 256)


@pytest.mark.parametrize(
    ("whose", "sentence"),
    [
        ([], "trial 3, the winner, was trained 256 steps, but got 128. Write more."),
        (["--all"], "trial 3, the winner, was trained 256 steps, but got 128. Write more."),
        (["--trial", 2], "trial 2 was trained 256 steps, but got 128. Write more."),
        (["--trial", 1], "trial 1 failed. Try it once more: amc retry-failed ID"),
    ],
)
def test_who_cannot_be_trained_longer_is_named(
    amc: Amc, ended: Ended, whose: list[Any], sentence: str
):
    outcome = amc("extend", ended().id, "--timesteps", 128, *whose)

    assert outcome.exit_code == 2
    assert outcome.stderr == f"amc: timesteps: {sentence}\n"


def test_where_nothing_was_completed_nothing_is_trained_longer(
    amc: Amc, shared: Path, make_config: Callable[..., ExperimentConfig]
):
    ledger = Ledger.create(shared, make_config())
    go_on(ledger, lambda trial: None)

    outcome = amc("extend", ledger.id, "--timesteps", 512)

    assert outcome.exit_code == 2
    assert outcome.stderr == "amc: timesteps: no trial was completed, so none can go on.\n"


def test_one_call_is_one_trial(amc: Amc, ended: Ended):
    assert "1 more trial of the search" in amc("extend", ended().id, "--calls", 1).stderr


def test_every_trial_or_one_may_be_trained_longer(amc: Amc, ended: Ended):
    ledger = ended()

    every = amc("extend", ledger.id, "--timesteps", 512, "--all").stderr
    go_on(ledger)
    one = amc("extend", ledger.id, "--timesteps", 768, "--trial", 2).stderr
    go_on(ledger)

    assert [f"trial {number}:" in every for number in range(4)] == [True, False, True, True]
    assert "trial 2:" in one and "trial 3:" not in one
    steps = {trial.number: result.steps for trial, result in ledger.history().finished()}
    assert steps == {0: 512, 1: 0, 2: 768, 3: 512}


def test_a_trial_of_your_own_is_one_of_the_search(amc: Amc, ended: Ended):
    ledger = ended()

    outcome = amc("add-trial", ledger.id, "--set", "learning_rate=0.001")
    go_on(ledger)

    assert outcome.exit_code == 0
    assert "a trial of your own: learning_rate = 0.001" in outcome.stderr
    added = ledger.trial(4)
    assert (added.kind, added.suggestion, added.request) == ("search", 4, 0)
    assert added.hyperparameters == {"learning_rate": 0.001}


def test_failed_trials_are_tried_once_more_and_only_they(amc: Amc, ended: Ended):
    ledger = ended()

    first = amc("retry-failed", ledger.id)
    go_on(ledger)
    second = amc("retry-failed", ledger.id)

    assert first.exit_code == 0
    assert "trial 1 is tried once more, on a seed of its own" in first.stderr
    assert ledger.trial(4).retry_of == 1
    assert second.exit_code == 2
    assert "no trial failed, or each was tried once more already" in second.stderr


def test_a_higher_limit_goes_with_what_needs_it(amc: Amc, ended: Ended):
    ledger = ended({"hyperparameter_optimizer.max_timesteps": 3 * 256})

    refused = amc("extend", ledger.id, "--calls", 2)
    allowed = amc("extend", ledger.id, "--calls", 2, "--max-timesteps", 8 * 256)
    go_on(ledger)

    assert refused.exit_code == 2
    assert "max_timesteps: 768 of 768 steps over all trials were trained" in refused.stderr
    assert allowed.exit_code == 0, allowed.stderr
    assert len(ledger.history().trials) == 6


@pytest.mark.parametrize(
    ("changes", "words", "told"),
    [
        ({"hyperparameter_optimizer.type": "grid"}, ["extend", "--calls", 2], "is a grid"),
        ({}, ["extend"], "nothing was asked for"),
        ({}, ["extend", "--calls", 0], "'0' is not a whole number from 1 on"),
        ({}, ["extend", "--timesteps", "1e99"], "'1e99' is not a whole number from 1 on"),
        ({}, ["extend", "--trial", 3], "Say how long: --timesteps N"),
        ({}, ["extend", "--timesteps", 512, "--trial", 3, "--all"], "Give one"),
        (
            {},
            ["extend", "--timesteps", 512, "--trial", 9],
            "there is no trial 9. There are: 0 to 3",
        ),
        ({}, ["extend", "--timesteps", 512, "--trial", 1], "trial 1 failed"),
        ({}, ["extend", "--timesteps", 200, "--trial", 3], "was trained 256 steps"),
        ({}, ["extend", "--timesteps", 200], "trial 3, the winner, was trained 256 steps"),
        ({}, ["extend", "--max-hours", 3], "no such limit"),
        ({}, ["add-trial", "--set", "gamma=0.9"], "gamma: not searched"),
        ({}, ["add-trial", "--set", "learning_rate=5"], "learning_rate: 5 is not within"),
        (
            {"hyperparameter_optimizer.max_failed_trials": 0},
            ["extend", "--calls", 2],
            "trials that failed: 1 (max_failed_trials: 0)",
        ),
        (
            {"hyperparameter_optimizer.max_timesteps": 2048},
            ["extend", "--max-timesteps", 1024],
            "it is 2,048 already",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_recorded(
    amc: Amc, ended: Ended, changes: dict[str, Any], words: list[Any], told: str
):
    ledger = ended(changes)

    outcome = amc(words[0], ledger.id, *words[1:])

    assert outcome.exit_code == 2, outcome.stderr
    assert told in " ".join(outcome.stderr.split())
    assert ledger.history().asked == ()


def test_without_a_search_there_are_no_calls_but_longer_training(amc: Amc, ended: Ended):
    ledger = ended({"hyperparameter_optimizer": None})

    refused = [amc("extend", ledger.id, "--calls", 1), amc("add-trial", ledger.id)]
    longer = amc("extend", ledger.id, "--timesteps", 512)

    assert {outcome.exit_code for outcome in refused} == {2}
    assert all("has no search" in outcome.stderr for outcome in refused)
    assert longer.exit_code == 0, longer.stderr


def test_a_cancelled_experiment_takes_nothing(amc: Amc, shared: Path, make_config: Any):
    ledger = Ledger.create(shared, make_config())
    ledger.mark_cancelled()

    outcome = amc("extend", ledger.id, "--calls", 2)

    assert outcome.exit_code == 2
    assert f"--warm-start {ledger.id}" in outcome.stderr


def test_steps_that_are_asked_for_while_it_runs_come_at_the_end(
    amc: Amc, shared: Path, make_config: Any
):
    ledger = Ledger.create(shared, make_config())

    less = amc("extend", ledger.id, "--timesteps", 256)
    more = amc("extend", ledger.id, "--timesteps", 512)

    assert less.exit_code == 2 and "every trial is trained 256 steps anyway" in less.stderr
    assert more.exit_code == 0
    assert "once nothing else of the experiment is left" in more.stderr


def test_a_population_takes_nothing(amc: Amc, shared: Path, make_config: Any):
    search = {"type": "pbt", "n_calls": 4, "perturbation_interval": 128}
    training = {"training.eval_freq": 64, "training.total_timesteps": 256}
    changes = {f"hyperparameter_optimizer.{key}": value for key, value in search.items()}
    ledger = Ledger.create(shared, make_config({**training, **changes}))

    refused = [
        amc("extend", ledger.id, "--calls", 2),
        amc("extend", ledger.id, "--timesteps", 512),
        amc("add-trial", ledger.id, "--set", "learning_rate=0.001"),
        amc("retry-failed", ledger.id),
    ]

    assert {outcome.exit_code for outcome in refused} == {2}
    assert all("members of a population" in outcome.stderr for outcome in refused)
    assert ledger.history().asked == ()


def test_what_was_asked_is_shown_with_the_trials(amc: Amc, ended: Ended):
    ledger = ended()
    amc("retry-failed", ledger.id)
    amc("add-trial", ledger.id, "--set", "learning_rate=0.001")
    amc("extend", ledger.id, "--calls", 2)
    headline = amc("show", ledger.id).stdout
    go_on(ledger)

    shown = amc("show", ledger.id)
    trials = json.loads(amc("show", ledger.id, "--json").stdout)["trials"]

    assert "4 of 8 trials done" in headline
    assert [(one["request"], one["retry_of"]) for one in trials][3:6] == [
        (None, None),
        (0, 1),
        (1, None),
    ]
    assert {one["horizon"] for one in trials} == {256}
    assert shown.exit_code == 0


@pytest.mark.parametrize("whose", ["best", "3", True, None])
def test_from_python_only_a_trial_the_winner_or_all_are_trained_longer(ended: Ended, whose: Any):
    ledger = ended()

    with pytest.raises(UsageError, match="Write its number, 'winner' or 'all'"):
        Experiment(ledger).extend(timesteps=512, trial=whose)

    assert ledger.history().asked == ()


@pytest.mark.parametrize(
    "wish",
    [{"calls": 1.5}, {"calls": True}, {"timesteps": 2**60}, {"max_hours": float("nan")}],
)
def test_from_python_what_is_no_number_is_refused_too(ended: Ended, wish: dict[str, Any]):
    ledger = ended()

    with pytest.raises(UsageError, match="must be"):
        Experiment(ledger).extend(**wish)

    assert ledger.history().asked == ()


def test_a_command_that_goes_on_from_no_checkpoint_is_given_no_more_steps(amc: Amc, shared: Path):
    ledger = Ledger.create(shared, of_command())
    go_on(ledger, fails_once)

    refused = amc("extend", ledger.id, "--timesteps", 200)
    calls = amc("extend", ledger.id, "--calls", 2)
    retry = amc("retry-failed", ledger.id)
    ledger.ask(Request(0, "steps", steps=200, of="all"))  # as somebody else would write it
    go_on(ledger)

    assert refused.exit_code == UsageError.exit_code
    assert "does not say that it goes on from a checkpoint" in refused.stderr
    assert (calls.exit_code, retry.exit_code) == (0, 0)
    assert all(one.until == 100 for one in ledger.history().segments.values())
    assert len(ledger.history().trials) == 4 + 2 + 1


def test_a_command_that_goes_on_from_a_checkpoint_is_given_more_steps(amc: Amc, shared: Path):
    ledger = Ledger.create(shared, of_command(resumable=True))
    go_on(ledger)

    accepted = amc("extend", ledger.id, "--timesteps", 200)
    go_on(ledger)

    assert accepted.exit_code == 0, accepted.stderr
    assert max(one.until for one in ledger.history().segments.values()) == 200
