"""A search that amc did not write: given what it takes, and every word of it checked.

The door is `PlugIn`; `understood` is for plug-ins themselves. Whatever such a search raises or
returns amiss is a `SearchError`, before any trial is made of it.
"""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from amc.config.search.dimension import is_number
from amc.config.search.search_space import Dimension, parse_dimension
from amc.errors import SearchError, UsageError
from amc.optimizers.base import Optimizer
from amc.optimizers.encoding import Encoding
from amc.plugins import arguments

_LONGEST = 300


class PlugIn(Optimizer):
    """A search made by a plug-in's class or function.

    Unless it is an `Optimizer`, which promises more, it lives through its search again each time:
    before it is told the scores of suggestions that this object did not ask for, it is asked for as
    many. So what it keeps between two calls is what it would have kept.

    A search without `expect` cannot know what is pending. Then a twin answers for it: the same
    search made anew, which has lived through the same calls and believes that everything expected
    has scored as the worst so far. The twin is thrown away, and the lie with it.

    Args:
        name: as the config writes it, for messages.
        factory: what makes it; called with the search space and, of `offered`, what it takes.
        search_space: name to dimension; handed on as a config writes it, lists and dicts.
        offered: further arguments by name; one that is None is left to the factory's default.

    Raises:
        SearchError: it cannot be made, or what was made has no `suggest` and `update`.
    """

    def __init__(
        self,
        name: str,
        factory: Callable[..., Any],
        search_space: Mapping[str, Any],
        offered: Mapping[str, Any],
    ) -> None:
        self._name = name
        self._twin = partial(PlugIn, name, factory, search_space, offered)
        self._calls: list[Callable[[PlugIn], object]] = []
        self._expected: list[dict[str, Any]] = []
        self._worst: float | None = None
        self._encoding = Encoding(search_space)
        is_ours = isinstance(factory, type) and issubclass(factory, Optimizer)
        space = search_space if is_ours else written(search_space)
        try:
            positional, named = arguments(factory, ("search_space", space), offered)
        except UsageError as error:
            raise SearchError(f"optimizer {name!r}: {error}") from error
        self._search = self._ask("making it", lambda: factory(*positional, **named))
        for method in ("suggest", "update"):
            if not callable(getattr(self._search, method, None)):
                raise SearchError(
                    f"optimizer {name!r}: has no method {method!r}. "
                    "A search has suggest(n_suggestions) and update(suggestions, scores)."
                )
        self._is_told_at_once = isinstance(self._search, Optimizer)
        self._knows_pending = _overrides_expect(self._search)
        self._n_pending = 0

    def suggest(self, n_suggestions: int = 1) -> list[dict[str, Any]]:
        """See `Optimizer`; values as plain JSON, in the type of their dimension.

        Raises:
            SearchError: it raised, or returned what is no suggestion of this space.
        """
        if self._expected:
            suggestions = self._believer().suggest(n_suggestions)
            self._expected += suggestions
            return suggestions
        self._calls.append(lambda twin: twin.suggest(n_suggestions))
        returned = self._suggested(n_suggestions)
        where = f"optimizer {self._name!r}: suggest({n_suggestions}) returned"
        if not isinstance(returned, list | tuple):
            raise SearchError(
                f"{where} {_shown(returned)}, but a list of at most {n_suggestions} was asked for."
            )
        if len(returned) > n_suggestions:
            raise SearchError(
                f"{where} {len(returned)} suggestions, but at most {n_suggestions} were asked for."
            )
        return [
            self._checked(f"{where} as number {index + 1}", item)
            for index, item in enumerate(returned)
        ]

    def update(
        self, suggestions: Sequence[Mapping[str, Any]], scores: Sequence[float | None]
    ) -> None:
        """See `Optimizer`; the scores of a round, for the first round first.

        Raises:
            SearchError: it raised.
        """
        unasked = len(suggestions) - self._n_pending
        if unasked > 0 and not self._is_told_at_once:
            self._suggested(unasked)
        self._n_pending = max(0, self._n_pending - len(suggestions))
        told = [dict(suggestion) for suggestion in suggestions]
        self._expected = _without(self._expected, told)
        known = [score for score in (*scores, self._worst) if score is not None]
        self._worst = min(filter(math.isfinite, known), default=None)
        self._calls.append(lambda twin: twin.update(told, scores))
        self._ask("update", lambda: self._search.update(copy.deepcopy(told), list(scores)))

    def expect(self, suggestions: Sequence[Mapping[str, Any]]) -> None:
        """See `Optimizer`; a search without such a method is never told.

        Raises:
            SearchError: it raised.
        """
        expected = [dict(suggestion) for suggestion in suggestions]
        if self._knows_pending:
            self._calls.append(lambda twin: twin.expect(expected))
            self._ask("expect", lambda: self._search.expect(copy.deepcopy(expected)))
        else:
            self._expected += expected

    def _believer(self) -> "PlugIn":
        twin = self._twin()
        for call in self._calls:
            call(twin)
        twin.update(self._expected, [self._worst] * len(self._expected))
        return twin

    def _suggested(self, count: int) -> Any:
        returned = self._ask(f"suggest({count})", lambda: self._search.suggest(count))
        self._n_pending += count
        return returned

    def _ask(self, what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (Exception, SystemExit) as error:
            said = f"{type(error).__name__}: {error}"
            raise SearchError(f"optimizer {self._name!r}: {what} raised {said}") from error

    def _checked(self, where: str, suggestion: Any) -> dict[str, Any]:
        if not isinstance(suggestion, Mapping):
            raise SearchError(f"{where} {_shown(suggestion)}, but a dict of values was asked for.")
        try:
            values = {str(name): _plain(value) for name, value in suggestion.items()}
            return self._encoding.settled(values)
        except Exception as error:  # values of any kind: what their comparison raises, too
            raise SearchError(f"{where} {_shown(suggestion)}. {error}") from error


def _overrides_expect(search: Any) -> bool:
    found = getattr(search, "expect", None)
    return callable(found) and getattr(type(search), "expect", None) is not Optimizer.expect


def _without(expected: Sequence[dict[str, Any]], told: Sequence[dict[str, Any]]) -> list[Any]:
    left = list(expected)
    for suggestion in told:
        if suggestion in left:
            left.remove(suggestion)
    return left


def written(search_space: Mapping[str, Any]) -> dict[str, Any]:
    """A search space as a config writes it: `[low, high]` where that says it all, else a dict."""
    return {name: _written(parse_dimension(raw)) for name, raw in search_space.items()}


def understood(search_space: Mapping[str, Any]) -> dict[str, Dimension]:
    """What `written` says, as dimensions: for a plug-in that would use `Encoding`.

    Without its setting nobody else knows that a range between two whole numbers holds no others.
    """
    return {name: parse_dimension(_in_full(form)) for name, form in search_space.items()}


def _in_full(form: Any) -> Any:
    is_whole = isinstance(form, list) and [type(bound) for bound in form] == [int, int]
    return {"low": form[0], "high": form[1], "type": "int"} if is_whole else form


def _written(dimension: Dimension) -> Any:
    if dimension.condition is not None:
        return dimension.to_json()
    if dimension.is_constant and dimension.choices and is_number(dimension.choices[0]):
        return [dimension.choices[0]] * 2
    if dimension.choices is None:
        pair = [dimension.low, dimension.high]
        if parse_dimension(pair).scale == dimension.scale:
            return pair
    return dimension.to_json()


def _plain(value: Any) -> Any:
    # Numbers and arrays of NumPy and of torch.
    value = value.tolist() if hasattr(value, "tolist") else value
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # of code that is not ours
        return f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
