"""`amc pause`, `resume` and `cancel`: ask for something, and tell what becomes of it."""

from collections.abc import Callable
from typing import Any

import click

from amc.cli.options import experiment_id, json_option
from amc.cli.outcome import print_state, tell_of_no_worker
from amc.cli.output import note
from amc.client import experiment as find
from amc.errors import UsageError
from amc.experiment_view import Experiment


def _steering(function: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments of a steering command."""
    return experiment_id(json_option(function))


@click.command()
@_steering
def pause(*, experiment_id: str, as_json: bool) -> None:
    """Halt an experiment: running trials save and stop, and none starts until `amc resume`.

    ID is an experiment's id, a unique beginning of one, or `latest`.
    """
    _steer(
        experiment_id,
        as_json=as_json,
        ask=Experiment.pause,
        told="its trials save and stop; amc resume goes on with them.",
        told_of_whole="its trials stop; amc resume begins them again from nothing, for their "
        "trainer does not go on from a checkpoint (resumable).",
    )


@click.command()
@_steering
def resume(*, experiment_id: str, as_json: bool) -> None:
    """Go on with a paused experiment, or with one whose workers were lost.

    ID is an experiment's id, a unique beginning of one, or `latest`.
    """
    _steer(experiment_id, as_json=as_json, ask=Experiment.resume, told="goes on.")


@click.command()
@_steering
def cancel(*, experiment_id: str, as_json: bool) -> None:
    """Stop an experiment: running trials end at their next step and keep their checkpoints.

    ID is an experiment's id, a unique beginning of one, or `latest`.
    """
    _steer(
        experiment_id,
        as_json=as_json,
        ask=Experiment.cancel,
        told="its trials stop at their next step; their checkpoints stay.",
        told_of_whole="its trials stop.",
    )


def _steer(
    experiment_id: str,
    *,
    as_json: bool,
    ask: Callable[[Experiment], bool],
    told: str,
    told_of_whole: str | None = None,
) -> None:
    """Ask something of an experiment.

    Args:
        experiment_id: as the user wrote it.
        as_json: print the whole experiment instead of its state.
        ask: returns whether a broker carried the news.
        told: what happens now.
        told_of_whole: what happens instead where a trainer cannot go on from a checkpoint.

    Raises:
        UsageError: it has ended or is about to, so that what is asked cannot be.
    """
    experiment = find(experiment_id)
    state, is_cancel = experiment.state, ask == Experiment.cancel
    if experiment.is_finished and not (is_cancel and state == "cancelled"):
        raise UsageError(f"{experiment.id} has ended already: {state}. Nothing was changed.")
    if state == "cancelled" and not is_cancel:
        raise UsageError(f"{experiment.id} was cancelled, which cannot be taken back.")
    if experiment.is_finished:
        note(f"{experiment.id} has ended already: {state}.")
    elif ask(experiment):
        is_whole = told_of_whole is not None and not experiment.config.is_segmented
        note(f"{experiment.id}: {told_of_whole if is_whole else told}")
        if ask == Experiment.resume:
            tell_of_no_worker()
    else:
        # The ledger has it, and that is what workers read when there are any.
        note(f"{experiment.id}: recorded. No broker answers, so no worker of it can be running.")
    print_state(experiment, as_json=as_json)
