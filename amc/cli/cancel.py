"""`amc cancel`: stop an experiment."""

import click

from amc.cli.steering import steer, steering
from amc.experiment_view import Experiment


@click.command()
@steering
def cancel(*, experiment_id: str, as_json: bool) -> None:
    """Stop an experiment: running trials end at their next step and keep their checkpoints.

    ID is an experiment's id, a unique beginning of one, or `latest`.
    """
    steer(
        experiment_id,
        as_json=as_json,
        ask=Experiment.cancel,
        told="its trials stop at their next step; their checkpoints stay.",
    )
