from types import SimpleNamespace

import pytest

from amc.cli import formatting
from amc.ledger.pruning import Pruned
from amc.ledger.records import Copy


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.84, "0.8 s"),
        (42.4, "42 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7620, "2 h 07 min"),
    ],
)
def test_durations_read_as_a_person_says_them(seconds: float, text: str):
    assert formatting.duration(seconds) == text


def test_no_score_is_a_dash():
    assert formatting.score(None) == "-"
    assert formatting.score(412.5) == "412.5"


@pytest.mark.parametrize(
    ("value", "standard_error", "text"),
    [
        (-1094.62, 91.23, "-1094.6 ± 91.2"),
        (0.51234, 0.00123, "0.51234 ± 0.00123"),
        (-1045.85, 154.15, "-1046 ± 154"),
        (500.0, 0.0, "500 ± 0"),
        (123456.7, 2345.6, "123457 ± 2346"),
        (3e9, 2e8, "3e+09 ± 2e+08"),
        (412.5, None, "412.5"),
    ],
)
def test_a_mean_has_as_many_digits_as_its_error_makes_sense_of(
    value: float, standard_error: float | None, text: str
):
    assert formatting.mean(value, standard_error) == text


@pytest.mark.parametrize(
    ("value", "standard_error", "interval", "text"),
    [
        (488.2, 6.53, (460.1, 516.3), "488.2 [460.1, 516.3]"),
        (500.0, 0.0, (500.0, 500.0), "500 [500, 500]"),
        (3e9, 2e8, (2.1e9, 3.9e9), "3e+09 [2.1e+09, 3.9e+09]"),
    ],
)
def test_a_mean_that_was_tested_has_its_interval(
    value: float, standard_error: float, interval: tuple[float, float], text: str
):
    assert formatting.mean(value, standard_error, interval) == text


def test_hyperparameters_are_short():
    values = {"gamma": 0.98765432, "batch_size": 64, "activation": "tanh"}

    assert formatting.hyperparameters(values) == "gamma=0.9877 batch_size=64 activation=tanh"


def test_an_error_that_is_told_at_once_is_not_told_again():
    text = (
        "2 of 2 attempts failed. The last: exception: ValueError: nan\nTraceback\nValueError: nan"
    )

    assert formatting.error(text) == "2 of 2 attempts failed. The last: exception: ValueError: nan"


def test_an_error_is_told_by_its_first_and_last_line():
    text = "3 of 3 attempts failed: exception:\n  File x, line 3\nValueError: loss is nan\n"

    assert (
        formatting.error(text) == "3 of 3 attempts failed: exception: ... ValueError: loss is nan"
    )
    assert formatting.error("one line") == "one line"
    assert formatting.error("") == ""


@pytest.mark.parametrize("unix", [1e18, -1e18, 1e308])
def test_a_time_that_no_clock_shows_is_a_dash(unix: float):
    assert formatting.moment(unix) == "-"
    assert formatting.moment(0.0, "%Y") in ("1970", "1969")


def test_what_halting_came_to_is_one_sentence():
    found = Pruned(halted=6, full_steps=270_000, steps_saved=126_900, spared=2, wrongly_halted=0)
    at_first = Pruned(halted=1, full_steps=0, steps_saved=0, spared=0, wrongly_halted=0)

    assert formatting.pruned(found) == (
        "6 trials halted, 47 % of 270,000 steps saved, wrongly halted: 0 of 2 spared"
    )
    assert formatting.pruned(at_first) == (
        "1 trial halted, 0 % of 0 steps saved, wrongly halted: none spared"
    )


def test_a_population_is_said_with_its_generations():
    search = SimpleNamespace(n_calls=8, quantile_fraction=0.25)

    said = formatting.population(search, 4096, 8, 0)
    tested = formatting.population(search, 4096, 8, 3)

    assert said == (
        "population of 8, 8 generations of 4,096 steps; the worst 2 of each go on from one of the "
        "best"
    )
    assert tested == f"{said}, then 3 more trials: the winner's schedule on test seeds"


def test_copies_are_said_in_their_order():
    assert formatting.copies(()) == "-"
    assert (
        formatting.copies((Copy(3, 4096), Copy(7, 20_480)))
        == "trial 3 until 4,096, trial 7 until 20,480"
    )
