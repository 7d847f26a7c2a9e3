"""Seeds for tuning, for choosing and for testing, which have nothing in common."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc.config.schema import ExperimentConfig
from amc.driver.budget import budget
from amc.driver.seeds import trial_seed
from amc.ledger import History, Request, Trial
from amc.ledger.records import TrialKind
from amc.ledger.winner import winner
from amc.training.training import ALGORITHM, ENVIRONMENT, EVALUATION
from tests.experiments import play

MakeConfig = Callable[..., ExperimentConfig]
KINDS: Sequence[TrialKind] = ("search", "finalist", "test")
SEARCH = "hyperparameter_optimizer"


def searching(make_config: MakeConfig, **search: Any) -> ExperimentConfig:
    search = {"n_calls": 16, "finalists": 2, "finalist_seeds": 2, **search}
    return make_config({f"{SEARCH}.{key}": value for key, value in search.items()})


def score_of(trial: Trial) -> float:
    return float(trial.suggestion % 7)


def streams(seed: int) -> set[tuple[int, ...]]:
    """The first draws of everything that is random in a trial."""
    keys = [(ENVIRONMENT,), (ALGORITHM,), (EVALUATION, 256), (EVALUATION, 512)]
    sequences = [np.random.SeedSequence(seed, spawn_key=key) for key in keys]
    return {tuple(map(int, sequence.generate_state(2))) for sequence in sequences}


@given(seed=st.integers(0, 2**63 - 1), first=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_the_three_sets_share_no_seed_and_no_draw(seed: int, first: int):
    numbers = range(first, first + 20)

    seeds = {kind: {trial_seed(seed, n, kind) for n in numbers} for kind in KINDS}
    draws = {kind: set[Any]().union(*map(streams, seeds[kind])) for kind in KINDS}

    for one, other in (("search", "finalist"), ("search", "test"), ("finalist", "test")):
        assert not seeds[one] & seeds[other]
        assert not draws[one] & draws[other]
    assert [{drawn >> 32 for drawn in seeds[kind]} for kind in KINDS] == [{0}, {1}, {2}]
    assert all(drawn < 2**63 for kind in KINDS for drawn in seeds[kind])


def test_a_trial_of_the_search_has_the_seed_that_it_always_had():
    assert [trial_seed(42, number) for number in range(3)] == [1174127800, 500939758, 4007147622]


def test_a_seed_says_nothing_but_which_trial_of_which_kind_it_is_of(make_config: MakeConfig):
    config = searching(make_config)

    past, _ = play(config, score_of)

    trials = past.trials.values()
    assert {trial.kind for trial in trials} == set(KINDS)
    assert all(trial.seed == trial_seed(config.seed, trial.number, trial.kind) for trial in trials)


def kinds_opened(past: History) -> list[list[TrialKind]]:
    rounds: dict[int, list[TrialKind]] = {}
    for trial in past.trials.values():
        rounds.setdefault(trial.round, []).append(trial.kind)
    return list(rounds.values())


def test_the_winner_is_tested_once_the_finalists_have_chosen_it(make_config: MakeConfig):
    config = searching(make_config, trials_per_round=16)

    past, end = play(config, score_of)

    assert kinds_opened(past) == [["search"] * 16, ["finalist"] * 4, ["test"] * 3]
    tests = [trial for trial in past.trials.values() if trial.kind == "test"]
    assert {trial.suggestion for trial in tests} == {6}
    assert end.finish == "completed"


def test_what_the_tests_come_to_changes_neither_the_winner_nor_its_agent(make_config: MakeConfig):
    config = searching(make_config)
    scores = {"search": 0.0, "finalist": 0.0, "test": 0.0}

    def play_with(tests: float) -> History:
        return play(config, lambda trial: {**scores, "test": tests}[trial.kind])[0]

    low, high = (winner(config, play_with(tests)) for tests in (-50.0, 50.0))

    assert low is not None and high is not None
    assert (low.trial, low.chosen_by) == (high.trial, high.chosen_by)
    assert (low.mean_score, high.mean_score) == (-50.0, 50.0)
    assert low.trial.kind != "test"


def test_without_finalists_the_best_of_the_search_is_tested(make_config: MakeConfig):
    config = searching(make_config, n_calls=4, finalists=0, test_seeds=2)

    past, _ = play(config, score_of)

    assert [trial.kind for trial in past.trials.values()] == ["search"] * 4 + ["test"] * 2
    assert {trial.suggestion for trial in past.trials.values() if trial.kind == "test"} == {3}


@pytest.mark.parametrize(("late", "tests"), [(50.0, [3, 3, 4, 4]), (-50.0, [3, 3])])
def test_after_an_extension_a_new_winner_is_tested_on_seeds_of_its_own(
    late: float, tests: list[int], make_config: MakeConfig
):
    config = searching(make_config, n_calls=4, finalists=0, test_seeds=2)

    def score(trial: Trial) -> float:
        return float(trial.suggestion) if trial.suggestion < 4 else late

    past, end = play(config, score)
    asked = replace(past.after(end), asked=(Request(0, "calls", calls=1),))
    past, end = play(config, score, asked)

    tested = [trial for trial in past.trials.values() if trial.kind == "test"]
    best = winner(config, past)
    assert best is not None and end.finish == "completed"
    assert [trial.suggestion for trial in tested] == tests
    assert len({trial.seed for trial in tested}) == len(tested)
    assert set(best.mean_of) == {one.number for one in tested[-2:]}


def test_a_search_that_found_nothing_tests_nothing(make_config: MakeConfig):
    past, end = play(searching(make_config), lambda _: None)

    assert {trial.kind for trial in past.trials.values()} == {"search"}
    assert end.finish == "failed"


def on_seeds(make_config: MakeConfig, count: int) -> ExperimentConfig:
    return make_config({SEARCH: None, "seeds": count, "seed": 2**40})


def test_seeds_without_a_search_train_the_config_on_its_own_and_on_further_ones(
    make_config: MakeConfig,
):
    config = on_seeds(make_config, 4)

    past, end = play(config, lambda trial: float(trial.number))

    trials = list(past.trials.values())
    assert budget(config).trials == len(trials) == 4
    assert [trial.seed for trial in trials[:1]] == [config.seed]
    assert [trial.seed for trial in trials[1:]] == [trial_seed(config.seed, n) for n in (1, 2, 3)]
    assert {(trial.round, trial.suggestion, *trial.hyperparameters) for trial in trials} == {(0, 0)}
    assert end.finish == "completed"


def test_the_mean_over_the_seeds_of_a_config_is_its_result_with_an_interval(
    make_config: MakeConfig,
):
    config = on_seeds(make_config, 3)

    past, _ = play(config, lambda trial: 10.0 + trial.number)

    best = winner(config, past)
    assert best is not None and best.interval is not None
    assert (best.mean_score, best.n_seeds, best.chosen_by, best.trial.number) == (11.0, 3, None, 2)
    assert best.interval == pytest.approx((11 - 4.302653 / 3**0.5, 11 + 4.302653 / 3**0.5))
