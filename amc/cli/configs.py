"""`amc validate` says all that is wrong with configs, and where; `amc schema` what one may hold."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from amc.cli.options import json_option
from amc.cli.output import note, print_json, say
from amc.cli.reading import promised
from amc.config.json_schema import json_schema
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.config.search.search_space import describe
from amc.config.text.document import printable
from amc.errors import ConfigError, Fault, UsageError


@click.command()
@click.argument(
    "paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--overlay",
    "overlays",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A config that holds only what differs; laid over each FILE, later ones on top.",
)
@json_option
@click.pass_context
def validate(
    context: click.Context, paths: tuple[Path, ...], overlays: tuple[Path, ...], as_json: bool
) -> None:
    """Check config files; exit 2 if any of them would be refused.

    Says what is wrong, all of it, with file, line and column; and of a sound config how its search
    space is understood.
    """
    reports = [_report(path, overlays) for path in paths]
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            _print(report)
    if not all(report["valid"] for report in reports):
        context.exit(ConfigError.exit_code)


def _report(path: Path, overlays: tuple[Path, ...]) -> dict[str, Any]:
    loader = ConfigLoader()
    report: dict[str, Any] = {
        "file": printable(str(path)),
        "valid": True,
        "faults": [],
        "more_faults": 0,
        "warnings": [],
    }
    try:
        config = loader.load_config(path, overlays=overlays)
        summary = _summary(config)
    except ConfigError as error:
        faults = [asdict(fault) for fault in error.faults]
        return report | {"valid": False, "faults": faults, "more_faults": error.more}
    except UsageError as error:  # of the grid
        fault = Fault("hyperparameter_optimizer", str(error), str(path))
        return report | {"valid": False, "faults": [asdict(fault)]}
    return report | {"warnings": loader.warnings, "summary": summary}


def _summary(config: ExperimentConfig) -> list[str]:
    search = config.hyperparameter_optimizer
    work = f"{config.trains}, {config.training.total_timesteps} steps"
    space = {} if search is None else search.search_space
    return [f"{work}, {promised(config)}", *describe(space)]


def _print(report: dict[str, Any]) -> None:
    """A sound config's summary to standard output, everything else to standard error."""
    for fault in report["faults"]:
        note(str(Fault(**fault)))
    if report["more_faults"]:
        note(f"{report['file']}: ... and {report['more_faults']} more.")
    for warning in report["warnings"]:
        note(f"{report['file']}: warning: {warning}")
    if report["valid"]:
        first, *space = report["summary"]
        say(f"{report['file']}: ok, {first}")
        for line in space:
            say(f"  {line}")


@click.command()
def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of a config.

    Editors complete and check keys with it: the shipped configs begin with
    "$schema": "./schema/experiment.json", which is what this prints.
    """
    click.echo(json.dumps(json_schema(), indent=2))
