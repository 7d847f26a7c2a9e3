"""A search that amc did not write: given what it takes, and every word of it checked.

The door is `PlugIn`. Whatever such a search raises or returns amiss is a `SearchError`, before any
trial is made of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from amc.config.dimension import is_number
from amc.config.search_space import Dimension, parse_dimension
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
        self._n_pending = 0

    def suggest(self, n_suggestions: int = 1) -> list[dict[str, Any]]:
        """See `Optimizer`; values as plain JSON, in the type of their dimension.

        Raises:
            SearchError: it raised, or returned what is no suggestion of this space.
        """
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
        self._ask("update", lambda: self._search.update(told, list(scores)))

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


def written(search_space: Mapping[str, Any]) -> dict[str, Any]:
    """A search space as a config writes it: `[low, high]` where that says it all, else a dict."""
    return {name: _written(parse_dimension(raw)) for name, raw in search_space.items()}


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
