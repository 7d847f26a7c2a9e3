"""Experiments side by side: what is compared, what is said, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amc.comparing import Entrant, compare, entrant
from amc.comparing.entrants import Run
from amc.comparing.verdicts import reached
from amc.comparing.words import COLUMNS, PAIR_COLUMNS, pair_cells, row_cells, sentence
from amc.config.loader import ConfigLoader
from amc.errors import UsageError
from amc.ledger import Ledger
from tests.experiments import go_on

CONFIG = {
    "experiment_name": "one",
    "algorithm": "ppo",
    "environment": {"name": "CartPole-v1"},
    "training": {"total_timesteps": 2048},
    "seeds": 5,
}


def config_of(**more: Any):
    return ConfigLoader().from_mapping({**CONFIG, **more})


def made(name: str, *scores: float, task: str = "CartPole-v1", **more: Any) -> Entrant:
    """An entrant whose runs had these scores, each with a curve that rises to it."""
    runs = [
        Run(
            trial=number,
            seed=number,
            score=score,
            curve=[(1000, score / 2), (2000, score)],
            steps=2000,
            seconds=10.0,
        )
        for number, score in enumerate(scores)
    ]
    config = config_of(environment={"name": task}, **more)
    return Entrant(name, {task: runs}, {task: config}, {task: "test"}, {task: 475.0})


@pytest.fixture
def ledger(shared: Path) -> Ledger:
    """An experiment on five seeds, done."""
    ledger = Ledger.create(shared, config_of())
    go_on(ledger, lambda trial: 100.0 * trial.number)
    return ledger


def test_an_entrant_is_the_runs_that_say_what_its_winner_is_worth(ledger: Ledger):
    found = entrant("it", [ledger])

    (runs,) = found.runs.values()
    assert [run.score for run in runs] == [0.0, 100.0, 200.0, 300.0, 400.0]
    assert found.scores == {"CartPole-v1": [0.0, 100.0, 200.0, 300.0, 400.0]}
    assert found.thresholds == {"CartPole-v1": 475.0}
    assert found.configs["CartPole-v1"].seeds == 1


def test_of_a_search_these_are_the_tests_of_its_winner(shared: Path):
    search = {"n_calls": 3, "test_seeds": 2, "search_space": {"gamma": [0.9, 0.99]}}
    ledger = Ledger.create(shared, config_of(seeds=1, hyperparameter_optimizer=search))
    go_on(ledger, lambda trial: 10.0 if trial.kind == "test" else float(trial.number))

    found = entrant("it", [ledger])

    assert found.scores == {"CartPole-v1": [10.0, 10.0]}
    assert found.kinds == {"CartPole-v1": "test"}
    assert found.configs["CartPole-v1"].hyperparameter_optimizer is None


def test_an_experiment_without_a_winner_is_refused(shared: Path):
    with pytest.raises(UsageError, match="no trial was completed yet"):
        entrant("it", [Ledger.create(shared, config_of())])


def test_an_entrant_has_one_experiment_per_environment(ledger: Ledger):
    with pytest.raises(UsageError, match=r"two of its experiments are in CartPole-v1"):
        entrant("it", [ledger, ledger])


def test_a_clear_difference_is_called_so():
    found = compare([made("a", 100.0, 110.0, 105.0), made("b", 480.0, 490.0, 500.0)])

    (pair,) = found.pairs
    assert pair.difference.value == pytest.approx(-385.0)
    assert pair.improvement.value == 0.0
    assert sentence(pair) == "b scores higher than a: by 385, more than chance."


def test_a_difference_that_may_be_chance_says_how_many_seeds_would_tell():
    found = compare([made("a", 400.0, 500.0, 450.0), made("b", 420.0, 490.0, 500.0)])

    (pair,) = found.pairs
    assert pair.seeds > 3
    assert pair.more == pair.seeds - 3
    assert sentence(pair) == (
        "b scores higher than a by 20, which chance may account for. If it is what it seems, "
        f"{pair.seeds} seeds each would tell: {pair.more} more."
    )


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        ((451.0,), "a single seed says nothing"),
        ((450.0, 450.0), "a and b have the same mean"),
    ],
)
def test_what_cannot_be_said_is_not_said(ours, said):
    found = compare([made("a", 440.0, 460.0), made("b", *ours)])

    assert said in sentence(found.pairs[0])


def test_a_row_says_when_the_threshold_was_reached():
    row = compare([made("a", 480.0, 100.0, 500.0), made("b", 1.0, 2.0)]).rows[0]

    assert (row.reached.n, row.reached.of) == (2, 3)
    assert row.reached.steps == 2000
    assert row.reached.seconds == 10.0


def test_another_threshold_may_be_given():
    runs = made("a", 480.0, 100.0).runs["CartPole-v1"]

    early = reached(runs, 50.0)
    never = compare([made("a", 480.0, 100.0), made("b", 1.0)], threshold=1e9).rows[0].reached

    assert (early.n, early.steps, early.seconds) == (2, 1000.0, 5.0)
    assert (never.n, never.steps, never.seconds) == (0, None, None)


def test_what_differs_in_the_configs_is_told_and_names_are_not():
    ours = made("a", 1.0, 2.0, algorithm_config={"gamma": 0.9}, description="mine")
    theirs = made("b", 1.0, 2.0, algorithm_config={"gamma": 0.99}, experiment_name="other")

    found = compare([ours, theirs])

    assert found.differing == {"CartPole-v1": [("algorithm_config.gamma", [0.9, 0.99])]}


def test_experiments_in_different_environments_are_refused_unless_they_are_grouped():
    with pytest.raises(UsageError, match="Group experiments by what they have"):
        compare([made("a", 1.0), made("b", 1.0, task="Acrobot-v1")])


def test_over_environments_scores_are_brought_to_one_scale():
    a, b = (
        replace(
            made(name, *cart),
            runs={
                "CartPole-v1": made(name, *cart).runs["CartPole-v1"],
                "Acrobot-v1": made(name, *acro, task="Acrobot-v1").runs["Acrobot-v1"],
            },
            configs={
                "CartPole-v1": config_of(),
                "Acrobot-v1": config_of(environment={"name": "Acrobot-v1"}),
            },
        )
        for name, cart, acro in (("a", (500.0, 0.0), (-500.0,)), ("b", (250.0,), (-100.0, -300.0)))
    )

    found = compare([a, b])

    assert found.rows[0].mean == pytest.approx((1.0 + 0.0 + 0.0) / 3)
    assert found.rows[1].mean == pytest.approx((0.5 + 1.0 + 0.5) / 3)
    assert found.pairs[0].difference is None
    assert "with probability" in sentence(found.pairs[0])
    with pytest.raises(UsageError, match="different scales"):
        compare([a, b], threshold=3.0)


def test_two_of_one_name_are_refused():
    with pytest.raises(UsageError, match="two of them have the same name"):
        compare([made("a", 1.0), made("a", 2.0)])


def test_each_is_paired_with_each_that_was_named_after_it():
    found = compare([made(name, 1.0, 2.0) for name in "abc"])

    assert [(pair.ours, pair.theirs) for pair in found.pairs] == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]


def test_every_column_has_its_cell():
    found = compare([made("a", 1.0), made("b", 2.0, 3.0)])

    assert {len(row_cells(row)) for row in found.rows} == {len(COLUMNS)}
    assert len(pair_cells(found.pairs[0])) == len(PAIR_COLUMNS)
    assert row_cells(found.rows[0])[:4] == ["a", "1 test", "1", "-"]
