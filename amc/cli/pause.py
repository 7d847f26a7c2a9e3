"""`amc pause`: halt an experiment."""

import click

from amc.cli.steering import steer, steering
from amc.experiment_view import Experiment


@click.command()
@steering
def pause(*, experiment_id: str, as_json: bool) -> None:
    """Halt an experiment: running trials save and stop, and none starts until `amc resume`.

    ID is an experiment's id, a unique beginning of one, or `latest`.
    """
    steer(
        experiment_id,
        as_json=as_json,
        ask=Experiment.pause,
        told="its trials save and stop; amc resume goes on with them.",
    )
