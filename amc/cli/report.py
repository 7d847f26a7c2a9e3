"""`amc report`: one HTML file of what an experiment found."""

from pathlib import Path

import click

from amc.cli.options import experiment_argument
from amc.cli.output import note, say, shown
from amc.client import experiment as find

# Mail programs and issue trackers take as much.
_LARGE = 3_000_000


@click.command()
@experiment_argument
@click.option("--open", "opens", is_flag=True, help="Show it in the browser, too.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it.  [default: ID.html]",
)
@click.option(
    "--film",
    metavar="FILE.mp4",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A film of the agent to put into it.  [default: the experiment's own, if it has one]",
)
def report(*, experiment_id: str, opens: bool, out: Path | None, film: Path | None) -> None:
    """Write one HTML file of what an experiment found; it needs no network and no other file.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default. Of one
    that runs it says how it stands. The file's path is printed.
    """
    experiment = find(experiment_id)
    path = out or Path(f"{experiment.id}.html")
    text = experiment.report(film=None if film is None else film.read_bytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if (size := path.stat().st_size) > _LARGE:
        note(f"{shown(path)} has {size / 1e6:.1f} MB: make the film shorter, or leave it out.")
    say(shown(path))
    if opens:
        click.launch(str(path.absolute()))
