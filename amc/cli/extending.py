"""`amc extend`, `add-trial` and `retry-failed`: more of an experiment that is recorded already."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import click

from amc.cli.options import COUNT, assignments, experiment_id, json_option
from amc.cli.outcome import print_state, tell_of_no_worker
from amc.cli.output import note
from amc.client import experiment as find
from amc.continuing import Heard
from amc.errors import UsageError
from amc.experiment_view import Experiment


def _id_and_json(function: Callable[..., Any]) -> Callable[..., Any]:
    return experiment_id(json_option(function))


@click.command()
@click.option("--calls", type=COUNT, metavar="N", help="So many more trials of the search.")
@click.option(
    "--timesteps",
    type=COUNT,
    metavar="N",
    help="Train until step N in all: the winner, on all of its seeds, unless said.",
)
@click.option("--trial", type=click.IntRange(min=0), metavar="N", help="Train this trial longer.")
@click.option("--all", "is_all", is_flag=True, help="Train every completed trial longer.")
@click.option(
    "--max-timesteps", type=COUNT, metavar="N", help="Raise the limit on steps over all trials."
)
@click.option(
    "--max-hours", type=click.FloatRange(min=0), metavar="H", help="Raise the limit on time."
)
@_id_and_json
def extend(
    *,
    experiment_id: str,
    calls: int | None,
    timesteps: int | None,
    trial: int | None,
    is_all: bool,
    max_timesteps: int | None,
    max_hours: float | None,
    as_json: bool,
) -> None:
    """Go on with a search, or train its best trial for longer.

    While an experiment runs, or after it has ended: amc extend cartpole-1 --calls 20. Longer
    training begins once nothing else is left; whether it is as one training of that length would
    have been is said. ID is an experiment's id, a unique beginning of one, or `latest`.
    """
    if (trial is not None or is_all) and timesteps is None:
        raise UsageError(
            "--trial, --all: they say who is trained longer. Say how long: --timesteps N"
        )
    if trial is not None and is_all:
        raise UsageError("--trial, --all: one of the two says who is trained longer. Give one.")
    whose: int | Literal["winner", "all"] = "all" if is_all else "winner"
    _tell(
        experiment_id,
        as_json,
        lambda experiment: experiment.extend(
            calls=calls,
            timesteps=timesteps,
            trial=whose if trial is None else trial,
            max_timesteps=max_timesteps,
            max_hours=max_hours,
        ),
    )


@click.command("add-trial")
@assignments("A hyperparameter of the trial, for example learning_rate=0.001; repeatable.")
@_id_and_json
def add_trial(*, experiment_id: str, overrides: Mapping[str, Any], as_json: bool) -> None:
    """Add a trial of your own to a search, beyond its number of calls.

    What --set does not name keeps its value in the config. The search learns from it. ID is an
    experiment's id, a unique beginning of one, or `latest`.
    """
    _tell(experiment_id, as_json, lambda experiment: experiment.add_trial(overrides))


@click.command("retry-failed")
@_id_and_json
def retry_failed(*, experiment_id: str, as_json: bool) -> None:
    """Try the failed trials of an experiment once more, each on a new seed.

    ID is an experiment's id, a unique beginning of one, or `latest`.
    """
    _tell(experiment_id, as_json, Experiment.retry_failed)


def _tell(experiment_id: str, as_json: bool, ask: Callable[[Experiment], Heard]) -> None:
    experiment = find(experiment_id)
    heard = ask(experiment)
    for sentence in heard.told:
        note(f"{experiment.id}: {sentence}")
    if experiment.state == "paused":
        note(f"{experiment.id}: it is paused; amc resume goes on with it.")
    if heard.by_broker:
        tell_of_no_worker()
    else:
        note(f"{experiment.id}: recorded. No broker answers; the next workers go on with it.")
    print_state(experiment, as_json=as_json)
