"""`amc watch`: follow an experiment until it ends."""

import sys

import click

from amc.cli.options import experiment_argument, json_option
from amc.cli.outcome import await_end, timeout_option
from amc.cli.output import console, print_json
from amc.client import experiment as find


@click.command()
@experiment_argument
@timeout_option
@json_option
def watch(*, experiment_id: str, timeout_s: float | None, as_json: bool) -> None:
    """Follow an experiment until it ends: a screen on a terminal, a line per event on a pipe.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default. Ctrl-C
    stops the watching, not the experiment. Exit codes as those of `amc submit --wait`.
    """
    experiment = find(experiment_id)
    code = await_end(experiment, console(stderr=as_json), timeout_s)
    if as_json:
        print_json(experiment.to_json())
    sys.exit(code)
