"""A comparison for a paper: figures of a column's width, and a table that LaTeX reads.

Its door is `write_paper`. Fonts are embedded (Type 42), as journals want them.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from amc.comparing import comparison_figures as figures
from amc.comparing.verdicts import Comparison
from amc.comparing.words import COLUMNS, row_cells
from amc.reports.figures import canvas

# Of a column in two-column layouts (IEEE, ICML): 3.25 inches.
_COLUMN = 3.25
_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_SPECIAL |= {one: f"\\{one}" for one in "&%$#_{}"}


def write_paper(comparison: Comparison, directory: Path) -> list[Path]:
    """Write figures as PDF and the table of scores as `scores.tex`.

    Args:
        comparison: what was found.
        directory: made where it is missing.

    Returns:
        What was written.

    Raises:
        OSError: it cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in _figures(comparison):
        path = directory / f"{name}.pdf"
        canvas.save(draw(), path)
        written.append(path)
    path = directory / "scores.tex"
    path.write_text(booktabs(comparison), encoding="utf-8")
    return [*written, path]


def _figures(comparison: Comparison) -> Iterator[tuple[str, Callable[[], canvas.Picture]]]:
    for task in comparison.tasks:
        name = "curves" if len(comparison.tasks) == 1 else f"curves-{_plain(task)}"
        yield name, partial(figures.curves, comparison, task, width=_COLUMN)
    yield "intervals", partial(figures.intervals, comparison, width=_COLUMN)
    yield "profiles", partial(figures.profiles, comparison, width=_COLUMN)


def _plain(name: str) -> str:
    return "".join(one if one.isalnum() or one in "-." else "-" for one in name)


def booktabs(comparison: Comparison) -> str:
    """The table of scores; it takes the package booktabs."""
    rows = [row_cells(row) for row in comparison.rows]
    lines = [
        r"% \usepackage{booktabs}",
        rf"\begin{{tabular}}{{l{'r' * (len(COLUMNS) - 1)}}}",
        r"\toprule",
        _line(COLUMNS),
        r"\midrule",
        *map(_line, rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(_escaped, cells)) + r" \\"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(one, one) for one in text)
