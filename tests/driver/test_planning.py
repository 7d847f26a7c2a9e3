from collections.abc import Callable

import pytest

from amc.config.schema import ExperimentConfig
from amc.driver.planning import plan
from amc.ledger import History, Segment, Trial
from amc.ledger.winner import winner
from tests.experiments import of, play, report

MakeConfig = Callable[..., ExperimentConfig]


def by_learning_rate(trial: Trial) -> float:
    return -abs(trial.hyperparameters.get("learning_rate", 1.0) - 1e-3)


def test_a_new_search_opens_a_round_of_trials_per_round(make_config: MakeConfig) -> None:
    decision = plan(make_config(), History())

    assert decision is not None
    assert [trial.number for trial in decision.trials] == [0, 1]
    assert len({trial.seed for trial in decision.trials}) == 2
    assert decision.segments == (Segment(0, 0, 0, 256, 256), Segment(1, 0, 0, 256, 256))


def test_the_same_history_always_gives_the_same_plan(make_config: MakeConfig) -> None:
    config = make_config({"hyperparameter_optimizer.type": "bayesian"})
    history, _ = play(config, by_learning_rate)

    again, _ = play(config, by_learning_rate)

    assert again.trials == history.trials


def test_a_round_is_awaited_whole_and_then_learned(make_config: MakeConfig) -> None:
    config = make_config()
    opened = plan(config, History())
    assert opened is not None
    past = History().after(opened)
    reports = [report(number, 1.0) for number in (0, 1)]

    half = plan(config, past.seen({reports[0].key: reports[0]}))
    whole = plan(config, past.seen({one.key: one for one in reports[::-1]}))

    assert half is None
    assert whole is not None and whole.learned == tuple(reports)
    assert whole.number == 1


def test_the_budget_is_spent_and_not_a_trial_more(make_config: MakeConfig) -> None:
    config = make_config({"hyperparameter_optimizer.n_calls": 5})

    history, end = play(config, by_learning_rate)

    assert [trial.round for trial in history.trials.values()] == [0, 0, 1, 1, 2]
    assert end.finish == "completed"


def test_a_failed_trial_does_not_stop_the_search(make_config: MakeConfig) -> None:
    def score(trial: Trial) -> float | None:
        return None if trial.number % 2 else 1.0

    history, end = play(make_config({"hyperparameter_optimizer.type": "bayesian"}), score)

    assert len(history.trials) == 4
    assert end.finish == "completed"


def test_a_search_without_a_completed_trial_has_failed(make_config: MakeConfig) -> None:
    _, end = play(make_config(), lambda _: None)

    assert end.finish == "failed"


def test_too_many_failed_trials_end_the_search_early(make_config: MakeConfig) -> None:
    config = make_config({"hyperparameter_optimizer.max_failed_trials": 1})

    history, end = play(config, lambda _: None)

    assert len(history.trials) == 2
    assert end.finish == "failed" and "max_failed_trials: 1" in str(end.why)


def test_the_best_suggestions_are_trained_again_on_further_seeds(make_config: MakeConfig) -> None:
    config = make_config(
        {
            "hyperparameter_optimizer.finalists": 2,
            "hyperparameter_optimizer.finalist_seeds": 3,
        }
    )

    history, end = play(config, by_learning_rate)

    finalists = [trial for trial in history.trials.values() if trial.kind == "finalist"]
    assert [trial.number for trial in finalists] == [4, 5, 6, 7, 8, 9]
    assert len({trial.suggestion for trial in finalists}) == 2
    assert len({trial.seed for trial in history.trials.values()}) == 10
    assert end.finish == "completed"


def test_a_lucky_score_does_not_win_over_a_finalist_with_the_better_mean(
    make_config: MakeConfig,
) -> None:
    config = make_config({"hyperparameter_optimizer.finalists": 2})

    def score(trial: Trial) -> float:
        if trial.kind == "search":
            return {0: 100.0, 1: 90.0}.get(trial.suggestion, 0.0)
        return {0: 10.0, 1: 80.0}[trial.suggestion]

    history, _ = play(config, score)

    best = winner(config, history)
    assert best is not None
    assert (best.trial.suggestion, best.n_seeds) == (1, 4)
    assert best.mean_score == pytest.approx((90 + 3 * 80) / 4)


def test_among_equal_scores_the_one_that_was_reached_early_wins(make_config: MakeConfig) -> None:
    trials = [Trial(n, {}, seed=n, suggestion=n) for n in range(3)]
    means = (200.0, 450.0, 300.0)
    reports = [report(n, 500.0, mean_evaluation=means[n]) for n in range(3)]

    best = winner(make_config(), of(trials, reports))

    assert best is not None and best.trial.number == 1


def test_finalists_are_off_below_16_calls_and_on_from_there(make_config: MakeConfig) -> None:
    def finalists(n_calls: int) -> int:
        history, _ = play(
            make_config({"hyperparameter_optimizer.n_calls": n_calls}), by_learning_rate
        )
        return sum(trial.kind == "finalist" for trial in history.trials.values())

    assert (finalists(15), finalists(16)) == (0, 12)


def test_seeds_per_trial_repeats_each_suggestion(make_config: MakeConfig) -> None:
    config = make_config(
        {
            "hyperparameter_optimizer.seeds_per_trial": 2,
            "hyperparameter_optimizer.trials_per_round": 4,
        }
    )

    history, _ = play(config, by_learning_rate)

    assert [trial.suggestion for trial in history.trials.values()] == [0, 0, 1, 1]


def test_calls_that_make_no_whole_suggestion_are_run_all_the_same(make_config: MakeConfig) -> None:
    config = make_config(
        {
            "hyperparameter_optimizer.type": "bayesian",
            "hyperparameter_optimizer.n_calls": 5,
            "hyperparameter_optimizer.seeds_per_trial": 2,
            "hyperparameter_optimizer.trials_per_round": 4,
        }
    )

    history, end = play(config, by_learning_rate)

    assert [trial.suggestion for trial in history.trials.values()] == [0, 0, 1, 1, 2]
    assert [trial.number for trial in history.trials.values()] == [0, 1, 2, 3, 4]
    assert end.finish == "completed"


def test_a_config_without_a_search_is_one_trial_with_the_configs_own_seed(
    make_config: MakeConfig,
) -> None:
    config = make_config().model_copy(update={"hyperparameter_optimizer": None, "seed": 99})

    history, end = play(config, lambda _: 3.0)

    assert history.trials == {0: Trial(0, {}, seed=99)}
    assert end.finish == "completed"


def test_a_paused_experiment_starts_nothing(make_config: MakeConfig) -> None:
    config = make_config()
    opened = plan(config, History())
    assert opened is not None
    past = History(is_paused=True).after(opened)
    reports = [report(number, 1.0) for number in (0, 1)]

    assert plan(config, History(is_paused=True)) is None
    assert plan(config, past) is None
    assert plan(config, past.seen({one.key: one for one in reports})) is None


def test_a_cancelled_experiment_ends_once_nothing_is_outstanding(make_config: MakeConfig) -> None:
    config = make_config()
    opened = plan(config, History())
    assert opened is not None
    past = History(is_cancelled=True).after(opened)
    reports = [report(0, 1.0), report(1, None, state="cancelled")]

    half = plan(config, past.seen({reports[0].key: reports[0]}))
    whole = plan(config, past.seen({one.key: one for one in reports}))

    assert half is None
    assert whole is not None and (whole.finish, whole.learned) == ("cancelled", tuple(reports))
    assert whole.segments == ()
