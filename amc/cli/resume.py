"""`amc resume`: go on with a paused experiment, or with one whose workers were lost."""

import click

from amc.cli.steering import steer, steering
from amc.experiment_view import Experiment


@click.command()
@steering
def resume(*, experiment_id: str, as_json: bool) -> None:
    """Go on with a paused experiment, or with one whose workers were lost.

    ID is an experiment's id, a unique beginning of one, or `latest`.
    """
    steer(experiment_id, as_json=as_json, ask=Experiment.resume, told="goes on.")
