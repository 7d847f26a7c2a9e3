"""What a config says and where it says it: values with the place each came from.

A `Document` is read from a file (`reader`) or made from a mapping; others can be laid over it. It
turns a `Problem` (a path and a sentence) into a `Fault` that shows the file, line and a caret.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from amc.errors import Fault

Path = tuple[str | int, ...]

_WINDOW = 90
_PASSWORD = re.compile(r'(?<=://)[^/@\s"]+(?=@)')


class Problem(NamedTuple):
    """One thing wrong: where in the config, what, and whether the key rather than its value is."""

    path: Path
    message: str
    at_key: bool = False


@dataclass(frozen=True)
class Text:
    """A source's name and its text; the text is empty for what has no lines (an option)."""

    name: str
    content: str = ""

    def fault(self, path: Path, message: str, offset: int = 0) -> Fault:
        """A fault at an offset of this text."""
        if not self.content:
            return Fault(dotted(path), message, source=printable(self.name))
        begin = self.content.rfind("\n", 0, offset) + 1
        end = self.content.find("\n", offset)
        line = self.content[begin : end if end >= 0 else None].rstrip("\r")
        column = offset - begin
        return Fault(
            path=dotted(path),
            message=message,
            source=printable(self.name),
            line=self.content.count("\n", 0, offset) + 1,
            column=column + 1,
            excerpt=_excerpt(line, column),
        )


class Place(NamedTuple):
    """Where a key or a value stands."""

    text: Text
    offset: int


@dataclass
class Document:
    """A config as written, before any check.

    Attributes:
        value: plain JSON values; usually a dict, whatever else the file held otherwise.
        text: what it was read from.
        keys: place of each key, by the path of its value.
        values: place of each value.
        faults: what the reader found wrong with single values (NaN, a key given twice).
    """

    value: Any
    text: Text
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, problem: Problem) -> Fault:
        """The fault for a problem; what has no place of its own is shown at what contains it."""
        path, message, at_key = problem
        if at_key and path in self.keys:
            place = self.keys[path]
            return place.text.fault(path, message, place.offset)
        for length in range(len(path), -1, -1):
            if path[:length] in self.values:
                place = self.values[path[:length]]
                return place.text.fault(path, message, place.offset)
        return self.text.fault(path, message)

    def lay_over(self, top: "Document") -> "Document":
        """This document with another one's values on top: objects are merged, the rest replaced."""
        replaced = set(_replaced(self.value, top.value, ()))

        def is_below(path: Path) -> bool:
            return not any(path[:length] in replaced for length in range(len(path) + 1))

        def merged(below: dict[Path, Place], above: dict[Path, Place]) -> dict[Path, Place]:
            kept = {path: place for path, place in below.items() if is_below(path)}
            return kept | {path: place for path, place in above.items() if not is_below(path)}

        return Document(
            value=_merged(self.value, top.value),
            text=self.text,
            keys=merged(self.keys, top.keys),
            values=merged(self.values, top.values),
            faults=[*self.faults, *top.faults],
        )

    def put(self, path: Path, value: Any, source: str) -> "Document":
        """This document with one value replaced, objects above it made; `source` is where from."""
        text = Text(source)
        places = {path[:length]: Place(text, 0) for length in range(1, len(path) + 1)}
        document = self
        for new in (None, value):  # over a null nothing is merged: the value replaces the old one
            nested = new
            for key in reversed(path):
                nested = {key: nested}
            document = document.lay_over(Document(nested, text, keys=places, values=places))
        return document


def _replaced(below: Any, above: Any, path: Path) -> Iterator[Path]:
    """Paths at which a value is new or replaced."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        yield path
        return
    for key, value in above.items():
        yield from _replaced(below.get(key), value, (*path, key))


def _merged(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {**below, **{key: _merged(below.get(key), value) for key, value in above.items()}}


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Faults as a reader meets them, one for each path and place: file, line, column."""
    seen: dict[tuple[str, str], Fault] = {}
    for fault in faults:
        seen.setdefault((fault.source, fault.path), fault)
    return sorted(seen.values(), key=lambda fault: (fault.source, fault.line, fault.column))


def dotted(path: Path) -> str:
    """A path as users write it; `<root>` for the whole."""
    return ".".join(printable(str(part)[:_WINDOW]) for part in path) or "<root>"


def printable(text: str) -> str:
    """The text with everything escaped that would move the cursor or forge a line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _excerpt(line: str, column: int) -> str:
    """The line with a caret below the column; long lines are cut, passwords in URLs hidden."""
    line = _PASSWORD.sub(lambda match: "*" * len(match[0]), line)
    line = "".join(character if character.isprintable() else " " for character in line)
    begin = max(0, column - _WINDOW // 2) if len(line) > _WINDOW else 0
    return f"  {line[begin : begin + _WINDOW]}\n  {' ' * (column - begin)}^"
