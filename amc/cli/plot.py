"""`amc plot`: one figure of an experiment as a file."""

from pathlib import Path

import click

from amc.cli.options import experiment_argument
from amc.cli.output import say, shown
from amc.client import experiment as find
from amc.errors import UsageError

KINDS = ("history", "curves", "importance", "slice", "parallel", "timeline")
_FORMATS = (".png", ".svg", ".pdf")
_DPI = 200


@click.command()
@experiment_argument
@click.argument("kind", metavar="KIND", required=False, type=click.Choice(KINDS))
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it; .png, .svg or .pdf says as what.  [default: ID-KIND.png]",
)
def plot(*, experiment_id: str, kind: str | None, out: Path | None) -> None:
    """Draw one figure of an experiment: amc plot latest curves --out curves.pdf.

    ID is an experiment's id, a unique beginning of one, or `latest`. KIND is history, curves,
    importance, slice, parallel or timeline. The file's path is printed.
    """
    if kind is None:
        # The last word is the figure, as everywhere where ID may be left out.
        experiment_id, kind = "latest", experiment_id
    if kind not in KINDS:
        raise UsageError(f"plot: which figure? KIND is one of {', '.join(KINDS)}.")
    experiment = find(experiment_id)
    path = out or Path(f"{experiment.id}-{kind}.png")
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(
            f"--out: {path.name!r} ends with none of {', '.join(_FORMATS)}. Name it so that it "
            "does."
        )
    from amc.reports.figures.canvas import save

    save(getattr(experiment, f"plot_{kind}")(), path, dpi=_DPI)
    say(shown(path))
