"""What a pruner came to, on known curves: where each stood, what was saved, what was wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from amc.ledger import Decision, History, Report, Segment, Trial
from amc.ledger.pruning import Pruned, Rank, is_too_low, pruned, ranks, score_at

END, RUNG = 90, 30


@pytest.fixture
def searching(make_config):
    """A config with a pruner."""

    def make(pruner: str | None):
        mode = "async" if pruner in {"asha", "median"} else "rounds"
        return make_config(
            {
                "training.total_timesteps": END,
                "training.eval_freq": 10,
                "hyperparameter_optimizer.mode": mode,
                "hyperparameter_optimizer.pruner": pruner,
            }
        )

    return make


def after(past: History, trials: Sequence[Trial], segments: Sequence[Segment]) -> History:
    """One more decision, that learns what there is."""
    learned = tuple(past.fresh.values())
    return past.after(Decision(past.decisions, learned, tuple(trials), tuple(segments)))


def reported(past: History, curves: Mapping[int, Sequence[float]], state: Any = "completed"):
    """Every open segment has ended with these scores, an evaluation each 10 steps."""
    fresh = {}
    for key, segment in past.open.items():
        scores = curves[key[0]]
        points = tuple((segment.from_step + 10 * (n + 1), one) for n, one in enumerate(scores))
        fresh[key] = Report(*key, state, points[-1][0], score=points[-1][1], curve=points)
    return past.seen(fresh)


def first_rung(past: History, scores: Mapping[int, float], round: int = 0) -> History:
    """Trials that came to the first rung with these scores."""
    trials = [Trial(n, {}, n, round, suggestion=n) for n in scores]
    opened = after(past, trials, [Segment(n, 0, 0, RUNG, END) for n in scores])
    return reported(opened, {n: [score] * 3 for n, score in scores.items()})


def go_on(past: History, scores: Mapping[int, float], spared: Sequence[int] = ()) -> History:
    """These went on to the end."""
    segments = [Segment(n, 1, RUNG, END, END, (n, 0), is_spared=n in spared) for n in scores]
    return reported(after(past, [], segments), {n: [score] * 6 for n, score in scores.items()})


def test_who_is_halted_has_its_rank_among_the_round(searching):
    past = first_rung(History(), {0: 1.0, 1: 5.0, 2: 3.0})
    past = first_rung(go_on(past, {1: 6.0}), {3: 9.0, 4: 8.0}, round=1)

    found = ranks(searching("halving"), go_on(past, {3: 9.5}))

    assert found == {0: Rank(3, 3), 2: Rank(2, 3), 4: Rank(2, 2)}


def test_with_asha_all_that_came_to_a_rung_are_compared_there(searching):
    past = first_rung(History(), {0: 1.0, 1: 5.0, 2: 3.0})
    past = first_rung(go_on(past, {1: 6.0}), {3: 9.0, 4: 2.0}, round=1)

    found = ranks(searching("asha"), go_on(past, {3: 9.5}))

    assert found == {0: Rank(5, 5), 2: Rank(3, 5), 4: Rank(4, 5)}


def test_who_was_spared_is_compared_no_more(searching):
    middle = [Segment(n, 1, RUNG, 60, END, (n, 0), is_spared=n == 0) for n in (0, 1, 2)]
    past = first_rung(History(), {0: 1.0, 1: 5.0, 2: 3.0})
    past = reported(after(past, [], middle), {0: [9.0] * 3, 1: [5.0] * 3, 2: [4.0] * 3})
    last = [Segment(n, 2, 60, END, END, (n, 1), is_spared=n == 0) for n in (0, 1)]
    past = reported(after(past, [], last), {0: [9.0] * 3, 1: [5.0] * 3})

    assert ranks(searching("halving"), past) == {2: Rank(2, 2)}


def test_seeds_of_a_suggestion_stand_together(searching):
    trials = [Trial(n, {}, n, 0, suggestion=n // 2) for n in range(4)]
    past = after(History(), trials, [Segment(n, 0, 0, RUNG, END) for n in range(4)])
    past = reported(past, {0: [9.0] * 3, 1: [0.0] * 3, 2: [5.0] * 3, 3: [6.0] * 3})

    found = ranks(searching("halving"), after(past, [], []))

    assert found == {0: Rank(2, 2), 1: Rank(2, 2), 2: Rank(1, 2), 3: Rank(1, 2)}


def test_the_median_rule_compares_trials_at_the_step_of_the_threshold(searching):
    trials = [Trial(n, {}, n, 0, suggestion=n) for n in range(3)]
    segments = [Segment(n, 0, 0, END, END, stop_below=((20, 4.0), (30, 4.0))) for n in range(3)]
    past = after(History(), trials, segments)
    past = reported(past, {0: [5.0, 1.0], 1: [5.0, 5.0] + [9.0] * 7, 2: [1.0] * 9})
    halted = {key: replace(one, state="halted") for key, one in past.fresh.items() if key[0] == 0}
    past = past.seen({**past.fresh, **halted})

    assert ranks(searching("median"), past) == {0: Rank(2, 3)}


def test_steps_not_trained_are_counted_against_whole_trainings(searching):
    past = go_on(first_rung(History(), {0: 1.0, 1: 5.0, 2: 3.0}), {1: 6.0})

    found = pruned(searching("halving"), past)

    assert found == Pruned(halted=2, full_steps=270, steps_saved=120, spared=0, wrongly_halted=0)


@pytest.mark.parametrize(("score", "wrongly"), [(5.5, 0), (6.5, 1)])
def test_a_spared_one_that_ends_above_all_others_was_wrongly_halted(searching, score, wrongly):
    past = first_rung(History(), {0: 1.0, 1: 5.0, 2: 3.0})
    past = go_on(past, {0: score, 1: 6.0}, spared=[0])

    found = pruned(searching("halving"), past)

    assert found is not None
    assert (found.halted, found.spared, found.wrongly_halted) == (1, 1, wrongly)


def test_who_is_spared_by_the_median_rule_counts_where_it_would_have_been_halted(searching):
    trials = [Trial(n, {}, n, 0, suggestion=n) for n in range(3)]
    below = ((30, 4.0),)
    segments = [Segment(n, 0, 0, END, END, stop_below=below, is_spared=n > 0) for n in range(3)]
    past = after(History(), trials, segments)

    found = pruned(searching("median"), reported(past, {0: [5.0] * 9, 1: [6.0] * 9, 2: [1.0] * 9}))

    assert found is not None and (found.halted, found.spared, found.wrongly_halted) == (0, 1, 0)


def test_without_a_pruner_there_is_nothing_to_tell(searching):
    past = first_rung(History(), {0: 1.0, 1: 5.0})

    assert ranks(searching(None), past) == {}
    assert pruned(searching(None), past) is None


def test_a_score_at_a_rung_is_the_mean_of_up_to_three_evaluations_until_there():
    points = [(10, 1.0), (20, 2.0), (32, 6.0), (40, 10.0)]

    assert [score_at(points, step) for step in (10, 20, 30, 40, 50)] == [1.0, 1.5, 3.0, 6.0, None]


def test_a_trial_is_too_low_at_the_first_evaluation_from_a_threshold_on_and_at_no_later_one():
    points = [(10, 1.0), (22, 1.0), (30, 1.0)]

    found = [is_too_low(points[:count], ((20, 4.0),)) for count in range(4)]

    assert found == [False, False, True, False]
