"""`amc export`: an experiment's trials and evaluations for other programs."""

import json
from pathlib import Path

import click

from amc.cli.options import experiment_argument
from amc.cli.output import print_json, say, shown
from amc.client import experiment as find
from amc.errors import UsageError


@click.command()
@experiment_argument
@click.option("--csv", "form", flag_value="csv", help="Two files: trials.csv, evaluations.csv.")
@click.option("--json", "form", flag_value="json", help="One JSON document.")
@click.option("--optuna", "form", flag_value="optuna", help="An Optuna study in a journal file.")
@click.option(
    "--out",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Where to write it: a directory of CSV, or a file.  "
    "[default: ID-csv, standard output, or ID.journal]",
)
def export(*, experiment_id: str, form: str | None, out: Path | None) -> None:
    """Write an experiment's trials and evaluations for other programs.

    ID is an experiment's id, a unique beginning of one, or `latest`. A row per trial and one per
    evaluation; docs/export.md says what the columns are. The paths of what was written are printed.
    """
    experiment = find(experiment_id)
    match form:
        case "csv":
            written = experiment.export_csv(out or Path(f"{experiment.id}-csv"))
        case "optuna":
            path = out or Path(f"{experiment.id}.journal")
            experiment.export_optuna(path)
            written = [path]
        case "json":
            document = experiment.export_json()
            if out is None:
                print_json(document)
                return
            text = json.dumps(document, indent=2, allow_nan=False)
            out.write_text(f"{text}\n", encoding="utf-8")
            written = [out]
        case _:
            raise UsageError("export: as what? Give --csv, --json or --optuna.")
    for path in written:
        say(shown(path))
