"""`amc compare`: experiments side by side, and whether what differs is more than chance."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from amc.cli.options import json_option
from amc.cli.output import console, note, print_json, say
from amc.client import experiment as find
from amc.config.schema import UNNAMED
from amc.errors import UsageError
from amc.ledger import Ledger

if TYPE_CHECKING:
    from amc.comparing import Comparison, Entrant


@click.command()
@click.argument("names", metavar="[NAME=]ID[,ID...]...", nargs=-1, required=True)
@click.option(
    "--threshold",
    type=float,
    metavar="SCORE",
    help="To be reached.  [default: that at which the environment counts as solved]",
)
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it as one HTML file.",
)
@click.option(
    "--paper",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write figures as PDF, a column wide, and a LaTeX table.",
)
@json_option
def compare(
    names: tuple[str, ...],
    *,
    threshold: float | None,
    report: Path | None,
    paper: Path | None,
    as_json: bool,
) -> None:
    """Compare what the winners of experiments are worth, over their seeds.

    ID is an experiment's id or a unique beginning of one. Several in different environments are one
    entrant: amc compare ppo=cart-1,pend-1 tuned=cart-2,pend-2. Intervals are 95 %; what chance may
    account for is called so, with the number of seeds that would tell.
    """
    if len(names) < 2:
        raise UsageError("compare: one experiment was named. Name another: amc compare A B")
    from amc.comparing import compare as compared

    found = compared([_entrant(name) for name in names], threshold)
    if report is not None:
        from amc.comparing.comparison_page import comparison_page

        report.write_text(comparison_page(found), encoding="utf-8")
        note(f"report: {report}")
    if paper is not None:
        from amc.comparing.paper import write_paper

        for path in write_paper(found, paper):
            note(f"paper: {path}")
    if as_json:
        print_json(_document(found))
    else:
        _print(found)


def _entrant(text: str) -> "Entrant":
    from amc.comparing import entrant

    name, separator, ids = text.rpartition("=")
    experiments = [find(identifier) for identifier in ids.split(",")]
    ledgers = [Ledger(experiment.directory) for experiment in experiments]
    return entrant(name if separator else "+".join(one.id for one in experiments), ledgers)


def _document(found: "Comparison") -> dict[str, object]:
    return {
        "tasks": list(found.tasks),
        "threshold": found.threshold,
        "entrants": [asdict(row) for row in found.rows],
        "scores": {
            one.name: {task: [run.score for run in runs] for task, runs in one.runs.items()}
            for one in found.entrants
        },
        "pairs": [asdict(pair) for pair in found.pairs],
        "differences": {
            task: [{"key": key, "values": values} for key, values in rows]
            for task, rows in found.differing.items()
        },
    }


def _print(found: "Comparison") -> None:
    from amc.comparing.words import COLUMNS, PAIR_COLUMNS, pair_cells, row_cells, sentence
    from amc.reports.wording import exactly

    names = [row.name for row in found.rows]
    _show(COLUMNS, [row_cells(row) for row in found.rows])
    _show(PAIR_COLUMNS, [pair_cells(pair) for pair in found.pairs])
    for task in found.tasks:
        rows = [[key, *map(exactly, values)] for key, values in found.differing[task]]
        if rows:
            _show(("" if task == UNNAMED else f"in {task}", *names), rows)
    for pair in found.pairs:
        say(sentence(pair))


def _show(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console().print(table)
    say("")
