"""`amc report`: one HTML file of what an experiment found."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from amc.cli.options import experiment_argument
from amc.cli.output import note, say, shown
from amc.client import experiment as find
from amc.errors import AmcError
from amc.ledger import Ledger

if TYPE_CHECKING:
    from amc.experiment_view import Experiment

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
    help="Another film of the agent than one episode of the best one.",
)
@click.option("--no-film", "has_film", flag_value=False, default=True, help="Leave it out.")
def report(
    *, experiment_id: str, opens: bool, out: Path | None, film: Path | None, has_film: bool
) -> None:
    """Write one HTML file of what an experiment found; it needs no network and no other file.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default. Of one
    that runs it says how it stands. The file's path is printed.
    """
    experiment = find(experiment_id)
    path = out or Path(f"{experiment.id}.html")
    shot = film.read_bytes() if film is not None else _filmed(experiment) if has_film else None
    text = experiment.report(film=shot)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if (size := path.stat().st_size) > _LARGE:
        note(f"{shown(path)} has {size / 1e6:.1f} MB: make the film shorter, or leave it out.")
    say(shown(path))
    if opens:
        click.launch(str(path.absolute()))


def _filmed(experiment: "Experiment") -> bytes | None:
    """One episode of the best agent, kept with an experiment that has ended; None without one."""
    paths = Ledger(experiment.directory).paths
    kept = paths.best_film
    # An experiment that went on may have another winner since.
    if kept.exists() and kept.stat().st_mtime >= paths.best.stat().st_mtime:
        return kept.read_bytes()
    if experiment.best is None or experiment.config.has_own_trainer:
        return None
    note("Filming an episode of the best agent (--no-film leaves it out).")
    from amc.playback.films import film

    with tempfile.TemporaryDirectory(prefix="amc-film-") as place:
        path = kept if experiment.is_finished else Path(place) / kept.name
        try:
            film(experiment.agent(), path, seed=0)
        except AmcError as error:
            note(f"There is no film in it: {error}")
            return None
        return path.read_bytes()
