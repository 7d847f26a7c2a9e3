"""Population based training on curves that are known: who copies whom, and where to it moves."""

import math
import random
from collections.abc import Callable
from statistics import fmean
from typing import Any

import pytest

from amc.config.schema import ExperimentConfig
from amc.config.search.generations import generations
from amc.driver.planning import plan
from amc.driver.wanted import released
from amc.ledger import Decision, History, Report, Segment
from amc.ledger.ancestry import config_of
from amc.ledger.winner import winner

MakeConfig = Callable[..., ExperimentConfig]
STEPS, EVERY, INTERVAL = 1000, 50, 100


def population(make_config: MakeConfig, **search: Any) -> ExperimentConfig:
    search = {"type": "pbt", "n_calls": 8, "perturbation_interval": INTERVAL, **search}
    return make_config(
        {
            "training.total_timesteps": STEPS,
            "training.eval_freq": EVERY,
            **{f"hyperparameter_optimizer.{key}": value for key, value in search.items()},
        }
    )


def progress(past: History, segment: Segment) -> float:
    """What is learned in a step: the most with a rate that falls from 0.006 to 0.001."""
    rate = past.hyperparameters(segment)["learning_rate"]
    return 1 - 3 * abs(math.log10(rate) + 2.2 + 0.8 * segment.from_step / STEPS)


def train(past: History, segment: Segment) -> Report:
    """What a worker reports: weights know what was learned until then, whoever learned it."""
    score = past.learned[segment.start].score or 0.0 if segment.start else 0.0
    points = []
    for step in range(segment.from_step + EVERY, segment.until + 1, EVERY):
        score += EVERY * progress(past, segment)
        points.append((step, score))
    end = {"step": segment.until, "score": score, "curve": tuple(points), "checkpoint": "a.pt"}
    return Report(*segment.key, "completed", **end)


def fail(segment: Segment) -> Report:
    return Report(*segment.key, "failed", step=segment.from_step, error="diverged")


def run(
    config: ExperimentConfig,
    *,
    seed: int | None = None,
    fails: Callable[[Segment], bool] = lambda segment: False,
) -> tuple[History, list[Decision]]:
    """The whole experiment; with a seed, segments end in an order drawn from it."""
    draw = random.Random(seed)
    past, made = History(), list[Decision]()
    while past.finish is None:
        decision = plan(config, past)
        if decision is not None:
            made.append(decision)
            past = past.after(decision)
            continue
        assert past.outstanding, "nothing is open and nothing is decided"
        ended = past.outstanding[0] if seed is None else draw.choice(past.outstanding)
        report = fail(ended) if fails(ended) else train(past, ended)
        past = past.seen({**past.fresh, ended.key: report})
    return past, made


def copies(past: History) -> list[Segment]:
    return [one for one in past.segments.values() if one.start and one.start[0] != one.trial]


def smoothed(past: History, report: Report, at: int) -> float:
    """The mean of its last three evaluations, some of them those of what it copied."""
    segment = past.segments[report.key]
    chain = (*past.lineage(segment), segment)
    points = [point for one in chain for point in past.learned[one.key].curve]
    return fmean(score for step, score in points if at - 3 * EVERY < step <= at)


def test_every_member_is_trained_in_generations_that_end_together(make_config: MakeConfig):
    config = population(make_config, perturbation_interval=300)

    past, made = run(config)

    assert len(made) == 5
    assert [{one.until for one in decision.segments} for decision in made[:-1]] == [
        {300},
        {600},
        {900},
        {1000},
    ]
    assert all(len(decision.segments) == 8 for decision in made[:-1])
    assert all(result.state == "completed" for _, result in past.finished())
    assert made[-1].finish == "completed"


def test_the_order_in_which_members_end_changes_no_decision(make_config: MakeConfig):
    config = population(make_config)

    _, in_order = run(config)
    _, shuffled = run(config, seed=1)

    assert in_order == shuffled


def test_what_was_decided_can_be_decided_again_from_its_records(make_config: MakeConfig):
    config = population(make_config)
    _, made = run(config, fails=lambda one: one.key == (2, 3))

    past = History()
    for decision in made:
        known = past.seen({one.key: one for one in decision.learned})
        assert plan(config, known) == decision
        past = past.after(decision)


def test_the_worst_quarter_goes_on_from_the_best_quarter_with_draws_of_its_own(
    make_config: MakeConfig,
):
    past, made = run(population(make_config))

    for decision in made[1:-1]:
        at = decision.learned[0].step
        ended = sorted(decision.learned, key=lambda one: (smoothed(past, one, at), -one.trial))
        worst, best = ({one.trial for one in part} for part in (ended[:2], ended[-2:]))
        copied = [one for one in decision.segments if one.start and one.start[0] != one.trial]
        assert {one.trial for one in copied} == worst
        assert {one.start[0] for one in copied if one.start} <= best
        assert all(one.reseed is not None for one in copied)
        kept = [one for one in decision.segments if one not in copied]
        assert all(one.reseed is None and one.start == (one.trial, one.index - 1) for one in kept)
        assert all(one.hyperparameters == past.segments[one.start].hyperparameters for one in kept)
    assert len({one.reseed for one in copies(past)}) == len(copies(past))


def test_a_population_follows_what_is_best_where_it_changes(make_config: MakeConfig):
    fixed, _ = run(population(make_config, perturbation_interval=500))
    past, _ = run(population(make_config, resample_probability=0.0))

    def best(one: History) -> float:
        return max(result.score or 0.0 for _, result in one.finished())

    assert best(past) > 1.2 * best(fixed)


def test_a_copy_moves_by_a_fifth_or_is_drawn_afresh_and_stays_in_the_space(make_config: MakeConfig):
    past, _ = run(population(make_config, resample_probability=0.0))
    afresh, _ = run(population(make_config, resample_probability=1.0))

    def ratios(one: History) -> set[float]:
        found = set()
        for segment in copies(one):
            assert segment.start is not None and segment.hyperparameters is not None
            rate = segment.hyperparameters["learning_rate"]
            assert 1e-4 <= rate <= 1e-2
            source = one.segments[segment.start].hyperparameters
            assert source is not None
            if 1e-4 < rate < 1e-2:
                found.add(round(rate / source["learning_rate"], 6))
        return found

    assert ratios(past) == {0.8, 1.2}
    assert len(ratios(afresh)) > 5


def test_equals_do_not_copy_each_other(make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(globals(), "progress", lambda past, segment: 1.0)

    past, _ = run(population(make_config))

    assert copies(past) == []


def test_the_place_of_a_member_that_failed_is_taken_by_a_copy_of_one_of_the_best(
    make_config: MakeConfig,
):
    past, made = run(population(make_config), fails=lambda one: one.key == (2, 3))

    newcomer = past.trials[8]
    first = past.segments[8, 0]
    assert len(past.trials) == 9 and newcomer.suggestion == 8
    assert past.result(2).state == "failed" and past.last[2] == 3  # type: ignore[union-attr]
    assert first.start is not None and past.segments[first.start].until == first.from_step == 400
    assert first.reseed is not None and newcomer.hyperparameters == first.hyperparameters
    assert past.result(8).state == "completed"  # type: ignore[union-attr]
    assert [step for step, _ in past.curve(8)] == list(range(EVERY, STEPS + 1, EVERY))
    assert {len(decision.segments) for decision in made[:-1]} == {8}


@pytest.mark.parametrize("kept", ["all", "best"])
def test_no_checkpoint_is_let_go_that_a_member_starts_from(kept: str, make_config: MakeConfig):
    config = population(make_config).model_copy(update={"keep_checkpoints": kept})
    _, made = run(config, fails=lambda one: one.key == (2, 3))

    past, gone = History(), set[tuple[int, int]]()
    for decision in made:
        before, past = past, past.after(decision)
        gone |= set(released(config, past, decision.learned, before))
        assert not gone & {one.start for one in past.open.values()}

    left = set(past.learned) - gone
    best = winner(config, past).trial.number
    stay = past.trials if kept == "all" else [best]
    assert {past.standing(trial) for trial in stay} <= left
    assert len(gone) > len(left)


def test_in_the_last_generation_nobody_takes_a_place(make_config: MakeConfig):
    past, made = run(population(make_config), fails=lambda one: one.key == (2, 9))

    assert len(past.trials) == 8
    assert made[-1].finish == "completed"


def test_where_all_members_fail_the_experiment_has_failed(make_config: MakeConfig):
    _, made = run(population(make_config), fails=lambda one: one.index == 4)

    assert made[-1].finish == "failed"
    assert made[-1].why is not None and "No trial was completed" in made[-1].why


def test_more_failures_than_allowed_end_it(make_config: MakeConfig):
    config = population(make_config, max_failed_trials=2)

    _, made = run(config, fails=lambda one: one.trial in {1, 2, 5} and one.index == 1)

    assert made[-1].finish == "failed"
    assert made[-1].why == "3 trials failed (max_failed_trials: 2): [1, 2, 5]."


def test_a_member_that_has_already_come_to_its_end_is_not_trained_further(make_config: MakeConfig):
    config = population(make_config)
    first = plan(config, History())
    assert first is not None
    past = History().after(first)
    reports = [train(past, one) for one in first.segments]
    whole = Report(3, 0, "completed", STEPS, 9e9, curve=((STEPS, 9e9),))
    reports[3] = whole

    second = plan(config, past.seen({one.key: one for one in reports}))

    assert second is not None and len(second.segments) == 7
    assert 3 not in {one.trial for one in second.segments}
    assert (3, 0) not in {one.start for one in second.segments}


def test_copies_have_hyperparameters_that_fit_together(make_config: MakeConfig):
    search_space = {"learning_rate": [1e-4, 1e-2], "batch_size": [8, 64], "n_steps": [16, 32]}
    config = population(
        make_config,
        n_calls=24,
        search_space=search_space,
        initial_points=[{"batch_size": 32, "n_steps": 16, "learning_rate": 0.001}],
    )

    past, _ = run(config)

    assert copies(past)
    for segment in copies(past):
        own = config.with_hyperparameters(segment.hyperparameters or {})
        assert not list(own.algorithm_config.problems())


def test_initial_points_are_the_first_members_and_the_others_are_drawn(make_config: MakeConfig):
    points = [{"learning_rate": 0.003}, {"learning_rate": 0.004}]

    _, made = run(population(make_config, initial_points=points))

    first = [trial.hyperparameters for trial in made[0].trials]
    assert first[:2] == points
    assert len({one["learning_rate"] for one in first}) == 8


def test_a_population_has_no_finalists_and_its_winner_is_tested_by_its_schedule(
    make_config: MakeConfig,
):
    config = population(make_config, n_calls=16)

    past, made = run(config)

    best = winner(config, past)
    assert best is not None and best.copies and len(best.mean_of) == 3
    tests = [trial for trial in past.trials.values() if trial.kind == "test"]
    assert len(tests) == len(past.trials) - 16 == 3
    schedule = config_of(config, past, best.trial.number)
    for test in tests:
        pieces = [one for one in past.segments.values() if one.trial == test.number]
        assert [one.until for one in pieces] == [stage.until for stage in schedule.stages]
        assert all(one.reseed is None for one in pieces)
        for piece, stage in zip(pieces, schedule.stages, strict=True):
            own = config.with_hyperparameters(past.hyperparameters(piece))
            told = schedule.with_hyperparameters(stage.hyperparameters)
            assert own.optimizer == told.optimizer
    assert made[-1].finish == "completed"


def test_generations_end_at_evaluations(make_config: MakeConfig):
    config = population(make_config, perturbation_interval=None)

    search = config.hyperparameter_optimizer
    assert search is not None
    assert generations(search, config.training) == tuple(range(100, 1001, 100))
