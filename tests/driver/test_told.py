"""What the optimizer is told: every suggestion once, comparable scores, no trace of arrival."""

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc.driver.told import Row, teach, told
from amc.optimizers import make

SCORES = st.floats(-9.0, 9.0) | st.sampled_from([None, math.nan, math.inf, -math.inf, 1.0, 1e300])
ROWS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 5)), st.integers(0, 3), SCORES), max_size=12
).map(
    lambda items: [
        Row(number, {"x": number}, learned=learned, rung=rung, score=score)
        for number, (learned, rung, score) in enumerate(items)
    ]
)


def by_number(history):
    return {
        suggestion["x"]: score
        for lesson in history.lessons
        for suggestion, score in zip(lesson.suggestions, lesson.scores, strict=True)
    }


def ended(*outcomes):
    return [
        Row(number, {"x": number}, learned=0, rung=rung, score=score)
        for number, (rung, score) in enumerate(outcomes)
    ]


@given(ROWS, st.booleans())
def test_every_suggestion_is_told_or_pending_and_none_twice(rows, is_pruned):
    history = told(rows, is_pruned=is_pruned)

    numbers = [s["x"] for lesson in history.lessons for s in lesson.suggestions]
    numbers += [suggestion["x"] for suggestion in history.pending]
    assert sorted(numbers) == [row.suggestion for row in rows]
    assert [s["x"] for s in history.pending] == [r.suggestion for r in rows if r.learned is None]


@given(ROWS, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_leaves_no_trace(rows, is_pruned, random):
    shuffled = random.sample(rows, len(rows))

    assert told(shuffled, is_pruned=is_pruned) == told(rows, is_pruned=is_pruned)


@given(ROWS)
def test_with_pruning_the_order_in_which_ends_were_learned_changes_no_score(rows):
    relearned = [
        Row(row.suggestion, row.hyperparameters, 9 - row.learned, row.rung, row.score)
        for row in rows
        if row.learned is not None
    ]

    both = (by_number(told(some, is_pruned=True)) for some in (rows, relearned))

    assert next(both) == next(both)


@given(ROWS)
def test_with_pruning_more_is_told_of_whoever_came_further_or_scored_higher(rows):
    scores = by_number(told(rows, is_pruned=True))

    known = {row.suggestion: (row.rung, row.score) for row in rows if scores.get(row.suggestion)}
    for one, merit in known.items():
        for other, less in known.items():
            assert (scores[one] > scores[other]) == (merit > less)


@given(ROWS)
def test_what_is_told_is_finite_or_says_that_it_failed(rows):
    for is_pruned in (False, True):
        scores = by_number(told(rows, is_pruned=is_pruned))

        for row in rows:
            if row.learned is not None:
                has_score = row.score is not None and math.isfinite(row.score)
                assert (scores[row.suggestion] is not None) == has_score
                assert not has_score or math.isfinite(scores[row.suggestion])


def test_without_pruning_scores_are_told_as_they_are():
    rows = ended((1, 20.0), (2, -5.0), (0, None), (0, math.nan))

    assert by_number(told(rows, is_pruned=False)) == {0: 20.0, 1: -5.0, 2: None, 3: None}


def test_a_rank_is_told_as_its_normal_quantile():
    rows = ended((2, -7.0), (0, 50.0), (2, 3.0), (1, 900.0), (0, None))

    scores = by_number(told(rows, is_pruned=True))

    quantile = NormalDist().inv_cdf
    assert [scores[n] for n in (1, 3, 0, 2)] == [quantile(p) for p in (1 / 8, 3 / 8, 5 / 8, 7 / 8)]
    assert scores[4] is None


def test_equal_ones_share_the_mean_of_their_ranks_and_a_single_one_is_in_the_middle():
    shared = by_number(told(ended((1, 4.0), (1, 4.0), (0, 9.0)), is_pruned=True))
    alone = by_number(told(ended((3, -1e300), (0, None)), is_pruned=True))

    assert shared[0] == shared[1] == NormalDist().inv_cdf(2 / 3)
    assert shared[2] == NormalDist().inv_cdf(1 / 6)
    assert alone == {0: 0.0, 1: None}


def test_lessons_come_in_the_order_in_which_they_were_learned():
    rows = [
        Row(0, {"x": 0}, learned=7, score=1.0),
        Row(1, {"x": 1}, learned=3, score=2.0),
        Row(2, {"x": 2}),
        Row(3, {"x": 3}, learned=3, score=None),
    ]

    history = told(rows, is_pruned=False)

    assert [[s["x"] for s in lesson.suggestions] for lesson in history.lessons] == [[1, 3], [0]]
    assert history.pending == ({"x": 2},)


@pytest.mark.parametrize("name", ["bayesian", "grid", "random", "sobol", "tpe"])
def test_a_search_that_is_taught_goes_on_like_one_that_lived_it(name):
    def search():
        return make(name, {"x": [0.0, 1.0], "kind": {"choices": ["a", "b"]}}, 60, seed=3)

    lived, rows = search(), {}

    def open_one(suggestion):
        rows[len(rows)] = Row(len(rows), suggestion)

    def end(number, decision):
        row = rows[number]
        score = None if number == 2 else row.hyperparameters["x"]
        rows[number] = Row(number, row.hyperparameters, learned=decision, score=score)
        lived.update([row.hyperparameters], [score])

    for suggestion in lived.suggest(4):
        open_one(suggestion)
    for decision, number in enumerate([1, 0, 2, 4, 3, 6, 5, 7, 8, 9]):
        end(number, decision)
        open_one(lived.suggest(1)[0])

    taught = search()
    teach(taught, told(rows.values(), is_pruned=False))

    assert taught.suggest(2) == lived.suggest(2)
