"""The importance of hyperparameters agrees with what is known of a function."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from amc.experiment_view import Experiment
from amc.reports.sensitivity import Importance, importance, importance_of, what_was_told
from tests.reports.conftest import CONFIG

Record = Callable[..., Experiment]
SPACE = {
    "linear": [0.0, 1.0],
    "log": {"low": 1e-4, "high": 1e-1, "log": True},
    "nothing": {"low": 1, "high": 9, "type": "int"},
    "word": {"choices": ["a", "b"]},
    "below": {"low": 0.0, "high": 1.0, "if": {"word": ["a"]}},
    "constant": {"choices": [3]},
}


def drawn(count: int) -> list[dict[str, Any]]:
    generator = np.random.default_rng(1)
    found = []
    for _ in range(count):
        one: dict[str, Any] = {
            "linear": generator.random(),
            "log": 10 ** generator.uniform(-4, -1),
            "nothing": int(generator.integers(1, 10)),
            "word": str(generator.choice(["a", "b"])),
            "constant": 3,
        }
        found.append(one | ({"below": generator.random()} if one["word"] == "a" else {}))
    return found


def totals(found: Importance) -> dict[str, float]:
    return {share.name: share.total for share in found.shares}


def test_the_shares_of_a_sum_are_those_of_its_parts():
    suggestions = drawn(60)
    # Variances: 9/12, 4/12 (2/3 of it over three decades) and none.
    scores = [3 * one["linear"] + 2 / 3 * np.log10(one["log"]) for one in suggestions]

    found = importance(SPACE, suggestions, scores)

    assert totals(found) == pytest.approx(
        {"linear": 9 / 13, "log": 4 / 13, "nothing": 0, "word": 0, "below": 0}, abs=0.04
    )
    assert found.n_scores == 60
    for share in found.shares:
        assert 0 <= share.low <= share.total <= share.high <= 1
        assert share.alone == pytest.approx(share.total, abs=0.03), "a sum has no interactions"


def test_an_interaction_counts_for_both_and_for_neither_alone():
    suggestions = drawn(100)
    scores = [(one["linear"] - 0.5) * (np.log10(one["log"]) + 2.5) for one in suggestions]

    linear, log, *_ = importance(SPACE, suggestions, scores).shares

    assert linear.total > 0.8
    assert log.total > 0.8
    assert max(linear.alone, log.alone) < 0.1


def test_a_choice_and_what_it_switches_on_share_what_they_explain():
    suggestions = drawn(80)
    scores = [4 * one["below"] if "below" in one else 0.0 for one in suggestions]

    found = totals(importance(SPACE, suggestions, scores))

    # E: 16/12/2 of the variance within "a", 1 between "a" and "b".
    assert found["word"] == pytest.approx(1 - 0.2, abs=0.2)
    assert found["below"] == pytest.approx(0.4, abs=0.1)


def test_few_or_noisy_scores_make_wide_error_bars():
    suggestions = drawn(100)
    noise = np.random.default_rng(2).normal(size=100)
    scores = [3 * one["linear"] for one in suggestions]

    sure = importance(SPACE, suggestions, scores).shares[0]
    unsure = importance(SPACE, suggestions[:14], (scores + noise)[:14].tolist()).shares[0]

    assert unsure.high - unsure.low > 3 * (sure.high - sure.low)


def test_the_same_scores_say_the_same_each_time():
    suggestions, scores = drawn(20), [float(n % 7) for n in range(20)]

    once, again = (importance(SPACE, suggestions, scores, seed=5) for _ in range(2))

    assert once == again


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ([1.0, 2.0], "2 scored suggestions are too few to say which of 5"),
        ([3.0] * 12, "scored the same"),
        ([None] * 12, "Every suggestion failed"),
    ],
)
def test_what_says_nothing_is_told_in_a_sentence(scores: list[float | None], why: str):
    found = importance(SPACE, drawn(len(scores)), scores)

    assert found.shares == ()
    assert why in found.why


def test_a_space_of_one_point_has_nothing_that_could_matter():
    found = importance({"constant": {"choices": [3]}}, [{"constant": 3}] * 9, [1.0] * 9)

    assert "single point" in found.why


def test_an_experiment_is_explained_by_what_its_search_was_told(record: Record):
    scores = [float(number % 2) * 100 + number / 10 for number in range(24)]
    experiment = record(scores)

    found = importance_of(experiment.config, experiment._ledger.history())

    assert found.n_scores == 24
    assert max(found.shares, key=lambda share: share.total).name == "activation"


def test_without_a_search_nothing_can_matter(record: Record):
    experiment = record([1.0], hyperparameter_optimizer=None)

    found = importance_of(experiment.config, experiment._ledger.history())

    assert "Nothing was searched" in found.why


def test_a_population_is_no_set_of_points(record: Record):
    search = {"type": "pbt", "n_calls": 4, "search_space": {"learning_rate": [1e-4, 1e-2]}}
    experiment = record([], end=None, hyperparameter_optimizer=search)

    found = importance_of(experiment.config, experiment._ledger.history())

    assert "population" in found.why


def test_halted_trials_count_by_their_rank(record: Record):
    search = {
        "type": "random",
        "n_calls": 16,
        "trials_per_round": 16,
        "search_space": CONFIG["hyperparameter_optimizer"]["search_space"],
        "pruner": "halving",
    }
    # One score so far above the others that nothing else would be seen beside it.
    scores = [float(number) for number in range(15)] + [1e9]
    experiment = record(scores, hyperparameter_optimizer=search)
    config, history = experiment.config, experiment._ledger.history()

    suggestions, told = what_was_told(config, config.hyperparameter_optimizer, history)

    assert [one["n_epochs"] for one in suggestions] == [1 + number % 9 for number in range(16)]
    assert told == sorted(told)
    assert max(told) == pytest.approx(-min(told), abs=1e-9), "quantiles, as its optimizer was told"
