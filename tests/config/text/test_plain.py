from typing import Any

import pytest

from amc.config.text.plain import plain
from amc.config.text.reader import DEPTH_LIMIT, VALUES_LIMIT


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def endless() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["again"] = value
    return value


def doubled(times: int) -> list[Any]:
    """A list of few objects and 2 ** times values."""
    value: list[Any] = []
    for _ in range(times):
        value = [value, value]
    return value


def test_sound_values_stay_as_they_are():
    value = {
        "a": [1, 2.5, None, True, "\U0001f600"],
        "b": {"c": (1, 2)},
        "d": nested(DEPTH_LIMIT - 2),
    }

    assert plain(value) == ({**value, "b": {"c": [1, 2]}}, [])


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        ({"a": "\ud800"}, ("a",), "surrogate"),
        ({"\udc00": 1}, ("\udc00",), "surrogate"),
        ({"a": [10**5000]}, ("a", 0), "too large"),
        ({3: 1}, ("3",), "must be a string"),
        ({("a", 1): 1}, ("('a', 1)",), "must be a string"),
        (nested(5000), (0,) * DEPTH_LIMIT, "deep"),
        (endless(), ("again",) * DEPTH_LIMIT, "deep"),
        (doubled(60), (), f"more than {VALUES_LIMIT} values"),
    ],
)
def test_what_is_unsound_is_told_where_it_is_and_replaced(
    value: Any, path: tuple[str | int, ...], words: str
):
    replaced, problems = plain(value)

    assert problems[0].path == path
    assert words in problems[0].sentence()
    assert not plain(replaced)[1]
