"""`amc support-bundle`: what a bug report needs, in one file, without secrets."""

import socket
import time
from pathlib import Path

import click

from amc.cli import completing, formatting
from amc.cli.options import json_option
from amc.cli.output import note, print_json, say
from amc.client import experiment as find
from amc.errors import UsageError
from amc.settings import shared_dir


@click.command("support-bundle")
@click.argument(
    "experiment_id", metavar="[ID]", default=None, shell_complete=completing.experiments
)
@click.option(
    "--out",
    metavar="FILE.zip",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it.  [default: amc-support-HOST-TIME.zip]",
)
@json_option
def support_bundle(*, experiment_id: str | None, out: Path | None, as_json: bool) -> None:
    """Pack what a bug report needs, and say what is in it: look before you hand it on.

    What amc doctor says, versions, the ends of the fleets' logs, and of ID its records and curves.
    No checkpoints. Passwords in URLs, and values of variables called KEY, TOKEN, SECRET or
    PASSWORD, are taken out wherever they stand.
    """
    from amc import support

    directory = None if experiment_id is None else find(experiment_id).directory
    out = out or Path(f"amc-support-{socket.gethostname()}-{time.strftime('%Y%m%d-%H%M%S')}.zip")
    note("Looking at this machine ...")
    try:
        counts = support.write(support.gather(shared_dir(), directory), out)
    except FileExistsError:
        raise UsageError(
            f"{out}: is there already, and is not written over. Name another."
        ) from None
    except FileNotFoundError:
        raise UsageError(f"{out}: there is no directory {out.parent}. Make it first.") from None
    for folder, (number, size) in counts.items():
        files = f"{number} file{'s' * (number > 1)}"
        note(f"  {folder:<20} {files:>12}  {formatting.size(size)}")
    if as_json:
        contents = {name: {"files": n, "bytes": size} for name, (n, size) in counts.items()}
        print_json({"path": str(out), "bytes": out.stat().st_size, "contents": contents})
    else:
        say(str(out))
