from collections import Counter
from dataclasses import replace

import pytest

from amc.cli.overview import Overview
from amc.cli.remaining import remaining
from amc.trial_status import TrialStatus
from tests.cli.test_trials_table import DONE, RUNNING

ENDED = replace(DONE, seconds=10.0, steps=2048)
WAITING = replace(RUNNING, state="waiting", steps=0, attempts=0)


def at(*trials: TrialStatus, state: str = "running", **more: object) -> Overview:
    trials = tuple(replace(trial, number=n) for n, trial in enumerate(trials))
    defaults = {
        "planned_of_kind": {"search": 4, "finalist": 0, "test": 0},
        "trials_per_round": 2,
        "total_timesteps": 2048,
    }
    states = Counter(trial.state for trial in trials)
    return Overview("x-1", state, None, 4, states, trials, **{**defaults, **more})


def test_before_anything_is_known_it_says_so():
    assert str(remaining(at(RUNNING), 2)) == "not known (before a trial has ended)"
    assert str(remaining(at(ENDED), 0)) == "not known (no worker)"
    assert str(remaining(at(ENDED, state="paused"), 2)) == "not known (paused)"


def test_trials_to_come_last_as_long_as_the_median_of_those_that_ended():
    ended = [replace(ENDED, seconds=seconds) for seconds in (5.0, 10.0, 99.0)]

    assert remaining(at(*ended), 1).seconds == pytest.approx(10.0)


def test_the_seconds_of_a_last_attempt_are_not_taken_for_the_whole_trial():
    resumed = replace(ENDED, seconds=0.5, attempts=2)

    assert remaining(at(resumed, resumed, ENDED), 1).seconds == pytest.approx(10.0)


def test_what_a_running_trial_has_done_is_not_to_come():
    half = replace(RUNNING, steps=1024)

    assert remaining(at(ENDED, ENDED, ENDED, half), 4).seconds == pytest.approx(5.0)


def test_how_fast_a_running_trial_is_goes_before_what_others_took():
    half = replace(RUNNING, steps=1024)

    left = remaining(at(ENDED, ENDED, ENDED, half), 4, {3: 512.0})

    assert left.seconds == pytest.approx(2.0)


def test_before_a_trial_has_ended_running_ones_tell_how_long_one_takes():
    left = remaining(at(RUNNING, RUNNING), 2, {0: 256.0, 1: 256.0})

    assert left.seconds == pytest.approx(1536 / 256 + 2048 / 256)


def test_trials_that_wait_are_given_to_the_workers_and_rounds_follow_each_other():
    begun = [replace(RUNNING, steps=0), WAITING, WAITING]
    overview = at(ENDED, *begun, planned_of_kind={"search": 9}, trials_per_round=4)

    # Three on two workers, then a round of four, then one.
    assert remaining(overview, 2).seconds == pytest.approx(20.0 + 20.0 + 10.0)


def test_without_rounds_no_worker_waits_for_another():
    kinds = {"search": 8}
    in_rounds = at(ENDED, ENDED, planned_of_kind=kinds, trials_per_round=3)

    rounds = remaining(in_rounds, 2).seconds
    one_by_one = remaining(replace(in_rounds, has_rounds=False), 2).seconds

    assert (rounds, one_by_one) == (pytest.approx(40.0), pytest.approx(30.0))


def test_finalists_and_tests_are_counted_by_their_own_kind():
    kinds = {"search": 2, "finalist": 3, "test": 2}
    overview = at(
        ENDED, ENDED, replace(ENDED, kind="finalist", seconds=40.0), planned_of_kind=kinds
    )

    # Two finalists together, then two tests, of which none has ended yet.
    assert remaining(overview, 2).seconds == pytest.approx(40.0 + 10.0)


def test_a_limit_makes_it_an_upper_bound():
    assert str(remaining(at(ENDED, has_limits=True), 1)) == "at most about 30 s"


def test_of_a_population_only_what_runs_tells():
    members = at(RUNNING, RUNNING, generation=(1, 4), planned_of_kind={"search": 2})

    unknown = remaining(members, 2)
    known = remaining(members, 2, {0: 100.0, 1: 100.0})

    assert "not known" in str(unknown)
    assert known.seconds == pytest.approx(2 * 1536 / 200)
