"""`amc down`: stop this machine's workers."""

import click

from amc.cli.output import note


@click.command()
@click.option(
    "--now",
    "at_once",
    is_flag=True,
    help="Do not wait up to 30 s for trials to be handed back; they go on from their checkpoints.",
)
@click.option(
    "--clean",
    is_flag=True,
    help="Also remove what the fleet has left: logs, passwords, its Redis's files. "
    "Experiments stay.",
)
def down(*, at_once: bool, clean: bool) -> None:
    """Stop this machine's workers, and its Redis if amc started it.

    Experiments that are not finished go on with the next amc up.
    """
    from amc import fleet

    note("Stopped." if fleet.down(at_once=at_once) else "No fleet is up here.")
    if clean:
        fleet.clear()
        note("Removed its logs, passwords and messages. Experiments are still there: amc ls.")
