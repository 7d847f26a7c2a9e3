"""`amc ls`: list the experiments."""

from typing import Any

import click

from amc.cli.options import json_option
from amc.cli.output import console, note, print_json
from amc.cli.overview import Summary
from amc.cli.tables import DAMAGED, ExperimentRow, experiments_table
from amc.client import experiments
from amc.errors import AmcError
from amc.experiment_view import Experiment


@click.command()
@json_option
def ls(*, as_json: bool) -> None:
    """List the experiments, newest first."""
    found = experiments()
    looks = [_look(experiment) for experiment in found]
    if as_json:
        print_json([entry for entry, _ in looks])
    elif found:
        console().print(experiments_table([row for _, row in looks]))
    else:
        note("No experiment here yet. Train one: amc run CONFIG")
    for entry, _ in looks:
        if "error" in entry:
            note(f"{entry['experiment_id']} cannot be read: {entry['error']}")


def _look(experiment: Experiment) -> tuple[dict[str, Any], ExperimentRow]:
    """An experiment as JSON and as a row; a damaged one costs its own row and no other."""
    try:
        summary, created = Summary.of(experiment), experiment.created
        trains = f"{experiment.config.algorithm} {experiment.config.environment.name}"
        return _entry(experiment, summary), (summary, trains, created)
    except (AmcError, OSError) as error:
        entry = {"experiment_id": experiment.id, "state": DAMAGED, "error": str(error)}
        return entry, (Summary(experiment.id, DAMAGED), "cannot be read: see below", None)


def _entry(experiment: Experiment, summary: Summary) -> dict[str, Any]:
    best = summary.best
    return {
        "experiment_id": summary.id,
        "state": summary.state,
        "created": experiment.created,
        "algorithm": experiment.config.algorithm,
        "environment": experiment.config.environment.name,
        "best": None if best is None else best.to_json(),
        "trial_states": summary.states,
    }
