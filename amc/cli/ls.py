"""`amc ls`: list the experiments."""

from collections import Counter
from typing import Any

import click

from amc.cli.options import json_option
from amc.cli.output import console, note, print_json
from amc.cli.snapshot import Snapshot
from amc.cli.tables import experiments_table
from amc.client import Experiment, experiments
from amc.errors import AmcError


@click.command()
@json_option
def ls(*, as_json: bool) -> None:
    """List the experiments, newest first."""
    rows = []
    for experiment in experiments():
        try:
            rows.append((experiment, Snapshot.of(experiment)))
        except AmcError as error:
            # One damaged directory must not hide the others.
            note(f"{experiment.id} cannot be read: {error}")
    if as_json:
        print_json([_entry(*row) for row in rows])
    elif rows:
        table = experiments_table([(s, _trains(e), e.created) for e, s in rows])
        console().print(table)
    else:
        note("No experiment here yet. Train one: amc run CONFIG")


def _trains(experiment: Experiment) -> str:
    return f"{experiment.config.algorithm} {experiment.config.environment.name}"


def _entry(experiment: Experiment, snapshot: Snapshot) -> dict[str, Any]:
    best = snapshot.best
    return {
        "experiment_id": snapshot.id,
        "state": snapshot.state,
        "created": experiment.created,
        "algorithm": experiment.config.algorithm,
        "environment": experiment.config.environment.name,
        "best": None if best is None else best.to_json(),
        "trial_states": Counter(trial.state for trial in snapshot.trials),
    }
