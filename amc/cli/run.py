"""`amc run`: workers up, submit, watch, result, workers down."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amc.cli.interruption import as_ctrl_c
from amc.cli.live import follow
from amc.cli.options import (
    config_options,
    describe,
    describe_known,
    fleet_options,
    json_option,
    read_config,
)
from amc.cli.outcome import await_end, exit_code, print_result, tell_of_narrow_window
from amc.cli.output import console, note
from amc.client import submit as enqueue
from amc.errors import BrokerError
from amc.experiment_view import Experiment

if TYPE_CHECKING:
    from amc.fleet import Description


@click.command()
@config_options
@fleet_options
@json_option
def run(
    *,
    config_path: Path,
    overrides: Mapping[str, Any],
    overlays: tuple[Path, ...],
    as_json: bool,
    **fleet: Any,
) -> None:
    """Train CONFIG here: start workers, submit, show the trials, print the best, stop the workers.

    If workers are up already in this shared directory they are used, and left up. Ctrl-C, SIGTERM,
    SIGHUP or SIGQUIT let the trials write a checkpoint; the experiment stays in the ledger and can
    go on later.
    """
    config = read_config(config_path, overrides, overlays)
    describe(config)
    with as_ctrl_c(), _workers(**fleet) as keep_up:
        experiment = enqueue(config)
        note(f"experiment {experiment.id}")
        describe_known(experiment.config)
        tell_of_narrow_window(config)
        if keep_up is None:
            code = await_end(experiment, console(stderr=True))
        else:
            code = _follow_own(experiment, keep_up)
    print_result(experiment, as_json=as_json)
    sys.exit(code)


def _follow_own(experiment: Experiment, keep_up: Callable[[], None]) -> int:
    view = console(stderr=True)
    try:
        return exit_code(experiment, follow(experiment, view, at_each_look=keep_up))
    except (KeyboardInterrupt, BrokerError):
        note(
            f"{experiment.id} stays in the ledger: the next amc up or amc run goes on with it, "
            f"amc cancel {experiment.id} ends it."
        )
        raise


@contextmanager
def _workers(
    *, workers: int | None, gpus: tuple[int, ...] | None, fleet_file: Path | None
) -> Iterator[Callable[[], None] | None]:
    """Workers for as long as the block runs.

    Yields:
        What keeps them up, to be called now and then; None if they are not ours.
    """
    from amc import fleet

    is_any_asked_for = (workers, gpus, fleet_file) != (None, None, None)
    if not is_any_asked_for and fleet.status().is_up:
        note("Using the workers that are up; they stay up.")
        yield None
        return
    description = fleet.describe(
        fleet.read(fleet_file, workers=workers, gpus=gpus), fleet.devices()
    )
    is_ours = fleet.up(description, is_tied=True, say=note)
    try:
        yield partial(_keep_up, description) if is_ours else None
    finally:
        if is_ours:
            _stop()


def _keep_up(description: "Description") -> None:
    """Start a fleet again whose supervisor was killed; one that was stopped stays down.

    Raises:
        BrokerError: it was stopped, or cannot be started again.
    """
    from amc import fleet

    standing = fleet.standing()
    if standing == "killed":
        note("The workers' supervisor was killed; starting everything again.")
        fleet.up(description, is_tied=True, say=note)
    elif standing == "down":
        raise BrokerError("The workers were stopped, by amc down or a signal.")


def _stop() -> None:
    from amc import fleet

    note("Stopping the workers, once they have saved what they train (once more: at once).")
    try:
        fleet.down()
    except KeyboardInterrupt:
        fleet.down(at_once=True)
        raise
