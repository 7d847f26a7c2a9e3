"""Tables that fit a width: whole columns are left out, the least telling first; nothing is cut.

Its door is `fit`. It must not know what the columns mean.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.text import Text

from amc.cli.output import plain

ALWAYS = math.inf
GAP = 2
_BETWEEN_WORDS = "_."


@dataclass(frozen=True)
class Field:
    """A column.

    Attributes:
        header: its name.
        cells: one for each row.
        weight: what weighs least is left out first; `ALWAYS` is never left out.
        is_right: whether its cells stand at its right edge.
        may_break: whether the header may take two lines.
    """

    header: str
    cells: Sequence[str | Text]
    weight: float = ALWAYS
    is_right: bool = False
    may_break: bool = False

    @property
    def width(self) -> int:
        """Cells of a terminal that it takes."""
        return max(_width(text) for text in (*self.header.split("\n"), *self.cells))


def fit(
    fields: Sequence[Field],
    width: int,
    styles: Sequence[str] | None = None,
    *,
    rule: str = "",
) -> tuple[list[Text], list[str]]:
    """As many columns as fit.

    Headers are broken in two where not everything fits otherwise.

    Args:
        fields: in the order in which they are shown.
        width: of the whole table.
        styles: one for each row.
        rule: what a line below the headers is made of; empty for none.

    Returns:
        The table's lines, and the headers of the columns that are not in it, the most telling
        first.
    """
    shown = [(field, field.width) for field in fields]
    if _sum(shown) > width:
        broken = [
            replace(one, header=_broken(one.header)) if one.may_break else one for one in fields
        ]
        shown = [(field, field.width) for field in broken]
    hidden = []
    while _sum(shown) > width:
        least = min(field.weight for field, _ in shown)
        if least == ALWAYS:
            break
        # Of two that weigh the same the one further right goes.
        at = max(index for index, (field, _) in enumerate(shown) if field.weight == least)
        hidden.append(shown.pop(at)[0].header.replace("\n", ""))
    return list(_lines(shown, styles, rule)), hidden[::-1]


def _sum(fields: Sequence[tuple[Field, int]]) -> int:
    return sum(width + GAP for _, width in fields) - GAP


def _width(text: str | Text) -> int:
    return text.cell_len if isinstance(text, Text) else cell_len(plain(text))


def _broken(header: str) -> str:
    """In two lines, broken after the separator that is nearest to the middle."""
    breaks = [at for at, letter in enumerate(header, start=1) if letter in _BETWEEN_WORDS]
    if not breaks:
        return header
    at = min(breaks, key=lambda one: max(one, len(header) - one))
    return f"{header[:at]}\n{header[at:]}"


def _lines(
    fields: Sequence[tuple[Field, int]], styles: Sequence[str] | None, rule: str
) -> Iterator[Text]:
    headers = [field.header.split("\n") for field, _ in fields]
    height = max(map(len, headers), default=0)
    for at in range(height):
        # The last line of each header stands on the rule.
        texts = [([""] * (height - len(lines)) + lines)[at] for lines in headers]
        yield _line(zip(texts, fields, strict=True), "bold")
    if rule:
        yield Text(rule * _sum(fields), no_wrap=True, overflow="crop")
    for index, cells in enumerate(zip(*(field.cells for field, _ in fields), strict=True)):
        yield _line(zip(cells, fields, strict=True), styles[index] if styles else "")


def _line(cells: Iterable[tuple[str | Text, tuple[Field, int]]], style: str) -> Text:
    line = Text(style=style, no_wrap=True, overflow="crop")
    for text, (field, width) in cells:
        if len(line):
            line.append(" " * GAP)
        blank = " " * (width - _width(text))
        line.append(blank if field.is_right else "")
        line.append(text if isinstance(text, Text) else plain(text))
        line.append("" if field.is_right else blank)
    line.rstrip()
    return line
