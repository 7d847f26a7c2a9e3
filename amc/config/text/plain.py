"""Values that the checks can stand on: no half characters, no endless depth, numbers that fit.

Its door is `plain`. A file, an option and a mapping in memory go through it alike; what is wrong is
noted and replaced by something harmless, so that it hides no other mistake.
"""

import re
from collections.abc import Mapping
from typing import Any

from amc.config.text.document import Path, Problem
from amc.config.text.reader import DEPTH_LIMIT, VALUES_LIMIT

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
# The bits of a number of 400 digits, beyond which no float is and Python takes long to print one.
_MOST_BITS = 1329


def plain(value: Any) -> tuple[Any, list[Problem]]:
    """The value with all that is unsound in itself replaced, and what that was."""
    reader = _Plain()
    return reader.read(value, ()), reader.problems


class _Plain:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._count = 0

    def read(self, value: Any, path: Path) -> Any:
        self._count += 1
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            self._note(path, "this number is too large to be kept. Write a smaller one.")
            return 0
        if not isinstance(value, Mapping | list | tuple):
            return value
        if len(path) == DEPTH_LIMIT:
            self._note(path, f"nested more than {DEPTH_LIMIT} deep.")
            return None
        return self._object(value, path) if isinstance(value, Mapping) else self._array(value, path)

    def _object(self, value: Mapping[Any, Any], path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, inner in value.items():
            if self._is_full(path):
                break
            if not isinstance(key, str):
                self._note((*path, repr(key)[:100]), "a key must be a string.", at_key=True)
                continue
            place = (*path, key)
            found[self._text(key, place, at_key=True)] = self.read(inner, place)
        return found

    def _array(self, value: list[Any] | tuple[Any, ...], path: Path) -> list[Any]:
        found: list[Any] = []
        for index, inner in enumerate(value):
            if self._is_full(path):
                break
            found.append(self.read(inner, (*path, index)))
        return found

    def _is_full(self, path: Path) -> bool:
        if self._count <= VALUES_LIMIT:
            return False
        self._note((), f"more than {VALUES_LIMIT} values; no config has so many.")
        return True

    def _text(self, text: str, path: Path, at_key: bool = False) -> str:
        if text.isascii() or not _HALF_CHARACTER.search(text):
            return text
        self._note(path, "half of a surrogate pair is not a character. Remove it.", at_key)
        return _HALF_CHARACTER.sub("\ufffd", text)

    def _note(self, path: Path, message: str, at_key: bool = False) -> None:
        self.problems.append(Problem(path, message, at_key))
