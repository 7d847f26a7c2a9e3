"""`amc down`: stop this machine's workers."""

import click

from amc.cli.output import note
from amc.plugins import load


@click.command()
@click.option(
    "--now",
    "at_once",
    is_flag=True,
    help="Do not wait up to 30 s for trials to be handed back; they go on from their checkpoints.",
)
def down(*, at_once: bool) -> None:
    """Stop this machine's workers, and its Redis if amc started it.

    Experiments that are not finished go on with the next amc up.
    """
    if load("amc.fleet:down")(at_once=at_once):
        note("Stopped.")
    else:
        note("No fleet is up here.")
