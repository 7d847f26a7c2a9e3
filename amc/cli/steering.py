"""What `cancel`, `pause` and `resume` share: ask for something, and tell what becomes of it."""

from collections.abc import Callable
from typing import Any

import click

from amc.cli.options import json_option
from amc.cli.output import note, print_json
from amc.client import Experiment
from amc.client import experiment as find


def steering(function: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments of a steering command."""
    return click.argument("experiment_id", metavar="ID")(json_option(function))


def steer(
    experiment_id: str, *, as_json: bool, ask: Callable[[Experiment], bool], told: str
) -> None:
    """Ask something of an experiment, unless it has ended.

    Args:
        experiment_id: as the user wrote it.
        as_json: print the whole experiment instead of its state.
        ask: returns whether a broker carried the news.
        told: what happens now.
    """
    experiment = find(experiment_id)
    if experiment.is_finished:
        note(f"{experiment.id} has ended already: {experiment.state}.")
    elif ask(experiment):
        note(f"{experiment.id}: {told}")
    else:
        # The ledger has it, and that is what workers read when there are any.
        note(f"{experiment.id}: recorded. No broker answers, so no worker of it can be running.")
    if as_json:
        print_json(experiment.to_json())
    else:
        click.echo(f"{experiment.id} {experiment.state}")
