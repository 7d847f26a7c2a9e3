"""Where the words go: results on standard output, everything else on standard error."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import click
from rich.console import Console

# Nobody reads a pipe in columns of 80: a table is cut only where a terminal, or COLUMNS, is narrow.
_PIPE_WIDTH = 240


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


def print_json(document: Any) -> None:
    """Print exactly one JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False))


def note(message: str) -> None:
    """Say something that is not the result, on standard error; a terminal may be gone by then."""
    with suppress(OSError):
        click.echo(message, err=True)


def console(*, stderr: bool = False) -> Console:
    """A console for tables; without colours where NO_COLOR is set or nobody looks."""
    stream = sys.stderr if stderr else sys.stdout
    cut = stream.isatty() or bool(os.environ.get("COLUMNS"))
    return Console(stderr=stderr, width=None if cut else _PIPE_WIDTH, highlight=False)


def shown(path: Path) -> str:
    """A path as the user would type it: relative to the working directory where that is shorter."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
