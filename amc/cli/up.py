"""`amc up`: start this machine's workers."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from amc.cli.interruption import as_ctrl_c
from amc.cli.options import fleet_options, json_option
from amc.cli.output import note, print_json, say

if TYPE_CHECKING:
    from amc.fleet import Description

_port = click.IntRange(1, 65535)


@click.command()
@fleet_options
@click.option("--flower", is_flag=True, help="Also start Flower, a page about tasks and workers.")
@click.option("--flower-port", type=_port, default=5555, show_default=True)
@click.option("--tensorboard", is_flag=True, help="Also start TensorBoard.")
@click.option("--tensorboard-port", type=_port, default=6006, show_default=True)
@click.option("--jupyter", is_flag=True, help="Also start Jupyter Lab on this directory.")
@click.option("--jupyter-port", type=_port, default=8080, show_default=True)
@click.option("--foreground", is_flag=True, help="Stay until Ctrl-C or SIGTERM.")
@click.option(
    "--if-down", is_flag=True, help="Leave a fleet that is up as it is, whatever it consists of."
)
@click.option(
    "--timeout",
    "deadline_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="How long workers that have not reported yet may do nothing.",
)
@json_option
def up(*, foreground: bool, if_down: bool, deadline_s: float, as_json: bool, **wanted: Any) -> None:
    """Start this machine's workers, and a Redis if AMC_BROKER_URL names none.

    Returns when every worker has reported. What dies is started again; amc down stops everything.
    """
    from amc import fleet
    from amc.fleet.ahead import Ahead

    # What workers need takes longest to import, so that begins first.
    with nullcontext() if foreground else Ahead.unless_up() or nullcontext() as ahead:
        if if_down and fleet.standing() == "up":
            note("Using the workers that are up: amc status shows them.")
            if as_json:
                print_json(fleet.status().to_json())
            return
        description = _describe(**wanted)
        if description.is_on_cpu:
            note("The workers train on the CPU.")
        if foreground:
            fleet.stay(description)
            return
        with as_ctrl_c():
            is_new = fleet.up(description, deadline_s=deadline_s, ahead=ahead, say=note)
    _invite(description)
    status = fleet.status()
    if as_json:
        print_json(status.to_json())
    else:
        say(f"{'Up' if is_new else 'Already up'}: {description}. Broker: {status.broker}")


def _invite(description: "Description") -> None:
    """Say where the dashboards are, and how to log in."""
    from amc import fleet

    if description.flower_port is not None:
        note(fleet.flower_invitation(description.flower_port))
    if description.tensorboard_port is not None:
        note(f"TensorBoard: http://127.0.0.1:{description.tensorboard_port}/#custom_scalars")
    if description.jupyter_port is not None:
        note(fleet.jupyter_invitation(description.jupyter_port))


def _describe(
    *,
    workers: int | None,
    gpus: tuple[int, ...] | None,
    fleet_file: Path | None,
    flower: bool,
    flower_port: int,
    tensorboard: bool,
    tensorboard_port: int,
    jupyter: bool,
    jupyter_port: int,
) -> "Description":
    from amc import fleet

    return fleet.describe(
        fleet.read(fleet_file, workers=workers, gpus=gpus),
        fleet.devices(),
        flower_port=flower_port if flower else None,
        tensorboard_port=tensorboard_port if tensorboard else None,
        jupyter_port=jupyter_port if jupyter else None,
    )
