"""Rounds, async and pruners, on curves that are known: what is opened, learned and halted."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from amc.config.schema import ExperimentConfig
from amc.driver.budget import budget
from amc.driver.planning import plan
from amc.driver.suggesting import next_suggestions
from amc.driver.told import Row
from amc.ledger import Decision, History, Report, Segment, Trial
from amc.ledger.pruning import is_too_low, pruned, ranks
from amc.ledger.sorted_map import SortedMap
from amc.ledger.winner import winner
from tests.experiments import of_command

MakeConfig = Callable[..., ExperimentConfig]
STEPS, EVERY = 1000, 100
CASES = {
    "rounds": {"trials_per_round": 3},
    "rounds, median": {"trials_per_round": 6, "pruner": "median"},
    "halving": {"pruner": "halving"},
    "halving on two seeds": {"pruner": "halving", "seeds_per_trial": 2, "n_calls": 36},
    "async": {"mode": "async", "window": 3},
    "async, two seeds": {"mode": "async", "window": 4, "seeds_per_trial": 2},
    "async, median": {"mode": "async", "pruner": "median"},
    "async, a window below the seeds": {"mode": "async", "window": 1, "seeds_per_trial": 2},
    "asha": {"mode": "async", "pruner": "asha"},
    "asha, one by one": {"mode": "async", "pruner": "asha", "window": 1},
    "asha on two seeds": {"mode": "async", "pruner": "asha", "seeds_per_trial": 2},
    "asha, whole": {
        **{"mode": "async", "pruner": "asha", "is_whole": True, "type": "random", "n_calls": 22},
        **{"seeds_per_trial": 2},
    },
}


def searching(
    make_config: MakeConfig, *, is_whole: bool = False, **search: Any
) -> ExperimentConfig:
    """A search by PPO, or by a command that goes on from no checkpoint."""
    search = {"n_calls": 27, "finalists": 0, **search}
    if is_whole:
        space = {"search_space": {"learning_rate": [1e-4, 1e-2]}}
        training = {"total_timesteps": STEPS, "eval_freq": EVERY}
        return of_command(training=training, hyperparameter_optimizer={**space, **search})
    return make_config(
        {
            "training.total_timesteps": STEPS,
            "training.eval_freq": EVERY,
            **{f"hyperparameter_optimizer.{key}": value for key, value in search.items()},
        }
    )


def quality(trial: Trial) -> float:
    return -abs(float(trial.hyperparameters["learning_rate"]) - 3e-3)


def curve(trial: Trial, segment: Segment) -> list[tuple[int, float]]:
    """Better trials are better at every step."""
    steps = range(segment.from_step + EVERY, segment.until + 1, EVERY)
    return [(step, quality(trial) * (2 - step / STEPS)) for step in steps]


def train(past: History, segment: Segment) -> Report:
    """What a worker reports: halted at the first evaluation below a threshold, unless spared."""
    trial = past.trials[segment.trial]
    points = curve(trial, segment)
    seen = past.curve(trial.number)
    for index, (step, _) in enumerate(points):
        is_low = is_too_low([*seen, *points[: index + 1]], segment.stop_below)
        if is_low and step < segment.until and not segment.is_spared:
            return report(segment, points[: index + 1], "halted")
    return report(segment, points, "completed")


def report(segment: Segment, points: list[tuple[int, float]], state: Any) -> Report:
    step, score = points[-1]
    return Report(*segment.key, state, step=step, score=score, curve=tuple(points))


def run(config: ExperimentConfig, *, seed: int | None = None) -> tuple[History, list[Decision]]:
    """The whole experiment; with a seed, segments end in an order drawn from it."""
    draw = random.Random(seed)
    past, made = History(), list[Decision]()
    while past.finish is None:
        decision = plan(config, past)
        if decision is not None:
            made.append(decision)
            past = past.after(decision).seen(
                {key: one for key, one in past.fresh.items() if key not in learned(decision)}
            )
            continue
        assert past.outstanding, "nothing is open and nothing is decided"
        ended = past.outstanding[0] if seed is None else draw.choice(past.outstanding)
        past = past.seen({**past.fresh, ended.key: train(past, ended)})
    return past, made


def learned(decision: Decision) -> set[tuple[int, int]]:
    return {one.key for one in decision.learned}


def states(past: History) -> Counter[str]:
    return Counter(result.state for _, result in past.finished())


@pytest.mark.parametrize("case", CASES)
def test_the_order_in_which_segments_end_changes_no_decision(case: str, make_config: MakeConfig):
    config = searching(make_config, **CASES[case])

    _, in_order = run(config)
    _, shuffled = run(config, seed=1)
    _, again = run(config, seed=2)

    assert in_order == shuffled == again
    assert in_order[-1].finish == "completed"


@pytest.mark.parametrize("case", CASES)
def test_what_is_carried_along_is_what_comes_out_afresh(case: str, make_config: MakeConfig):
    config = searching(make_config, **{**CASES[case], "finalists": 2})
    _, made = run(config, seed=5)
    past = History()

    for decision in made:
        plan(config, past.seen({one.key: one for one in decision.learned}))
        best = winner(config, past)
        assert best == winner(config, History().after(*made[: past.decisions]))
        past = past.after(decision)

    rules = past._aggregates
    assert len(rules) >= 2
    for rule, value in rules.items():
        assert value == rule.of(past, past.trials, None)


@pytest.mark.parametrize("type", ["random", "sobol", "grid", "bayesian", "tpe"])
def test_a_search_that_lives_on_decides_as_one_that_is_taught_from_nothing(
    type: str, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
):
    case = {"type": type, "mode": "async", "window": 3, "n_calls": 16, "seeds_per_trial": 2}
    config = searching(make_config, **case)

    _, kept = run(config, seed=6)
    monkeypatch.setattr("amc.driver.suggesting._kept", lambda config, search: None)
    _, taught_anew = run(config, seed=6)

    assert kept == taught_anew


@pytest.mark.parametrize("case", CASES)
def test_every_segment_is_learned_once_and_the_budget_is_spent(case: str, make_config: MakeConfig):
    config = searching(make_config, **CASES[case])

    past, made = run(config, seed=3)

    assert Counter(key for one in made for key in learned(one)) == Counter(list(past.segments))
    assert len(past.trials) == budget(config).trials
    assert states(past)["completed"] >= 1


@pytest.mark.parametrize("case", CASES)
def test_what_was_decided_can_be_decided_again_from_its_records(case: str, make_config: MakeConfig):
    config = searching(make_config, **CASES[case])
    _, made = run(config, seed=4)

    past = History()
    for decision in made:
        known = past.seen({one.key: one for one in decision.learned})
        assert plan(config, known) == decision
        past = past.after(decision)


def test_async_keeps_as_many_under_way_as_its_window(make_config: MakeConfig):
    config = searching(make_config, mode="async", window=5, test_seeds=0)

    _, made = run(config)

    assert len(made[0].segments) == 5
    assert {len(one.segments) for one in made[1:]} <= {0, 1}
    assert all(len(one.learned) == 1 for one in made[1:])


def test_as_they_come_learns_whatever_is_there(make_config: MakeConfig):
    config = searching(make_config, mode="async", window=4, order="as_they_come")
    first = plan(config, History())
    assert first is not None
    past = History().after(first)
    late = train(past, first.segments[3])

    decision = plan(config, past.seen({late.key: late}))

    assert decision is not None and decision.learned == (late,)
    assert len(decision.segments) == 1


@pytest.mark.parametrize(("search", "most"), [({"pruner": "halving"}, 0.7), (CASES["asha"], 0.7)])
def test_pruning_saves_steps_and_keeps_the_best(
    search: dict[str, Any], most: float, make_config: MakeConfig
):
    past, _ = run(searching(make_config, type="random", test_seeds=0, **search))

    trained = sum(result.steps for _, result in past.finished())
    best = max(past.trials.values(), key=quality)
    assert trained < most * STEPS * len(past.trials)
    assert states(past)["halted"] > len(past.trials) / 2
    assert past.result(best.number).state == "completed"  # type: ignore[union-attr]


def test_where_trials_are_whole_asha_halts_at_the_rung_what_is_not_among_the_best_third(
    make_config: MakeConfig,
):
    search = {**CASES["asha, whole"], "test_seeds": 0, "n_calls": 81, "seeds_per_trial": 1}
    config = searching(make_config, **search)

    past, _ = run(config)

    assert {(one.from_step, one.until, one.index) for one in past.segments.values()} == {
        (0, STEPS, 0)
    }
    thresholds = {step for one in past.segments.values() for step, _ in one.stop_below}
    halted = {trial.number: one for trial, one in past.finished() if one.state == "halted"}
    best = max(past.trials.values(), key=quality)
    assert thresholds == {400} == {one.steps for one in halted.values()}
    assert len(halted) > len(past.trials) / 2
    assert past.result(best.number).state == "completed"  # type: ignore[union-attr]
    found, standing = pruned(config, past), ranks(config, past)
    assert found is not None and found.spared and found.wrongly_halted == 0
    assert found.halted == len(halted) and set(standing) == set(halted)
    assert all(one.rank > 1 and one.compared == len(past.trials) for one in standing.values())


def test_where_trials_are_whole_the_threshold_of_asha_counts_the_trial_itself(
    make_config: MakeConfig,
):
    config = searching(make_config, **{**CASES["asha, whole"], "window": 1, "seeds_per_trial": 1})
    past = History()
    for score in (5.0, 1.0, 3.0, 2.0, 4.0):
        decision = plan(config, past)
        assert decision is not None and decision.segments[0].stop_below == ()
        ended = report(
            decision.segments[0], [(step, score) for step in range(100, 1001, 100)], "completed"
        )
        past = past.after(decision).seen({ended.key: ended})

    sixth = plan(config, past)

    # Of six the best two go on: who is not below the second of the five before.
    assert sixth is not None and sixth.segments[0].stop_below == ((400, 4.0),)


def test_where_trials_are_whole_but_resumable_they_are_promoted(make_config: MakeConfig):
    whole = searching(make_config, **CASES["asha, whole"])
    config = whole.model_copy(update={"resumable": True})

    first = plan(config, History())

    assert first is not None and {one.until for one in first.segments} == {400}


@pytest.mark.parametrize("case", CASES)
def test_the_winner_is_tested_to_its_end_whatever_prunes(case: str, make_config: MakeConfig):
    past, _ = run(searching(make_config, **CASES[case]))

    tests = [one for one in past.segments.values() if past.trials[one.trial].kind == "test"]
    assert [one.key for one in tests] == list(past.segments)[-3:]
    assert all((one.until, one.stop_below) == (STEPS, ()) for one in tests)


def test_the_median_rule_halts_what_is_below_the_median_and_no_finalist(make_config: MakeConfig):
    config = searching(make_config, type="random", pruner="median", trials_per_round=9, finalists=2)

    past, made = run(config)

    assert all(one.stop_below == () for one in made[0].segments)
    spared = [one for one in past.segments.values() if one.is_spared]
    assert spared and all(one.stop_below for one in spared), "else nobody knows who was doomed"
    halted = [trial for trial, result in past.finished() if result.state == "halted"]
    assert halted and all(trial.kind == "search" for trial in halted)
    finalists = [one for one in past.segments.values() if past.trials[one.trial].kind == "finalist"]
    assert len(finalists) == 6 and all(one.stop_below == () for one in finalists)


def test_one_doomed_trial_in_ten_runs_on_and_is_told_apart(make_config: MakeConfig):
    past, _ = run(searching(make_config, type="random", pruner="halving", n_calls=180))

    spared = {one.trial for one in past.segments.values() if one.is_spared}
    doomed = {trial.number for trial, result in past.finished() if result.state == "halted"}
    assert 0.03 < len(spared) / len(spared | doomed) < 0.2
    assert all(past.result(trial).state == "completed" for trial in spared)  # type: ignore[union-attr]


@pytest.mark.parametrize("case", ["halving", "rounds, median"])
def test_where_curves_never_cross_no_spared_one_was_wrongly_halted(
    case: str, make_config: MakeConfig
):
    search = {**CASES[case], "type": "random", "n_calls": 180, "test_seeds": 0}
    config = searching(make_config, **search)

    past, _ = run(config)
    found = pruned(config, past)

    assert found is not None
    assert (found.full_steps, found.wrongly_halted) == (180 * STEPS, 0)
    assert 0.03 < found.spared / (found.spared + found.halted) < 0.2
    assert found.steps_saved == 180 * STEPS - sum(one.steps for _, one in past.finished())


def test_a_trial_that_fails_at_a_rung_is_not_sent_on(make_config: MakeConfig):
    config = searching(make_config, type="random", pruner="halving", n_calls=9)
    first = plan(config, History())
    assert first is not None
    past = History().after(first)
    reports = [train(past, one) for one in first.segments[1:]]
    reports.append(Report(0, 0, "failed", step=0))

    second = plan(config, past.seen({one.key: one for one in reports}))

    assert second is not None and second.segments
    assert 0 not in {one.trial for one in second.segments}


def test_who_was_solved_before_a_rung_stands_there_as_one_that_came_to_its_end(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
):
    asked: list[list[Row]] = []
    monkeypatch.setattr(
        "amc.driver.searching.next_suggestions",
        lambda config, search, rows, count: (
            asked.append(list(rows.values())) or next_suggestions(config, search, rows, count)
        ),
    )
    config = searching(make_config, mode="async", pruner="asha", window=1)
    first = plan(config, History())
    assert first is not None
    past = History().after(first)
    solved = Report(0, 0, "completed", step=EVERY, score=9.0, curve=((EVERY, 9.0),))

    second = plan(config, past.seen({solved.key: solved}))

    assert second is not None
    assert [(row.learned, row.rung, row.score) for row in asked[-1]] == [(1, 1, 9.0)]


def test_with_pruning_the_search_is_told_ranks_and_without_scores(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
):
    asked: list[list[Row]] = []

    def spy(config: Any, search: Any, rows: SortedMap[int, Row], count: int) -> Any:
        asked.append(list(rows.values()))
        return next_suggestions(config, search, rows, count)

    monkeypatch.setattr("amc.driver.searching.next_suggestions", spy)

    run(searching(make_config, type="random", pruner="halving", n_calls=36))

    ended = [row for row in asked[-1] if row.learned is not None]
    assert len(ended) == 27
    assert Counter(row.rung for row in ended)[0] >= 15
    assert {row.rung for row in ended} == {0, 1}
