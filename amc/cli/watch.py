"""`amc watch`: follow an experiment until it ends."""

import sys

import click
import redis

from amc.cli.options import experiment_argument, json_option
from amc.cli.outcome import await_end, timeout_option
from amc.cli.output import console, note, print_json
from amc.client import experiment as find
from amc.plugins import load


@click.command()
@experiment_argument
@timeout_option
@json_option
def watch(*, experiment_id: str, timeout_s: float | None, as_json: bool) -> None:
    """Follow an experiment until it ends: a table on a terminal, a line per change on a pipe.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default. Ctrl-C
    stops the watching, not the experiment. Exit codes as those of `amc submit --wait`.
    """
    experiment = find(experiment_id)
    if not experiment.is_finished and not _is_a_worker_up():
        note("No worker is up: nothing will move until one is. Start them: amc up")
    code = await_end(experiment, console(stderr=as_json), timeout_s)
    if as_json:
        print_json(experiment.to_json())
    sys.exit(code)


def _is_a_worker_up() -> bool:
    queues, connect = load("amc.broker.queues"), load("amc.broker.connection:connect")
    try:
        return any(map(queues.is_trial_queue, queues.live_queues(connect())))
    except redis.RedisError:
        return False
