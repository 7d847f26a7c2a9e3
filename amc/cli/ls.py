"""`amc ls`: list the experiments."""

from typing import Any

import click

from amc.cli.at_work import AtWork
from amc.cli.experiments_table import ExperimentRow, ExperimentsTable
from amc.cli.options import json_option
from amc.cli.output import console, note, print_json
from amc.cli.overview import Summary
from amc.cli.styles import DAMAGED
from amc.client import experiments
from amc.errors import AmcError
from amc.experiment_view import Experiment

# Of what trains: a command may be as long as it likes.
_LONGEST = 20


@click.command()
@json_option
def ls(*, as_json: bool) -> None:
    """List the experiments, newest first."""
    found = experiments()
    looks = [_look(experiment) for experiment in found]
    if as_json:
        print_json([entry for entry, _ in looks])
    elif found:
        console().print(ExperimentsTable([row for _, row in looks]))
        _tell_what_waits([row for _, row in looks])
    else:
        note("No experiment here yet. Train one: amc run CONFIG")
    for entry, _ in looks:
        if "error" in entry:
            note(f"{entry['experiment_id']} cannot be read: {entry['error']}")


def _tell_what_waits(rows: list[ExperimentRow]) -> None:
    """Say below the table why what is unfinished does not move, and what to do."""
    states = [summary.state for summary, _, _ in rows]
    if "paused" in states:
        note("paused: amc resume ID")
    if "running" not in states:
        return
    at_work = AtWork.now()
    if at_work.missing:
        note(at_work.missing)
        return
    for summary, _, _ in rows:
        is_held_up = summary.state == "running" and not summary.states.get("running")
        if is_held_up and (reason := at_work.forbids(summary.code)):
            note(f"{summary.id}: {reason}")


def _look(experiment: Experiment) -> tuple[dict[str, Any], ExperimentRow]:
    """An experiment as JSON and as a row; a damaged one costs its own row and no other."""
    try:
        summary, created = Summary.of(experiment), experiment.created
        config = experiment.config
        trains = f"{config.algorithm} {config.environment.name}"
        if config.has_own_trainer:
            trains = _shortened(config.trains)
        return _entry(experiment, summary), (summary, trains, created)
    except (AmcError, OSError) as error:
        entry = {"experiment_id": experiment.id, "state": DAMAGED, "error": str(error)}
        return entry, (Summary(experiment.id, DAMAGED), "cannot be read: see below", None)


def _shortened(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 4]} ..."


def _entry(experiment: Experiment, summary: Summary) -> dict[str, Any]:
    best = summary.best
    return {
        "experiment_id": summary.id,
        "state": summary.state,
        "created": experiment.created,
        "algorithm": experiment.config.algorithm,
        "environment": experiment.config.environment.name,
        "trains": experiment.config.trains,
        "best": None if best is None else best.to_json(),
        "trial_states": summary.states,
    }
