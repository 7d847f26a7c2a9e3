import random
from dataclasses import replace

import pytest
from scipy.stats import spearmanr

from amc.cli.rank_correlation import importance
from amc.trial_status import TrialStatus
from tests.cli.test_trials_table import DONE


def trials(*rows: tuple[float, dict[str, object]]) -> list[TrialStatus]:
    return [
        replace(DONE, number=n, score=score, hyperparameters=values)
        for n, (score, values) in enumerate(rows)
    ]


def test_of_numbers_it_is_spearman_s_coefficient_ties_included():
    draw = random.Random(1)
    rows = [(draw.gauss(0, 1), round(draw.uniform(0, 1), 1)) for _ in range(40)]

    found = importance(trials(*((score + 2 * x, {"x": x}) for score, x in rows)), ["x"])

    expected = spearmanr([score + 2 * x for score, x in rows], [x for _, x in rows]).statistic
    assert found["x"] == pytest.approx(abs(expected))


def test_choices_that_are_no_numbers_count_by_what_lies_between_them():
    rows = [(float(n), {"kind": "a" if n < 10 else "b", "noise": "ab"[n % 2]}) for n in range(20)]

    found = importance(trials(*rows), ["kind", "noise"])

    assert found["kind"] > 0.8 and found["noise"] < 0.2


def test_of_few_trials_or_of_one_value_nothing_is_known():
    few = importance(trials((1.0, {"x": 1.0}), (2.0, {"x": 2.0}), (3.0, {"x": 3.0})), ["x"])
    same = importance(trials(*((float(n), {"x": 1.0, "y": "a"}) for n in range(9))), ["x", "y"])

    assert few == {"x": 0.0}
    assert same == {"x": 0.0, "y": 0.0}


def test_trials_that_were_halted_count_only_where_few_were_not():
    done = trials(*((float(n), {"x": float(n)}) for n in range(4)))
    halted = [replace(one, state="halted", number=one.number + 9, score=-one.score) for one in done]
    finalists = [replace(one, kind="finalist", score=0.0) for one in done]

    many = importance([*done, *halted, *finalists], ["x"])
    few = importance([*done[:2], *halted[:2]], ["x"])

    assert many["x"] == pytest.approx(1.0)
    assert few["x"] < 0.5


def test_one_that_only_some_trials_have_tells_of_these_alone():
    rows = [(float(n), {"x": float(n)} if n % 2 else {}) for n in range(16)]

    assert importance(trials(*rows), ["x"])["x"] == pytest.approx(0.5)
