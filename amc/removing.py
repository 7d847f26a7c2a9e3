"""Removing experiments: who may go, and taking with them what Redis knows of them.

Its doors are `require_idle` and `remove`.
"""

import redis

from amc.broker import hints, leases
from amc.broker.connection import connect
from amc.errors import LedgerError, UsageError
from amc.experiment_view import Experiment
from amc.ledger import removal
from amc.ledger.paths import ExperimentPaths


def require_idle(experiment: Experiment) -> None:
    """Refuse what runs, or may go on.

    What was cancelled may go once no worker is at it, whether or not a driver has seen to its end.

    Raises:
        UsageError: it runs, or is paused; or its directory is a link.
    """
    removal.require_own(experiment.directory)
    try:
        goes_on = not experiment.is_finished and experiment.state != "cancelled"
    except LedgerError:
        goes_on = False  # nobody can go on with what cannot be read
    if goes_on:
        raise UsageError(
            f"{experiment.id}: is {experiment.state}, so it is not removed. "
            f"Cancel it first: amc cancel {experiment.id}"
        )
    if at_work := _workers(experiment):
        raise UsageError(
            f"{experiment.id}: {', '.join(at_work)} still works at it. "
            "It stops at its next step; try again in some seconds."
        )


def _workers(experiment: Experiment) -> list[str]:
    numbers = ExperimentPaths(experiment.directory).trial_numbers()
    try:
        held = leases.holders(connect(), experiment.id, numbers) if numbers else {}
    except redis.RedisError:
        return []  # whoever is at it all the same notices that it is gone, and stops
    return sorted({holder.name for holder in held.values()})


def remove(experiment: Experiment) -> None:
    """Remove an idle experiment: its directory, and its hints.

    Raises:
        UsageError: as `require_idle`.
        LedgerError: something in it cannot be removed.
    """
    require_idle(experiment)
    numbers = ExperimentPaths(experiment.directory).trial_numbers()
    removal.remove(experiment.directory)
    try:
        hints.forget(connect(), experiment.id, numbers)
    except redis.RedisError:
        return  # they end by themselves
