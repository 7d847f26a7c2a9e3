"""Which experiments the driver is to look at: its clock asks every two seconds.

Its doors are `Clock` and `unfinished`. It runs in the parent process of a worker, so it folds no
ledger and reads no queue: `advance` says when there is nothing to do, and what that rests on.
"""

import logging
from pathlib import Path

from amc.broker import dispatch, hints
from amc.broker.connection import Client
from amc.errors import LedgerError
from amc.ledger import requests
from amc.ledger.paths import ExperimentPaths

_LOG = logging.getLogger(__name__)
_Looks = tuple[int, ...]


class Clock:
    """Remembers what was seen of each experiment when its driver was last woken."""

    def __init__(self) -> None:
        self._finished: dict[str, _Looks] = {}
        self._woken: dict[str, _Looks] = {}
        self._seen: dict[str, _Looks] = {}

    def due(self, client: Client, shared: Path) -> list[str]:
        """The unfinished experiments for which there may be something to do.

        Not those of which `advance` said that there is nothing, while their directories, the signs
        of life of their trials, the workers and what waits for them are as they were then.
        """
        self._seen = unfinished(shared, self._finished)
        resting = hints.resting(client, self._seen)
        around = dispatch.surroundings(client) if resting else ""
        found = []
        for experiment, looks in self._seen.items():
            trials, signs = resting.get(experiment, ([], ""))
            is_as_it_was = (
                self._woken.get(experiment) == looks
                and signs
                and signs == dispatch.signs(client, experiment, trials, around)
            )
            if not is_as_it_was:
                found.append(experiment)
        return found

    def has_woken(self, experiment: str) -> None:
        """Its driver is about to look at an experiment that was due."""
        self._woken[experiment] = self._seen[experiment]


def unfinished(shared: Path, finished: dict[str, _Looks]) -> dict[str, _Looks]:
    """The experiments that have not ended, and how their directories look.

    Args:
        shared: the directory that holds them all.
        finished: remembers those that have, as they were seen then: a directory that was removed
            and its name used again, or only its inode, is looked at anew, and so is one of which
            more was asked since.
    """
    found = {}
    for directory in shared.iterdir() if shared.is_dir() else ():
        try:
            looks, paths = _looks(directory), ExperimentPaths(directory)
            if directory.name.startswith(".") or finished.get(directory.name) == looks:
                continue
            if requests.is_finished(paths):
                finished[directory.name] = looks
            elif paths.experiment.exists():
                found[directory.name] = looks
        except (OSError, LedgerError) as error:
            # One that cannot be entered hides no other.
            _LOG.debug("the clock passes over %s: %s", directory, error)
    return found


def _looks(directory: Path) -> _Looks:
    status = directory.stat()
    looks = status.st_ino, status.st_mtime_ns, status.st_ctime_ns
    try:
        return *looks, ExperimentPaths(directory).requests.stat().st_mtime_ns
    except FileNotFoundError:
        return looks
