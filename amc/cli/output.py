"""Where the words go: results on standard output, everything else on standard error."""

import json
import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from amc.config.text.document import printable

# Nobody reads a pipe in columns of 80: a table is cut only where a terminal, or COLUMNS, is narrow.
_PIPE_WIDTH = 240
# Control characters of both kinds, what changes the direction of writing, line ends, surrogates.
_UNSHOWN = re.compile(
    "[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def claim_stdout() -> TextIO:
    """Take standard output for this program alone.

    Whatever else in this process writes there, past Python or at its very end, writes to standard
    error from now on, and so do programs that it starts.

    Returns:
        Where results go.
    """
    mine = sys.stdout
    if _descriptor(mine) == 1:
        mine.flush()
        mine = os.fdopen(os.dup(1), "w", encoding=mine.encoding, errors=mine.errors)
        os.dup2(2, 1)
    sys.stdout = sys.stderr
    return mine


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except OSError:  # a stream in memory
        return None


def plain(text: str) -> str:
    """Text that a terminal only shows: nothing in it moves the cursor, rings, or turns lines round.

    Names, numbers and errors come from ledgers, Redis and environments, which anybody may write.
    """
    return "\n".join(printable(line.expandtabs()) for line in text.split("\n"))


def say(text: str, *, file: TextIO | None = None) -> None:
    """Say a result, on standard output or where that is by now."""
    click.echo(plain(text), file=file)


def print_json(document: Any) -> None:
    """Print exactly one JSON document on standard output."""
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
    # Within strings alone; JSON has no other place for what a terminal would obey.
    click.echo(_UNSHOWN.sub(lambda found: json.dumps(found[0])[1:-1], text))


def note(message: str) -> None:
    """Say something that is not the result, on standard error; a terminal may be gone by then."""
    with suppress(OSError):
        click.echo(plain(message), err=True)


def console(*, stderr: bool = False) -> Console:
    """A console for tables; without colours where NO_COLOR is set or nobody looks."""
    stream = sys.stderr if stderr else sys.stdout
    cut = stream.isatty() or bool(os.environ.get("COLUMNS"))
    width = None if cut else _PIPE_WIDTH
    return _Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


class _Console(Console):
    """Shows every string as it is: no markup, and nothing that the terminal would obey."""

    def render_str(self, text: str, **options: Any) -> Text:
        # Before a table measures it, so that nothing is cut for what is spelled out.
        return super().render_str(plain(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(plain(segment.text), segment.style)


def shown(path: Path) -> str:
    """A path as the user would type it: relative to the working directory where that is shorter."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
