from collections import Counter
from dataclasses import replace

from amc.cli.events import Events, changes
from amc.cli.overview import Overview
from amc.ledger.records import Copy
from amc.trial_status import BestTrial, TrialStatus

WAITING = TrialStatus(0, "waiting", None, {"gamma": 0.98}, 1, 0, 0, 0.0, "")
RUNNING = replace(WAITING, state="running", attempts=1, worker="rl-worker-0", steps=512)
DONE = replace(RUNNING, state="completed", score=200.5, steps=2048, seconds=12.5)


def at(*trials: TrialStatus, state: str = "running", **more: object) -> Overview:
    scored = [trial for trial in trials if trial.score is not None]
    best = best_of(max(scored, key=lambda trial: trial.score)) if scored else None
    states = Counter(trial.state for trial in trials)
    return Overview("cartpole-1", state, best, 4, states, trials, rounds=1, **more)


def best_of(trial: TrialStatus) -> BestTrial:
    return BestTrial(**vars(trial), mean_score=trial.score, standard_error=None, n_seeds=1)


def test_a_trial_that_starts_is_one_line():
    lines = list(changes(at(WAITING), at(RUNNING)))

    assert lines == ["trial 0: running on rl-worker-0: gamma=0.98"]


def test_where_trials_follow_one_by_one_no_round_is_told():
    after = at(WAITING, has_rounds=False)

    told = [*changes(None, after), after.headline]

    assert not any("round" in line for line in told)


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
        "best so far: 200.5 (trial 0)",
    ]


def test_a_failure_is_told_with_its_reason():
    failed = replace(RUNNING, state="failed", error="3 of 3 attempts failed\nValueError: nan")

    lines = list(changes(at(RUNNING), at(failed)))

    assert lines == ["trial 0: failed: 3 of 3 attempts failed ... ValueError: nan"]


def test_the_end_is_told_with_the_counts():
    lost = replace(DONE, number=1, state="failed", score=None)

    lines = list(changes(at(DONE, lost), at(DONE, lost, state="completed")))

    assert lines == ["cartpole-1: completed, 2 of 2 trials done (1 failed), best 200.5 (trial 0)"]


def test_whoever_comes_late_is_told_where_everything_stands():
    lines = list(changes(None, at(DONE, replace(RUNNING, number=1))))

    assert lines == [
        "round 0",
        "trial 0: completed, score 200.5, 2,048 steps in 12 s on rl-worker-0",
        "trial 1: running on rl-worker-0: gamma=0.98",
        "best so far: 200.5 (trial 0)",
        "cartpole-1: running, round 0, 1 of 4 trials done, best 200.5 (trial 0)",
    ]


def test_what_is_planned_is_what_is_done_once_nothing_more_comes():
    running, done = at(DONE), at(DONE, state="completed")
    more = at(*(replace(DONE, number=n) for n in range(5)))

    assert [(s.n_ended, s.n_planned) for s in (running, done, more)] == [(1, 4), (1, 1), (5, 5)]


def test_a_mean_over_more_seeds_is_news():
    alone = at(DONE)
    mean = replace(alone.best, mean_score=150.25, standard_error=50.25, n_seeds=2)

    lines = list(changes(alone, replace(alone, best=mean)))

    assert lines == ["best so far: 150.2 ± 50.2 (2 seeds, trial 0)"]
    assert "best 150.2 ± 50.2 (2 seeds, trial 0)" in replace(alone, best=mean).headline


def test_a_finalist_is_named_as_one():
    finalist = replace(DONE, number=4, kind="finalist")

    line = next(line for line in changes(at(DONE), at(DONE, finalist)) if "score" in line)

    assert line.startswith("trial 4 (finalist): completed, score 200.5")


def test_the_step_at_which_the_task_was_solved_is_told():
    solved = replace(DONE, solved_at=1024)

    lines = list(changes(at(RUNNING), at(solved)))

    assert lines == [
        "trial 0: completed, score 200.5, solved at step 1,024, 2,048 steps in 12 s on rl-worker-0",
        "best so far: 200.5 (trial 0, solved at step 1,024)",
    ]


def test_who_is_halted_keeps_a_line_with_its_step_and_rank():
    halted = replace(RUNNING, state="halted", score=3.5, steps=60_000, rank=7, compared=9)

    lines = list(changes(at(RUNNING), at(halted)))

    assert lines[0] == "trial 0: halted at step 60,000, rank 7 of 9, score 3.5"
    assert "1 of 4 trials done (1 halted)" in at(halted).headline


def test_of_a_population_generations_are_told_and_who_copies_whom():
    first = replace(WAITING, score=3.0, steps=1024)
    copied = replace(first, copies=(Copy(5, 2048),), hyperparameters={"gamma": 0.98})
    running = replace(copied, state="running", worker="rl-worker-1", attempts=1)
    one, two = (replace(at(state="running"), generation=(n, 10)) for n in (1, 2))

    begun = list(changes(None, replace(one, trials=(first,))))
    lines = list(changes(replace(one, trials=(first,)), replace(two, trials=(copied,))))
    nothing = list(changes(replace(two, trials=(copied,)), replace(two, trials=(running,))))

    assert begun == ["generation 1 of 10", replace(one, trials=(first,)).headline]
    assert "running, generation 1 of 10, 0 of 4 trials done" in begun[1]
    assert lines == [
        "generation 2 of 10",
        "trial 0: goes on from trial 5 at step 2,048: gamma=0.98",
    ]
    assert nothing == []


def test_the_stage_after_the_search_is_told_by_its_name():
    finalist = replace(RUNNING, number=4, kind="finalist")

    lines = list(changes(at(DONE), at(DONE, finalist)))

    assert lines[0] == "finalists"
    assert "running, finalists, 1 of 4 trials done" in at(DONE, finalist).headline


def test_a_trial_that_lost_its_worker_is_told_as_interrupted():
    lines = list(changes(at(RUNNING), at(replace(WAITING, attempts=1))))

    assert lines == ["trial 0: interrupted, waits for a worker"]


def test_a_trial_that_has_come_to_a_rung_is_not_told_as_interrupted():
    lines = list(changes(at(RUNNING), at(replace(WAITING, attempts=1, steps=10_240))))

    assert lines == ["trial 0: waits at step 10,240"]


def test_a_pause_does_not_look_like_a_failure():
    events, waiting = Events(), replace(WAITING, attempts=1)
    looks = [
        (at(RUNNING), None),
        (at(waiting, state="paused"), "paused: amc resume cartpole-1"),
        (at(waiting), None),
        (at(RUNNING), None),
        (at(replace(RUNNING, attempts=2)), None),
    ]

    told = [list(events.until(overview, reason)) for overview, reason in looks]

    assert told[1] == [
        "trial 0: paused, with a checkpoint",
        "cartpole-1: paused, round 0, 0 of 4 trials done",
        "paused: amc resume cartpole-1",
    ]
    assert told[2:] == [
        ["cartpole-1: running, round 0, 0 of 4 trials done"],
        ["trial 0: goes on on rl-worker-0: gamma=0.98"],
        [],
    ]


def test_what_begins_again_after_a_pause_is_not_said_to_have_a_checkpoint():
    paused = at(replace(WAITING, attempts=1), state="paused", has_checkpoints=False)

    assert next(changes(at(RUNNING), paused)) == "trial 0: paused"


def test_who_is_interrupted_after_a_pause_has_one_more_attempt():
    events, waiting = Events(), replace(WAITING, attempts=1)
    for overview in (
        at(waiting, state="paused"),
        at(replace(RUNNING, attempts=2)),
        at(replace(WAITING, attempts=2)),
    ):
        list(events.until(overview))

    told = list(events.until(at(replace(RUNNING, attempts=3))))

    assert told == ["trial 0: running on rl-worker-0 (attempt 3): gamma=0.98"]


def test_what_nothing_moves_for_is_told_once():
    events = Events()

    told = [list(events.until(at(WAITING), "no worker: amc up"))[-1:] for _ in range(2)]

    assert told == [["no worker: amc up"], []]
