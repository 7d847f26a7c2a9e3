"""`amc best`: the best trial, or the config that trains it again."""

import click

from amc.cli.options import experiment_argument, json_option
from amc.cli.outcome import print_result
from amc.cli.output import print_json
from amc.client import experiment as find
from amc.errors import AmcError


@click.command()
@experiment_argument
@click.option(
    "--as-config", is_flag=True, help="Print the config that trains the best trial again, as JSON."
)
@json_option
def best(*, experiment_id: str, as_config: bool, as_json: bool) -> None:
    """Show the best trial so far, or its config: amc best --as-config > configs/tuned.json.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default.
    """
    experiment = find(experiment_id)
    trial, config = experiment.best, experiment.best_config
    if trial is None or config is None:
        raise AmcError(f"{experiment.id} is {experiment.state} and no trial was completed yet.")
    if as_config:
        print_json(config.to_json())
    elif as_json:
        print_json(trial.to_json())
    else:
        print_result(experiment, as_json=False)
