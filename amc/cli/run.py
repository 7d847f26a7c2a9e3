"""`amc run`: workers up, submit, watch, result, workers down."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from amc.cli.live import follow
from amc.cli.options import config_options, describe, fleet_options, json_option, read_config
from amc.cli.outcome import await_end, exit_code, print_result
from amc.cli.output import console, note
from amc.client import Experiment
from amc.client import submit as enqueue
from amc.plugins import load


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

    If workers are up already in this shared directory they are used, and left up. Ctrl-C lets the
    trials write a checkpoint; the experiment stays in the ledger and can go on later.
    """
    config = read_config(config_path, overrides, overlays)
    describe(config)
    with _workers(**fleet) as is_ours:
        experiment = enqueue(config)
        note(f"experiment {experiment.id}")
        code = _follow_own(experiment) if is_ours else await_end(experiment, console(stderr=True))
    print_result(experiment, as_json=as_json)
    sys.exit(code)


def _follow_own(experiment: Experiment) -> int:
    try:
        return exit_code(experiment, follow(experiment, console(stderr=True)))
    except KeyboardInterrupt:
        note(
            f"{experiment.id} stays in the ledger: the next amc up or amc run goes on with it, "
            f"amc cancel {experiment.id} ends it."
        )
        raise


@contextmanager
def _workers(
    *, workers: int | None, gpus: tuple[int, ...] | None, fleet_file: Path | None
) -> Iterator[bool]:
    """Workers for as long as the block runs; yields whether they were started for it."""
    fleet = load("amc.fleet")
    is_any_asked_for = (workers, gpus, fleet_file) != (None, None, None)
    if not is_any_asked_for and fleet.status().is_up:
        note("Using the workers that are up; they stay up.")
        yield False
        return
    description = fleet.describe(
        fleet.read(fleet_file, workers=workers, gpus=gpus), fleet.devices()
    )
    is_ours = fleet.up(description, is_tied=True, say=note)
    try:
        yield is_ours
    finally:
        if is_ours:
            _stop(fleet)


def _stop(fleet: Any) -> None:
    note("Stopping the workers, once they have saved what they train (Ctrl-C: at once).")
    try:
        fleet.down()
    except KeyboardInterrupt:
        fleet.down(at_once=True)
        raise
