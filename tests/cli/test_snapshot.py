from dataclasses import replace

from amc.cli.snapshot import Snapshot, changes
from amc.client import TrialStatus

WAITING = TrialStatus(0, "waiting", None, {"gamma": 0.98}, 1, 0, 0, 0.0, "")
RUNNING = replace(WAITING, state="running", attempts=1, worker="rl-worker-0", steps=512)
DONE = replace(RUNNING, state="completed", score=200.5, steps=2048, seconds=12.5)


def at(*trials: TrialStatus, state: str = "running", **more: object) -> Snapshot:
    best = max((t for t in trials if t.score is not None), key=lambda t: t.score, default=None)
    return Snapshot("cartpole-1", state, trials, best=best, rounds=1, n_calls=4, **more)


def test_a_trial_that_starts_is_one_line():
    lines = list(changes(at(WAITING), at(RUNNING)))

    assert lines == ["trial 0: running on rl-worker-0: gamma=0.98"]


def test_steps_and_seconds_alone_are_no_change():
    later = replace(RUNNING, steps=1024, seconds=6.0)

    assert list(changes(at(RUNNING), at(later))) == []


def test_another_attempt_is_told_with_its_number():
    again = replace(RUNNING, attempts=2, worker="rl-worker-1")

    lines = list(changes(at(RUNNING), at(again)))

    assert lines == ["trial 0: running on rl-worker-1 (attempt 2): gamma=0.98"]


def test_a_score_and_a_new_best_are_told():
    lines = list(changes(at(RUNNING), at(DONE)))

    assert lines == [
        "trial 0: completed, score 200.5, 2,048 steps in 12 s on rl-worker-0",
        "best so far: 200.5, trial 0",
    ]


def test_a_failure_is_told_with_its_reason():
    failed = replace(RUNNING, state="failed", error="3 of 3 attempts failed\nValueError: nan")

    lines = list(changes(at(RUNNING), at(failed)))

    assert lines == ["trial 0: failed: 3 of 3 attempts failed ... ValueError: nan"]


def test_the_end_is_told_with_the_counts():
    lost = replace(DONE, number=1, state="failed", score=None)

    lines = list(changes(at(DONE, lost), at(DONE, lost, state="completed")))

    assert lines == ["cartpole-1: completed, 2 of 4 trials done (1 failed), best 200.5 (trial 0)"]


def test_whoever_comes_late_is_told_where_everything_stands():
    lines = list(changes(None, at(DONE, replace(RUNNING, number=1))))

    assert lines == [
        "round 0",
        "trial 0: completed, score 200.5, 2,048 steps in 12 s on rl-worker-0",
        "trial 1: running on rl-worker-0: gamma=0.98",
        "best so far: 200.5, trial 0",
        "cartpole-1: running, round 0, 1 of 4 trials done, best 200.5 (trial 0)",
    ]


def test_finalists_come_on_top_of_the_planned_trials():
    trials = [replace(DONE, number=n) for n in range(4)]
    trials.append(replace(WAITING, number=4, kind="finalist"))

    snapshot = at(*trials)

    assert (snapshot.n_ended, snapshot.n_planned) == (4, 5)
    assert snapshot.headline.startswith("cartpole-1: running, round 0, 4 of 5 trials done, best")
