"""`amc up`: start this machine's workers."""

from pathlib import Path
from typing import Any

import click

from amc.cli.options import fleet_options, json_option
from amc.cli.output import note, print_json
from amc.plugins import load

_port = click.IntRange(1, 65535)


@click.command()
@fleet_options
@click.option("--flower", is_flag=True, help="Also start Flower, a page about tasks and workers.")
@click.option("--flower-port", type=_port, default=5555, show_default=True)
@click.option("--tensorboard", is_flag=True, help="Also start TensorBoard.")
@click.option("--tensorboard-port", type=_port, default=6006, show_default=True)
@click.option("--foreground", is_flag=True, help="Stay until Ctrl-C or SIGTERM.")
@click.option(
    "--timeout",
    "deadline_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="How long the workers may take to report.",
)
@json_option
def up(*, foreground: bool, deadline_s: float, as_json: bool, **wanted: Any) -> None:
    """Start this machine's workers, and a Redis if AMC_BROKER_URL names none.

    Returns when every worker has reported. What dies is started again; amc down stops everything.
    """
    description = _describe(**wanted)
    if description.is_on_cpu:
        note("The workers train on the CPU.")
    if foreground:
        load("amc.fleet:stay")(description)
        return
    is_new = load("amc.fleet:up")(description, deadline_s=deadline_s, say=note)
    if is_new and description.flower_port is not None:
        note(load("amc.fleet:flower_invitation")(description.flower_port))
    status = load("amc.fleet:status")()
    if as_json:
        print_json(status.to_json())
    else:
        click.echo(f"{'Up' if is_new else 'Already up'}: {description}. Broker: {status.broker}")


def _describe(
    *,
    workers: int | None,
    gpus: tuple[int, ...] | None,
    fleet_file: Path | None,
    flower: bool,
    flower_port: int,
    tensorboard: bool,
    tensorboard_port: int,
) -> Any:
    fleet = load("amc.fleet")
    return fleet.describe(
        fleet.read(fleet_file, workers=workers, gpus=gpus),
        fleet.devices(),
        flower_port=flower_port if flower else None,
        tensorboard_port=tensorboard_port if tensorboard else None,
    )
