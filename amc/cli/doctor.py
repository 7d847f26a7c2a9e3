"""`amc doctor`: whether this machine is well, and what to do."""

import sys

import click
from rich.table import Table
from rich.text import Text

from amc.cli.options import json_option
from amc.cli.output import console, note, print_json
from amc.settings import shared_dir

_STYLES = {"ok": "green", "warning": "yellow", "fault": "bold red"}


@click.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """Look at everything that amc needs of this machine, and say what to do.

    Versions, packages, disk, broker, clock, workers, cores, GPUs, films. Exit code 1 if something
    does not work; what is merely slower or less than it could be is a warning.
    """
    from amc.doctor import Finding, examine

    found: list[Finding] = []
    view = console()
    for finding in examine(shared_dir()):
        found.append(finding)
        if not as_json:
            view.print(_row(finding.state, finding.check, finding.told, finding.advice))
    counts = {state: sum(one.state == state for one in found) for state in _STYLES}
    if as_json:
        print_json({"findings": [one.to_json() for one in found], "counts": counts})
    else:
        told = [f"{n} {state}{'s' * (n != 1 and state != 'ok')}" for state, n in counts.items()]
        note(", ".join(told))
    sys.exit(1 if counts["fault"] else 0)


def _row(state: str, check: str, told: str, advice: str) -> Table:
    row = Table.grid(padding=(0, 1))
    for width in (7, 16):
        row.add_column(width=width, no_wrap=True)
    row.add_column(overflow="fold")
    text = Text(told)
    if advice:
        text.append(f"\n-> {advice}", style=_STYLES[state] if state != "ok" else "dim")
    row.add_row(Text(state, style=_STYLES[state]), check, text)
    return row
