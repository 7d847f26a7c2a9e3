"""Searches that amc did not write: what they are given, and what is made of their answers."""

import importlib
import re
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amc.config.search.search_space import parse_dimension
from amc.errors import SearchError
from amc.optimizers import Optimizer
from amc.optimizers.plug_in import PlugIn, understood, written
from amc.optimizers.random import RandomOptimizer

SPACE = {
    "gamma": [0.9, 0.99],
    "learning_rate": [0.00001, 0.01],
    "batch_size": {"low": 16, "high": 64, "type": "int"},
    "noise_type": {"choices": ["ou", "normal"]},
    "noise_theta": {"low": 0.1, "high": 0.5, "if": {"noise_type": "ou"}},
    "hidden_sizes": {"choices": [[64, 64], [256, 256]]},
}
GOOD = {
    "gamma": 0.95,
    "learning_rate": 0.001,
    "batch_size": 32,
    "noise_type": "normal",
    "hidden_sizes": [64, 64],
}
OFFERED = {"n_calls": 8, "seed": 3, "n_initial_points": None}


class Answers:
    """Returns what it was made to return, whatever it is asked for."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def suggest(self, n_suggestions: int = 1) -> Any:
        return self.answer

    def update(self, suggestions: Any, scores: Any) -> None:
        pass


def answering(answer: Any) -> PlugIn:
    return PlugIn("mine:Search", lambda search_space: Answers(answer), SPACE, OFFERED)


def given(factory: Any, offered: dict[str, Any] = OFFERED) -> Any:
    """What a factory's own search kept of what it was given."""
    made = []

    @wraps(factory)
    def make(*positional: Any, **named: Any) -> Answers:
        made.append((positional, named))
        return Answers([])

    PlugIn("mine:Search", make, {"gamma": [0.9, 0.99]}, offered)
    return made[0]


@pytest.mark.parametrize(
    ("factory", "positional", "names"),
    [
        (lambda search_space: None, False, set()),
        (lambda space: None, True, set()),
        (lambda space, /: None, True, set()),
        (lambda *everything: None, True, set()),
        (lambda *, search_space: None, False, set()),
        (lambda seed, search_space: None, False, {"seed"}),
        (lambda search_space, n_calls: None, False, {"n_calls"}),
        (lambda search_space, **more: None, False, {"n_calls", "seed"}),
        (lambda **everything: None, False, {"n_calls", "seed"}),
        (lambda search_space, n_initial_points=10: None, False, set()),
        (lambda search_space, n_initial_points: None, False, {"n_initial_points"}),
    ],
)
def test_a_search_is_given_what_it_takes(factory: Any, positional: bool, names: set[str]):
    placed, named = given(factory)

    assert bool(placed) is positional
    assert named.keys() - {"search_space"} == names
    assert (placed or (named["search_space"],))[0] == {"gamma": [0.9, 0.99]}


def test_what_the_config_says_reaches_whoever_takes_it():
    _, named = given(lambda search_space, n_initial_points=10: None, {"n_initial_points": 5})

    assert named["n_initial_points"] == 5


@pytest.mark.parametrize(
    "factory", [lambda: None, lambda search_space, temperature: None, lambda *, space: None]
)
def test_a_search_that_wants_something_else_is_refused(factory: Any):
    with pytest.raises(SearchError, match=r"'mine:Search': it cannot be called: .*search_space"):
        PlugIn("mine:Search", factory, SPACE, OFFERED)


def test_the_space_is_handed_on_as_a_config_writes_it():
    space = written({name: parse_dimension(raw) for name, raw in SPACE.items()})

    assert space["gamma"] == [0.9, 0.99]
    assert space["learning_rate"] == [0.00001, 0.01]
    assert space["batch_size"] == [16, 64]
    assert space["noise_type"] == {"choices": ["ou", "normal"]}
    assert space["noise_theta"]["if"] == {"noise_type": ["ou"]}
    assert written({"x": [0.9, 0.9]}) == {"x": [0.9, 0.9]}
    logarithmic = {"low": 1.0, "high": 8.0, "log": True}
    assert written({"x": logarithmic})["x"]["log"] is True
    assert written({"x": {"low": 0.001, "high": 8.0, "log": False}})["x"]["log"] is False


@pytest.mark.parametrize("raw", [*SPACE.values(), [0.9, 0.9], {"low": 2, "high": 3}])
def test_the_space_as_written_is_understood_as_it_was_meant(raw: Any):
    dimension = parse_dimension(raw)

    again = understood(written({"x": dimension}))["x"]

    assert again == dimension


def test_numbers_and_arrays_of_numpy_become_plain():
    suggestion = {
        "gamma": np.float32(0.95),
        "learning_rate": np.array(0.001),
        "batch_size": np.float64(32.0),
        "noise_type": np.str_("normal"),
        "hidden_sizes": np.array([64, 64]),
    }

    (settled,) = answering([suggestion]).suggest(1)

    assert settled == {**GOOD, "gamma": pytest.approx(0.95)}
    assert [type(value) for value in settled.values()] == [float, float, int, str, list]


def test_a_dimension_whose_condition_does_not_hold_is_left_out():
    (settled,) = answering([{**GOOD, "noise_theta": 0.3}]).suggest(1)
    (kept,) = answering([{**GOOD, "noise_type": "ou", "noise_theta": 0.3}]).suggest(1)

    assert "noise_theta" not in settled
    assert kept["noise_theta"] == 0.3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gamma": 1.5}, "suggestion.gamma: 1.5 is not a number from 0.9 to 0.99"),
        ({"gamma": float("nan")}, "suggestion.gamma: nan is not a number"),
        ({"gamma": np.float64("inf")}, "suggestion.gamma: inf is not a number"),
        ({"gamma": "0.95"}, "suggestion.gamma: '0.95' is not a number"),
        ({"gamma": None}, "suggestion.gamma: None is not a number"),
        ({"gamma": True}, "suggestion.gamma: True is not a number"),
        ({"gamma": [0.95]}, "suggestion.gamma: "),
        ({"batch_size": 32.5}, "suggestion.batch_size: 32.5 is not a whole number"),
        ({"noise_type": "pink"}, "suggestion.noise_type: 'pink' is not one of 'ou', 'normal'"),
        ({"noise_type": "ou"}, "'noise_theta' is missing"),
        ({"gama": 0.95}, "'gama' is not searched. Did you mean 'gamma'"),
        ({"hidden_sizes": [[64]]}, "suggestion.hidden_sizes: "),
    ],
)
def test_a_suggestion_outside_the_space_is_told_with_its_number_and_field(change: Any, said: str):
    search = answering([GOOD, {**GOOD, **change}])

    with pytest.raises(SearchError) as caught:
        search.suggest(2)

    assert str(caught.value).startswith(
        "optimizer 'mine:Search': suggest(2) returned as number 2 {'gamma'"
    )
    assert said in str(caught.value)


def test_a_missing_name_is_told():
    with pytest.raises(SearchError, match="'gamma' is missing"):
        answering([{key: value for key, value in GOOD.items() if key != "gamma"}]).suggest(1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, r"suggest\(2\) returned None, but a list of at most 2"),
        (GOOD, r"suggest\(2\) returned \{'gamma'.*, but a list of at most 2"),
        ("gamma", r"suggest\(2\) returned 'gamma', but a list"),
        ([GOOD] * 3, r"suggest\(2\) returned 3 suggestions, but at most 2"),
        ([GOOD, 7], r"suggest\(2\) returned as number 2 7, but a dict"),
    ],
)
def test_what_is_no_list_of_suggestions_is_told(answer: Any, said: str):
    with pytest.raises(SearchError, match=said):
        answering(answer).suggest(2)


def test_a_value_that_cannot_even_be_printed_is_told():
    class Odd:
        def __repr__(self) -> str:
            raise ValueError("no")

        def __eq__(self, other: object) -> bool:
            raise ValueError("no")

        __hash__ = None

    with pytest.raises(SearchError, match="as number 1 a dict"):
        answering([{**GOOD, "noise_type": Odd()}]).suggest(1)


def test_fewer_suggestions_than_asked_for_are_taken():
    assert answering([GOOD]).suggest(2) == [GOOD]
    assert answering([]).suggest(2) == []
    assert answering((GOOD, GOOD)).suggest(2) == [GOOD, GOOD]


@pytest.mark.parametrize("where", ["__init__", "suggest", "update"])
@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3)])
def test_whatever_it_raises_names_it_and_keeps_its_cause(where: str, error: BaseException):
    class Raises(Answers):
        def __init__(self, search_space: Any) -> None:
            super().__init__([GOOD])
            if where == "__init__":
                raise error

    def raising(self: Any, *arguments: Any) -> Any:
        raise error

    if where != "__init__":
        setattr(Raises, where, raising)

    with pytest.raises(
        SearchError, match=f"'mine:Search': .* raised {type(error).__name__}"
    ) as raised:
        search = PlugIn("mine:Search", Raises, SPACE, OFFERED)
        search.update(search.suggest(1), [1.0])
    assert raised.value.__cause__ is error


class Sequence:
    """Keeps a position, as a search does that was written without a thought of being rebuilt."""

    def __init__(self, search_space: dict[str, Any]) -> None:
        self.next = 0
        self.told: list[Any] = []

    def suggest(self, n_suggestions: int) -> list[dict[str, Any]]:
        first, self.next = self.next, self.next + n_suggestions
        return [{"x": float(number)} for number in range(first, self.next)]

    def update(self, suggestions: Any, scores: Any) -> None:
        self.told += zip(suggestions, scores, strict=True)


def test_a_rebuilt_search_has_lived_through_its_rounds():
    space, rounds = {"x": [0.0, 90.0]}, []
    for _ in range(3):
        search = PlugIn("mine:Sequence", Sequence, space, OFFERED)
        for suggestions in rounds:
            search.update(suggestions, [None] * len(suggestions))
        rounds.append(search.suggest(2))

    assert [suggestion["x"] for round in rounds for suggestion in round] == [0, 1, 2, 3, 4, 5]


def test_a_search_that_is_not_rebuilt_is_asked_only_once():
    search = PlugIn("mine:Sequence", Sequence, {"x": [0.0, 90.0]}, OFFERED)

    for _ in range(3):
        search.update(search.suggest(2), [1.0, None])

    assert search.suggest(1) == [{"x": 6.0}]


def test_a_subclass_of_optimizer_is_told_and_not_asked_again_and_gets_whole_dimensions():
    class Mine(RandomOptimizer):
        """Draws as random does; whole numbers must stay whole."""

    space = {"batch_size": parse_dimension({"low": 16, "high": 64, "type": "int"})}
    lived, rebuilt = (PlugIn("mine:Mine", Mine, space, OFFERED) for _ in range(2))
    first = lived.suggest(2)
    lived.update(first, [1.0, 2.0])
    rebuilt.update(first, [1.0, 2.0])

    assert issubclass(Mine, Optimizer)
    assert lived.suggest(2) == rebuilt.suggest(2)
    assert all(isinstance(suggestion["batch_size"], int) for suggestion in first)


class Greedy:
    """Goes just above the best; like most searches, it knows nothing of what is pending."""

    def __init__(self, search_space: dict[str, Any]) -> None:
        self.scored: dict[float, float] = {}
        self.told: list[tuple[float, Any]] = []

    def suggest(self, n_suggestions: int) -> list[dict[str, Any]]:
        best = max(self.scored, key=lambda x: self.scored[x], default=0.0)
        while best in self.scored:
            best += 1.0
        return [{"x": best + number} for number in range(n_suggestions)]

    def update(self, suggestions: Any, scores: Any) -> None:
        for suggestion, score in zip(suggestions, scores, strict=True):
            self.told.append((suggestion["x"], score))
            self.scored[suggestion["x"]] = -1e9 if score is None else score


def greedy() -> PlugIn:
    return PlugIn("mine:Greedy", Greedy, {"x": [0.0, 90.0]}, OFFERED)


def test_a_search_that_cannot_expect_keeps_away_from_what_is_pending():
    search = greedy()
    search.update([{"x": 4.0}, {"x": 5.0}], [1.0, 2.0])

    search.expect([{"x": 6.0}, {"x": 7.0}])

    assert search.suggest(2) == [{"x": 8.0}, {"x": 9.0}]
    assert search.suggest(1) == [{"x": 10.0}]


@pytest.mark.parametrize("told", [[], [({"x": 0.0}, None)], [({"x": 0.0}, float("nan"))]])
def test_before_any_score_what_is_pending_is_told_as_failed(told: list[Any]):
    search = greedy()
    if told:
        search.update(*zip(*told, strict=True))

    search.expect([{"x": 1.0}, {"x": 2.0}])

    assert search.suggest(1) == [{"x": 3.0}]


def test_a_lie_leaves_no_trace_in_what_is_told_later():
    honest, lied_to = greedy(), greedy()
    for search in (honest, lied_to):
        search.update([{"x": 4.0}, {"x": 5.0}], [1.0, 2.0])
    lied_to.expect([{"x": 6.0}, {"x": 40.0}])
    lied_to.suggest(3)

    for search in (honest, lied_to):
        search.update([{"x": 40.0}], [3.0])

    assert lied_to._search.told == honest._search.told == [(4, 1), (5, 2), (40, 3)]
    assert lied_to.suggest(1) == honest.suggest(1) == [{"x": 41.0}]


def test_a_position_kept_by_a_search_that_cannot_expect_goes_past_what_is_pending():
    rebuilt = PlugIn("mine:Sequence", Sequence, {"x": [0.0, 90.0]}, OFFERED)
    rebuilt.update([{"x": 0.0}], [1.0])

    rebuilt.expect([{"x": 1.0}, {"x": 2.0}])

    assert rebuilt.suggest(2) == [{"x": 3.0}, {"x": 4.0}]


def test_a_search_that_can_expect_is_told_what_is_pending_and_nothing_else():
    class Knows(Greedy):
        def expect(self, suggestions: Any) -> None:
            self.expected = suggestions

    search = PlugIn("mine:Knows", Knows, {"x": [0.0, 90.0]}, OFFERED)
    search.update([{"x": 4.0}], [1.0])

    search.expect([{"x": 5.0}])

    assert search._search.expected == [{"x": 5.0}]
    assert search._search.scored == {4.0: 1.0}


def test_a_subclass_of_optimizer_need_not_expect():
    class Told(Optimizer):
        def __init__(self, search_space: Any) -> None:
            self.greedy = Greedy(search_space)
            self.suggest, self.update = self.greedy.suggest, self.greedy.update

        suggest = update = None

    search = PlugIn("mine:Told", Told, {"x": [0.0, 90.0]}, OFFERED)
    search.update([{"x": 4.0}], [1.0])

    search.expect([{"x": 5.0}])

    assert search.suggest(1) == [{"x": 6.0}]


def test_the_search_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    page = Path(__file__).parents[2] / "docs" / "optimizers.md"
    (code,) = re.findall(r"```python\n(import random.*?)```", page.read_text(), flags=re.DOTALL)
    (tmp_path / "documented_search.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    factory = importlib.import_module("documented_search").CustomOptimizer
    search = PlugIn("documented", factory, {"gamma": [0.9, 0.99]}, OFFERED)

    first = search.suggest(2)
    search.update(first, [None, 3.0])
    second = search.suggest(2)

    assert first == [{"gamma": pytest.approx(0.945)}] * 2
    assert all(0.9 <= suggestion["gamma"] <= 0.99 for suggestion in second)
    assert second[0] != second[1]
