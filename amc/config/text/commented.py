"""A config as a person would write it: what each key means beside it, further keys as comments.

Its door is `commented`. It must not know what a config means.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_INDENT = "  "
# Comments of a block stand below each other, unless a line is longer than this.
_COLUMN = 44


@dataclass(frozen=True)
class Entry:
    """A key.

    Attributes:
        key: as it stands in its object.
        value: plain JSON; entries for an object that is written over several lines.
        meaning: a sentence; empty for none.
        is_hint: whether it is written as a comment, for it says what holds without it.
    """

    key: str
    value: "Any | tuple[Entry, ...]"
    meaning: str = ""
    is_hint: bool = False


def commented(head: Sequence[str], entries: Sequence[Entry]) -> str:
    """The text of a file: lines of a comment, then an object."""
    return "\n".join([*(f"// {line}".rstrip() for line in head), "{", *_block(entries, 1), "}", ""])


def _block(entries: Sequence[Entry], depth: int) -> Iterator[str]:
    margin = _INDENT * depth
    # What stands before a hint goes on, for that may be a line one day; a comma may come last.
    last = entries[-1]
    texts = {entry.key: _text(entry, is_last=entry is last) for entry in entries}
    flat = [texts[entry.key] for entry in entries if entry.meaning]
    width = max((len(text) for text in flat if len(text) <= _COLUMN), default=0)
    for entry in entries:
        if isinstance(entry.value, tuple):
            if entry.meaning:
                yield f"{margin}// {entry.meaning}"
            yield f"{margin}{json.dumps(entry.key)}: {{"
            yield from _block(entry.value, depth + 1)
            yield f"{margin}}}{'' if entry is last else ','}"
        else:
            meaning = f"  // {entry.meaning}" if entry.meaning else ""
            yield f"{margin}{texts[entry.key]:<{width if meaning else 0}}{meaning}"


def _text(entry: Entry, *, is_last: bool) -> str:
    if isinstance(entry.value, tuple):
        return ""
    text = f"{json.dumps(entry.key)}: {json.dumps(entry.value, ensure_ascii=False)}"
    return f"// {text}," if entry.is_hint else f"{text}{'' if is_last else ','}"


def mapping(values: Mapping[str, Any], meanings: Mapping[str, str]) -> tuple[Entry, ...]:
    """The entries of an object of plain values."""
    return tuple(Entry(key, value, meanings.get(key, "")) for key, value in values.items())
