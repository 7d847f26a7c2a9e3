"""What a config says and where it says it: values with the place each came from.

A `Document` is read from a file (`reader`) or made from a mapping; others can be laid over it. It
turns `Problem`s (a path and a sentence) into faults that show the file, line and a caret.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from amc.errors import ConfigError, Fault

Path = tuple[str | int, ...]

# Faults that one error tells; nobody mends more at a time, and each costs a hint and an excerpt.
MOST_FAULTS = 50

_WINDOW = 90
# Characters around a place in which a password is looked for before the line is shown.
_REACH = 2000
_LONGEST_PATH = 300
_LONGEST_MESSAGE = 2000
_PASSWORD = re.compile(r'(?<=://)[^/@\s"]+(?=@)')


class Problem(NamedTuple):
    """One thing wrong: where in the config, what, and whether the key rather than its value is.

    A message may be a function, for a sentence that costs something: it is called if it is told.
    """

    path: Path
    message: str | Callable[[], str]
    at_key: bool = False

    def sentence(self) -> str:
        """The message, made now if it was not yet."""
        return self.message if isinstance(self.message, str) else self.message()


@dataclass(frozen=True)
class Text:
    """A source's name and its text; the text is empty for what has no lines (an option)."""

    name: str
    content: str = ""

    def fault(self, path: Path, message: str, offset: int = 0) -> Fault:
        """A fault at an offset of this text."""
        message = printable(shortened(message, _LONGEST_MESSAGE))
        if not self.content:
            return Fault(dotted(path), message, source=printable(self.name))
        begin = self.content.rfind("\n", 0, offset) + 1
        return Fault(
            path=dotted(path),
            message=message,
            source=printable(self.name),
            line=self.content.count("\n", 0, offset) + 1,
            column=offset - begin + 1,
            excerpt=self._excerpt(begin, offset),
        )

    def _excerpt(self, begin: int, offset: int) -> str:
        """The line with a caret below the offset; long lines are cut, passwords in URLs hidden."""
        end = self.content.find("\n", offset)
        first = max(begin, offset - _REACH)
        line = self.content[first : min(end if end >= 0 else len(self.content), offset + _REACH)]
        line = _PASSWORD.sub(lambda match: "*" * len(match[0]), line.rstrip("\r"))
        column = offset - first
        cut = max(0, column - _WINDOW // 2) if len(line) > _WINDOW else 0
        shown = line[cut : cut + _WINDOW]
        shown = "".join(character if character.isprintable() else " " for character in shown)
        return f"  {shown}\n  {' ' * (column - cut)}^"


@dataclass(frozen=True)
class Place:
    """Where a value stands, and its key; `inner` are the places of what it contains."""

    text: Text
    offset: int = 0
    key: int | None = None
    inner: dict[str | int, "Place"] = field(default_factory=dict)


@dataclass
class Document:
    """A config as written, before any check.

    Attributes:
        value: plain JSON values; usually a dict, whatever else the file held otherwise.
        text: what it was read from.
        place: where the whole stands, and in it all that it contains.
        notes: what the reader found wrong (NaN, a key given twice), and the offset in the text.
    """

    value: Any
    text: Text
    place: Place
    notes: list[tuple[Problem, Text, int]] = field(default_factory=list)

    @classmethod
    def of(cls, value: Any, name: str) -> "Document":
        """A document of values that were in memory; `name` stands for the file in faults."""
        text = Text(name)
        return cls(value, text, Place(text))

    def error(self, problems: Iterable[Problem]) -> ConfigError:
        """All problems and notes in the order of the file, one for each path, the first 50."""
        located = [*self.notes, *((problem, *self._locate(problem)) for problem in problems)]
        first: dict[tuple[str, Path], tuple[Problem, Text, int]] = {}
        for found in located:
            first.setdefault((found[1].name, found[0].path), found)
        ordered = sorted(first.values(), key=lambda found: (found[1].name, found[2]))
        faults = [
            text.fault(problem.path, problem.sentence(), offset)
            for problem, text, offset in ordered[:MOST_FAULTS]
        ]
        return ConfigError(faults, more=len(ordered) - len(faults))

    def _locate(self, problem: Problem) -> tuple[Text, int]:
        """Text and offset; what has no place of its own is shown at what contains it."""
        place = self.place
        for depth, part in enumerate(problem.path, start=1):
            if part not in place.inner:
                break
            place = place.inner[part]
            if depth == len(problem.path) and problem.at_key and place.key is not None:
                return place.text, place.key
        return place.text, place.offset

    def lay_over(self, top: "Document") -> "Document":
        """This document with another one's values on top: objects are merged, the rest replaced."""
        value, place = _merged(self.value, self.place, top.value, top.place)
        return Document(value, self.text, place, [*self.notes, *top.notes])

    def put(self, path: Path, value: Any, source: str) -> "Document":
        """This document with one value replaced, objects above it made; `source` is where from."""
        changed, place = _changed(self.value, self.place, path, value, Text(source))
        return Document(changed, self.text, place, self.notes)


def _merged(below: Any, place: Place, above: Any, top: Place) -> tuple[Any, Place]:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above, top
    value, inner = dict(below), dict(place.inner)
    for key, new in above.items():
        old = inner.get(key, place)
        value[key], inner[key] = _merged(below.get(key), old, new, top.inner.get(key, top))
    return value, replace(place, inner=inner)


def _changed(
    below: Any, place: Place | None, path: Path, value: Any, text: Text
) -> tuple[Any, Place]:
    if not path:
        return value, Place(text)
    key, *rest = path
    if not isinstance(below, dict) or place is None:
        below, place = below if isinstance(below, dict) else {}, Place(text)
    new, inner = _changed(below.get(key), place.inner.get(key), tuple(rest), value, text)
    return {**below, key: new}, replace(place, inner={**place.inner, key: inner})


def dotted(path: Path) -> str:
    """A path as users write it; `<root>` for the whole."""
    text = ".".join(printable(str(part)[:_WINDOW]) for part in path)
    return shortened(text, _LONGEST_PATH) or "<root>"


def shortened(text: str, length: int) -> str:
    """The text, cut where it is longer."""
    return text if len(text) <= length else f"{text[:length]}..."


def printable(text: str) -> str:
    """The text with everything escaped that would move the cursor or forge a line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
