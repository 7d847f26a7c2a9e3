"""What every built-in search promises, each of them held to it."""

import json
import math

import numpy as np
import pytest

from amc.errors import UsageError
from amc.optimizers import make

NAMES = ["bayesian", "grid", "random", "sobol", "tpe"]
SPACE = {
    "lr": [1e-5, 1e-2],
    "batch_size": {"choices": [64, 128, 256]},
    "noise_type": {"choices": ["ou", "normal"]},
    "theta": {"low": 0.1, "high": 0.5, "if": {"noise_type": "ou"}},
}


def _score(suggestion):
    miss = math.log10(suggestion["lr"]) + 3.2
    return -(miss**2) + 0.1 * (suggestion["noise_type"] == "ou") + suggestion.get("theta", 0.0)


def _search(name, **settings):
    return make(name, **{"search_space": SPACE, "n_calls": 40, "seed": 3} | settings)


def _live(optimizer, rounds, size=3):
    history = []
    for number in range(rounds):
        suggestions = optimizer.suggest(size)
        scores = [_score(suggestion) for suggestion in suggestions]
        if number == 2:
            scores[0] = None
        optimizer.update(suggestions, scores)
        history += zip(suggestions, scores, strict=True)
    return history


@pytest.mark.parametrize("name", NAMES)
def test_a_search_told_its_history_goes_on_like_one_that_lived_it(name):
    lived, rebuilt = _search(name), _search(name)
    history = json.loads(json.dumps(_live(lived, rounds=5)))

    rebuilt.update([suggestion for suggestion, _ in history], [score for _, score in history])

    assert rebuilt.suggest(3) == lived.suggest(3)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_in_which_scores_arrive_changes_nothing(name):
    ordered, shuffled = _search(name), _search(name)
    history = _live(ordered, rounds=5)
    shuffled.expect([suggestion for suggestion, _ in history])

    for index in np.random.default_rng(0).permutation(len(history)):
        shuffled.update([history[index][0]], [history[index][1]])

    assert shuffled.suggest(2) == ordered.suggest(2)


@pytest.mark.parametrize("name", NAMES)
def test_pending_suggestions_can_be_handed_on(name):
    lived, rebuilt = _search(name), _search(name)
    history = _live(lived, rounds=5)
    pending = lived.suggest(2)

    rebuilt.update(*zip(*history, strict=True))
    rebuilt.expect(pending)

    assert rebuilt.suggest(1) == lived.suggest(1)


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_gives_other_suggestions(name):
    assert _search(name, seed=3).suggest(4) != _search(name, seed=4).suggest(4)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_suggested_twice_while_something_is_left(name):
    space = {"a": {"choices": ["x", "y", "z"]}, "b": {"low": 1, "high": 4, "type": "int"}}
    optimizer = _search(name, search_space=space, n_calls=12)

    seen = []
    for _ in range(4):
        suggestions = optimizer.suggest(3)
        seen += [json.dumps(suggestion) for suggestion in suggestions]
        optimizer.update(suggestions, [float(suggestion["b"]) for suggestion in suggestions])

    assert len(set(seen)) == 12


@pytest.mark.parametrize("name", ["bayesian", "random", "sobol", "tpe"])
def test_when_all_is_seen_suggestions_repeat_and_are_learned(name):
    optimizer = _search(name, search_space={"a": {"choices": ["x", "y"]}}, n_calls=20)

    for _ in range(5):
        suggestions = optimizer.suggest(4)
        optimizer.update(suggestions, [float(point["a"] == "x") for point in suggestions])

    assert optimizer.n_observed == 20
    assert optimizer.pending == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("score", [None, math.nan, math.inf, -math.inf])
def test_failed_trials_never_break_a_search(name, score):
    optimizer = _search(name)

    for _ in range(4):
        optimizer.update(optimizer.suggest(3), [score] * 3)
    suggestions = optimizer.suggest(3)
    optimizer.update(suggestions, [score, 1.0, -5.0])

    assert optimizer.suggest(1)
    assert optimizer.n_observed == 15


@pytest.mark.parametrize("name", NAMES)
def test_points_of_the_users_own_are_welcome(name):
    optimizer = _search(name)
    own = {"lr": 1e-3, "batch_size": 64, "noise_type": "normal"}

    optimizer.update([own, own], [1.0, 0.8])

    assert optimizer.n_observed == 2
    assert own not in optimizer.suggest(8)


@pytest.mark.parametrize("name", NAMES)
def test_an_update_that_does_not_fit_teaches_nothing(name):
    optimizer = _search(name)
    good = optimizer.suggest(1)[0]

    with pytest.raises(UsageError, match="is not a number from"):
        optimizer.update([good, good | {"lr": 5.0}], [1.0, 2.0])
    with pytest.raises(UsageError, match="1 suggestions but 2 scores"):
        optimizer.update([good], [1.0, 2.0])

    assert optimizer.n_observed == 0
    assert len(optimizer.pending) == 1


@pytest.mark.parametrize(
    "settings", [{"n_calls": 0}, {"seed": -1}, {"n_initial_points": -1}], ids=str
)
def test_impossible_arguments_are_refused_by_name(settings):
    with pytest.raises(UsageError, match=f"{next(iter(settings))}: must be at least"):
        _search("random", **settings)


def test_at_least_one_suggestion_must_be_asked_for():
    with pytest.raises(UsageError, match="n_suggestions"):
        _search("random").suggest(0)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_printed(name, capfd):
    optimizer = _search(name, search_space={"a": {"choices": [1, 2]}})

    for _ in range(4):
        optimizer.update(optimizer.suggest(4) or [{"a": 1}], [1.0] * len(optimizer.pending or "x"))

    assert capfd.readouterr() == ("", "")
