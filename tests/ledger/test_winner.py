"""Which suggestion is best, by the one rule that decides and that shows."""

from collections.abc import Callable
from statistics import stdev

import pytest

from amc.config.schema import ExperimentConfig
from amc.ledger import History, Trial
from amc.ledger.standing import MeanScore, standings
from amc.ledger.winner import Winner, ranked, winner
from tests.experiments import of, opening, report

MakeConfig = Callable[..., ExperimentConfig]
SEEDS = "hyperparameter_optimizer.seeds_per_trial"


def history(*rounds: list[tuple[int, str, float | None]], is_open: bool = False) -> History:
    """Rounds of (suggestion, kind, score); None is a failed trial, an open round lacks its last."""
    past = History()
    for index, rows in enumerate(rounds):
        first = len(past.trials)
        trials = [
            Trial(first + place, {}, first + place, index, suggestion, kind)  # type: ignore[arg-type]
            for place, (suggestion, kind, _) in enumerate(rows)
        ]
        past = past.after(opening(past, trials, past.fresh.values()))
        reports = [report(first + place, score) for place, (_, _, score) in enumerate(rows)]
        past = past.seen({one.key: one for one in reports})
    if is_open:
        past = past.seen(dict(list(past.fresh.items())[:-1]))
    return past


def test_the_mean_has_its_standard_error_and_its_number_of_seeds(make_config: MakeConfig):
    scores = [-891.7, -1000.0, -1200.0, -1286.7]
    seen = history([(0, "search", scores[0])], [(0, "finalist", score) for score in scores[1:]])

    best = winner(make_config(), seen)

    assert best is not None
    assert (best.trial.number, best.result.score, best.n_seeds) == (0, -891.7, 4)
    assert best.mean_score == pytest.approx(-1094.6)
    assert best.standard_error == pytest.approx(stdev(scores) / 2)


def test_a_single_trial_has_no_standard_error(make_config: MakeConfig):
    best = winner(make_config(), history([(0, "search", 3.0)]))

    assert best is not None
    assert (best.mean_score, best.standard_error, best.n_seeds) == (3.0, None, 1)


def test_a_record_of_the_winner_can_be_read_again(make_config: MakeConfig):
    best = winner(make_config(), history([(0, "search", 3.0), (0, "search", 4.0)]))
    assert best is not None

    assert Winner.from_json(best.to_json(), "best.json") == best
    without = {key: value for key, value in best.to_json().items() if key != "standard_error"}
    assert Winner.from_json(without, "best.json").standard_error is None


def test_while_finalists_run_everything_counts_and_then_they_alone(make_config: MakeConfig):
    searched = [(0, "search", 100.0), (1, "search", 90.0), (2, "search", 80.0)]
    again = [(0, "finalist", 10.0), (1, "finalist", 70.0)]

    early = winner(make_config(), history(searched, again, is_open=True))
    late = winner(make_config(), history(searched, again))

    assert early is not None and early.trial.suggestion == 1
    assert late is not None and (late.trial.suggestion, late.mean_score) == (1, 80.0)


def test_the_mean_over_the_tests_is_the_result_once_all_have_ended(make_config: MakeConfig):
    searched = [(0, "search", 100.0), (1, "search", 90.0), (2, "search", 95.0)]
    again = [(0, "finalist", 60.0), (1, "finalist", 82.0)]
    tests = [(1, "test", 70.0), (1, "test", 74.0), (1, "test", 72.0)]

    running = winner(make_config(), history(searched, again, tests, is_open=True))
    ended = winner(make_config(), history(searched, again, tests))

    assert running is not None and ended is not None
    assert (running.mean_score, running.chosen_by, running.interval) == (86.0, None, None)
    assert running.trial == ended.trial and ended.trial.number == 1
    assert (ended.mean_score, ended.n_seeds, ended.mean_of) == (72.0, 3, (5, 6, 7))
    assert ended.interval == pytest.approx((72 - 4.302653 * 2 / 3**0.5, 72 + 4.302653 * 2 / 3**0.5))
    assert ended.chosen_by == MeanScore(86.0, 4.0, 2, (1, 4))
    assert Winner.from_json(ended.to_json(), "best.json") == ended


def test_tests_that_failed_leave_what_chose_the_winner(make_config: MakeConfig):
    best = winner(make_config(), history([(0, "search", 5.0)], [(0, "test", None)]))

    assert best is not None
    assert (best.mean_score, best.chosen_by, best.interval) == (5.0, None, None)


def test_a_single_test_has_no_interval(make_config: MakeConfig):
    best = winner(make_config(), history([(0, "search", 5.0)], [(0, "test", 4.0)]))

    assert best is not None
    assert (best.mean_score, best.interval) == (4.0, None)
    assert best.chosen_by is not None and best.chosen_by.mean_score == 5.0


def test_a_finalist_whose_further_seeds_all_failed_does_not_win_by_its_luck(
    make_config: MakeConfig,
):
    searched = [(0, "search", 100.0), (1, "search", 90.0)]
    again = [(0, "finalist", None), (0, "finalist", None), (1, "finalist", 80.0)]

    best = winner(make_config(), history(searched, again))

    assert best is not None and (best.trial.suggestion, best.n_seeds) == (1, 2)


def test_what_has_fewer_seeds_than_were_asked_for_stands_behind_what_has_all(
    make_config: MakeConfig,
):
    config = make_config({SEEDS: 2, "hyperparameter_optimizer.n_calls": 3})
    seen = history([(0, "search", 10.0), (0, "search", 20.0), (1, "search", 99.0)])

    assert [standing.number for standing in ranked(config, seen)] == [0]
    assert set(standings(seen)) == {0, 1}


def test_where_nothing_has_all_its_seeds_the_best_of_what_there_is_wins(make_config: MakeConfig):
    config = make_config({SEEDS: 2})
    seen = history([(0, "search", 10.0), (0, "search", None), (1, "search", 99.0)], is_open=True)

    best = winner(config, seen)

    assert best is not None and best.trial.suggestion == 0


def test_scores_beyond_what_a_sum_can_hold_have_a_mean(make_config: MakeConfig):
    seen = history([(0, "search", 1.5e308), (0, "search", 1.7e308)])

    best = winner(make_config({SEEDS: 2}), seen)

    assert best is not None
    assert best.mean_score == pytest.approx(1.6e308)
    assert best.standard_error == pytest.approx(1e307)


def solved(*rows: tuple[float, int | None, float]) -> History:
    """Trials of a suggestion each: (score, solved at, mean over the evaluations)."""
    trials = [Trial(number, {}, number, suggestion=number) for number in range(len(rows))]
    reports = [
        report(number, score, mean_evaluation=mean, solved_at=step)
        for number, (score, step, mean) in enumerate(rows)
    ]
    return of(trials, reports)


STOPPING = {"environment.reward_threshold": 475.0, "training.stop_at_reward_threshold": True}


def test_where_training_stops_equal_scores_are_ranked_by_the_steps_to_solve(
    make_config: MakeConfig,
):
    # The quickest has the worst curve, which was cut off as soon as it was good.
    seen = solved((500, 4096, 300), (500, 1024, 200), (500, None, 450), (490, 512, 100))

    stopping = [item.number for item in ranked(make_config(STOPPING), seen)]
    to_the_end = [item.number for item in ranked(make_config(), seen)]

    assert stopping == [1, 0, 2, 3]
    assert to_the_end == [2, 0, 1, 3]


def test_equal_steps_are_told_apart_by_the_curve(make_config: MakeConfig):
    seen = solved((500, 1024, 200), (500, 1024, 250), (480, None, 100), (480, None, 150))

    order = [item.number for item in ranked(make_config(STOPPING), seen)]

    assert order == [1, 0, 3, 2]


def test_a_suggestion_is_as_quick_as_the_mean_of_its_seeds_and_unsolved_if_one_is(
    make_config: MakeConfig,
):
    rows = [(0, 500.0, 1000), (0, 500.0, 5000), (1, 500.0, 2000), (1, 500.0, 2500)]
    rows += [(2, 500.0, 100), (2, 500.0, None)]
    trials = [Trial(n, {}, n, suggestion=row[0]) for n, row in enumerate(rows)]
    reports = [report(n, score, solved_at=step) for n, (_, score, step) in enumerate(rows)]
    config = make_config({**STOPPING, SEEDS: 2, "hyperparameter_optimizer.n_calls": 6})

    order = ranked(config, of(trials, reports))

    assert [item.number for item in order] == [1, 0, 2]


def test_where_training_stops_finalists_are_compared_by_the_trials_that_went_to_the_end(
    make_config: MakeConfig,
):
    seen = history(
        [(0, "search", 480.0), (1, "search", 476.0)],
        [(0, "finalist", 500.0), (0, "finalist", 400.0), (1, "finalist", 460.0)],
    )

    best = winner(make_config(STOPPING), seen)

    assert best is not None
    assert (best.trial.suggestion, best.mean_score, best.mean_of) == (1, 460.0, (4,))
