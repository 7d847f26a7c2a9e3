"""`amc tensorboard`: TensorBoard on one experiment or on all."""

import click

from amc.cli.interruption import as_ctrl_c
from amc.cli.output import note, say


@click.command()
@click.argument("experiment_id", metavar="[ID]", required=False)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Where it listens on loopback.  [default: 6006, or the next one that is free]",
)
def tensorboard(*, experiment_id: str | None, port: int | None) -> None:
    """Serve TensorBoard on one experiment, or on all of them, until Ctrl-C.

    ID is an experiment's id, a unique beginning of one, or `latest`; without it all are shown.
    Prints the address once the page can be opened.
    """
    from amc.client import experiment as find
    from amc.fleet.tensorboard_program import serve
    from amc.settings import shared_dir

    one = None if experiment_id is None else find(experiment_id).id
    try:
        with as_ctrl_c():
            serve(shared_dir(), port=port, experiment=one, announce=_announce)
    except KeyboardInterrupt:
        note("TensorBoard has ended.")


def _announce(url: str) -> None:
    say(url)
    note("Ctrl-C ends it.")
