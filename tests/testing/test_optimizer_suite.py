"""Sound searches pass their suite, all of ours among them; each broken one fails a test of it."""

from collections.abc import Callable
from typing import Any

import pytest

from amc.testing import OptimizerSuite
from amc.testing.example_spaces import CHOICES, RANGES
from tests.testing import searches_at_fault as broken


def suite_for(optimizer: Any, **settings: Any) -> type[OptimizerSuite]:
    return type("Suite", (OptimizerSuite,), {"optimizer": optimizer, **settings})


class TestSound(OptimizerSuite):
    """As pytest collects it."""

    optimizer = broken.Sound
    search_spaces = {"ranges": RANGES}


@pytest.mark.parametrize("name", ["random", "sobol", "grid", "pbt"])
def test_ours_that_spread_points_pass(name: str, failures_of: Callable[..., list[str]]):
    assert failures_of(suite_for(name, claims_to_search=False, n_calls=16)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bayesian", "tpe"])
def test_ours_that_search_pass(name: str, failures_of: Callable[..., list[str]]):
    assert failures_of(suite_for(name, n_calls=24)) == []


@pytest.mark.parametrize(
    ("optimizer", "test", "said"),
    [
        ("bayesiann", "a_config_may_name_it", "Did you mean 'bayesian'"),
        (broken.Needs, "a_config_may_name_it", "argument: 'temperature'"),
        (broken.Outside, "it_suggests_points_of_the_search_space", "suggestion.learning_rate: "),
        (broken.Lacks, "it_suggests_points_of_the_search_space", "'clip_range' is missing"),
        (broken.TooMany, "it_suggests_as_many_as_are_asked_for", "at most 1 were asked for"),
        (broken.OneByOne, "it_suggests_as_many_as_are_asked_for", "suggest(3) returned 1"),
        (broken.SharedDraws, "the_same_seed_and_scores_bring_the_same_suggestions", "in the space"),
        (broken.Lives, "made_anew_and_told_its_history_it_goes_on_as_one_that_lived_it", "after 0"),
        (broken.Lives, "it_goes_on_while_trials_are_pending", "with 3 trials pending"),
        (broken.Expects, "it_goes_on_while_trials_are_pending", "expect raised ValueError"),
        (broken.OnlyScores, "failed_trials_do_it_no_harm", "update raised TypeError"),
        (broken.Squares, "equal_and_extreme_scores_do_it_no_harm", "update raised OverflowError"),
        (broken.Itself, "points_of_the_user_are_learned_like_its_own", "update raised ValueError"),
        (broken.Printer, "it_prints_nothing_on_standard_output", "learned"),
        (broken.Minimizes, "in_the_end_it_suggests_better_points_than_chance_does", "by chance"),
    ],
)
def test_a_broken_search_is_told_what_is_wrong(
    optimizer: Any, test: str, said: str, said_by: Callable[..., str]
):
    suite = suite_for(optimizer, search_spaces={"ranges": RANGES})

    assert said in said_by(suite, f"test_{test}")


def test_a_search_that_uses_a_space_up_says_that_nothing_is_left(said_by: Callable[..., str]):
    suite = suite_for(broken.UsedUp, search_spaces={"choices": CHOICES})

    said = said_by(suite, "test_a_space_that_is_used_up_does_it_no_harm")

    assert "raised IndexError: pop from empty list" in said
