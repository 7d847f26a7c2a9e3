"""The ledger: one experiment's directory, the source of truth.

Everything here may be called from several processes and machines at once: a record that may exist
only once is created, never overwritten, and the caller learns whether it was first.
"""

import os
import platform
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.errors import LedgerError
from amc.ledger import files
from amc.ledger.history import History, Round
from amc.ledger.paths import ExperimentPaths
from amc.ledger.records import Attempt, AttemptEnd, ExperimentState, Result, Trial
from amc.version import VERSION

_RECORDED_VERSIONS = (
    *("celery", "redis", "torch", "numpy", "gymnasium", "mujoco", "envpool"),
    *("bayesian-optimization", "scikit-learn", "scipy"),
)


class Ledger:
    """One experiment's records.

    Args:
        directory: `<shared_dir>/<experiment id>`; it must hold an experiment.json.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.id = directory.name
        self.paths = ExperimentPaths(directory)

    # -- the experiment

    @classmethod
    def create(cls, shared: Path, config: ExperimentConfig) -> "Ledger":
        """Make a new experiment, named `<experiment_name>-<n>` with the first free n.

        The directory appears whole or not at all: it is filled under another name and renamed.
        """
        shared.mkdir(parents=True, exist_ok=True)
        staging = shared / f".new-{os.getpid()}-{time.monotonic_ns()}"
        number = 1
        while True:
            target = shared / f"{config.experiment_name}-{number}"
            if not target.exists():
                _stage(staging, _experiment_record(target.name, config))
                if _renamed(staging, target):
                    return cls(target)
            number += 1

    @cached_property
    def record(self) -> dict[str, Any]:
        """experiment.json.

        Raises:
            LedgerError: there is no experiment in this directory.
        """
        record = files.read(self.paths.experiment)
        if record is None:
            raise LedgerError(f"{self.directory}: no experiment here (no experiment.json).")
        return record

    @cached_property
    def config(self) -> ExperimentConfig:
        """The config as it was resolved when the experiment was submitted."""
        # Accepted once: another machine's memory or allow-list does not make it wrong.
        source = str(self.paths.experiment)
        return ConfigLoader().from_mapping(self.record["config"], source=source, accepted=True)

    @property
    def state(self) -> ExperimentState:
        """Where the experiment stands."""
        end = files.read(self.paths.end)
        if end is not None:
            state: ExperimentState = end["state"]
            return state
        if self.paths.cancelled.exists():
            return "cancelled"
        return "paused" if self.paths.paused.exists() else "running"

    @property
    def is_finished(self) -> bool:
        """Whether nothing will happen any more."""
        return self.paths.end.exists()

    def finish(self, state: ExperimentState, error: str | None = None) -> bool:
        """Record how the experiment ended; only the first call counts."""
        return files.create(
            self.paths.end, {"state": state, "error": error, "finished": time.time()}
        )

    @property
    def end(self) -> dict[str, Any] | None:
        """`state`, `error` and `finished` (Unix time) of a finished experiment."""
        return files.read(self.paths.end)

    def mark_cancelled(self) -> None:
        """Ask for the end: no new trial, running ones stop at the next step."""
        self.paths.cancelled.touch()

    def mark_paused(self, paused: bool) -> None:
        """Ask for a halt, or take that back."""
        if paused:
            self.paths.paused.touch()
        else:
            self.paths.paused.unlink(missing_ok=True)

    # -- rounds

    def open_round(self, number: int, trials: Sequence[Trial]) -> bool:
        """Record the trials of a round, before any is dispatched; the first writer wins."""
        created = files.create(
            self.paths.round(number),
            {"round": number, "trials": [asdict(trial) for trial in trials]},
        )
        if created:
            for trial in trials:
                files.create(self.paths.trial(trial.number).trial, asdict(trial), sync=False)
        return created

    def close_round(self, item: Round) -> bool:
        """Record what came of a round; history is the concatenation of these."""
        rows = [asdict(item.results[trial.number]) for trial in item.trials]
        return files.create(self.paths.closed(item.number), {"round": item.number, "results": rows})

    def history(self) -> History:
        """Every round so far. Closed rounds are immutable and read from disk once per process."""
        rounds: list[Round] = []
        while (item := self._round(len(rounds))) is not None:
            rounds.append(item)
        return History(
            tuple(rounds),
            is_cancelled=self.paths.cancelled.exists(),
            is_paused=self.paths.paused.exists(),
        )

    def _round(self, number: int) -> Round | None:
        closed = _closed_round(self.directory, number)
        if closed is not None:
            return closed
        opened = files.read(self.paths.round(number))
        if opened is None:
            return None
        trials = tuple(Trial.from_json(row) for row in opened["trials"])
        found = ((trial.number, self.result(trial.number)) for trial in trials)
        return Round(number, trials, {key: result for key, result in found if result is not None})

    # -- trials

    def trial(self, number: int) -> Trial:
        """A trial's own record.

        Raises:
            LedgerError: the experiment has no trial of that number.
        """
        record = files.read(self.paths.trial(number).trial)
        if record is not None:
            return Trial.from_json(record)
        # The writer of the round died before it wrote this copy.
        for trial in self.history().trials:
            if trial.number == number:
                return trial
        raise LedgerError(f"{self.id}: there is no trial {number}.")

    def result(self, number: int) -> Result | None:
        """How a trial ended; None while it has not."""
        record = files.read(self.paths.trial(number).result)
        return None if record is None else Result.from_json(record)

    def write_result(self, result: Result) -> bool:
        """Record the end of a trial; the first writer wins."""
        return files.create(self.paths.trial(result.number).result, asdict(result))

    # -- attempts

    def claim_attempt(self, trial: int, *, worker: str, queue: str, host: str) -> Attempt:
        """Record that somebody tries; the number of the attempt is the fencing token."""
        number = len(self.attempts(trial)) + 1
        while True:
            attempt = Attempt(number, worker, queue, host, started=time.time())
            data = {key: value for key, value in asdict(attempt).items() if key != "end"}
            if files.create(self.paths.trial(trial).attempt(number), data, sync=False):
                return attempt
            number += 1

    def end_attempt(self, trial: int, number: int, end: AttemptEnd) -> None:
        """Record how an attempt ended."""
        files.create(self.paths.trial(trial).attempt_end(number), asdict(end), sync=False)

    def attempts(self, trial: int) -> list[Attempt]:
        """Every attempt at a trial, in order."""
        paths = self.paths.trial(trial)
        found: list[Attempt] = []
        while (data := files.read(paths.attempt(len(found) + 1))) is not None:
            end = files.read(paths.attempt_end(len(found) + 1))
            data["end"] = None if end is None else AttemptEnd.from_json(end)
            found.append(Attempt.from_json(data))
        return found


@lru_cache(maxsize=100_000)
def _read_closed_round(directory: Path, number: int, inode: int) -> Round:
    paths = ExperimentPaths(directory)
    opened, closed = files.read(paths.round(number)), files.read(paths.closed(number))
    if opened is None or closed is None:
        raise LedgerError(f"{directory}: round {number} is closed but its records are gone.")
    trials = tuple(Trial.from_json(row) for row in opened["trials"])
    results = {row["number"]: Result.from_json(row) for row in closed["results"]}
    return Round(number, trials, results, is_closed=True)


def _closed_round(directory: Path, number: int) -> Round | None:
    # The inode is part of the cache's key: an experiment deleted and made again under the same name
    # must not be answered from the cache.
    try:
        inode = ExperimentPaths(directory).closed(number).stat().st_ino
    except FileNotFoundError:
        return None
    return _read_closed_round(directory, number, inode)


def _stage(staging: Path, record: dict[str, Any]) -> None:
    try:
        files.create(staging / "experiment.json", record)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _renamed(staging: Path, target: Path) -> bool:
    try:
        staging.rename(target)
    except OSError:
        # Somebody else took the name between the look and the rename.
        if not target.exists():
            raise
        shutil.rmtree(staging)
        return False
    return True


def _experiment_record(experiment_id: str, config: ExperimentConfig) -> dict[str, Any]:
    return {
        "experiment_id": experiment_id,
        "created": time.time(),
        "config": config.to_json(),
        "versions": {"amc": VERSION, "python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _RECORDED_VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def ledgers(shared: Path) -> list[Ledger]:
    """Every experiment below a shared directory, newest first; those that cannot be read last."""
    try:
        found = [entry for entry in shared.iterdir() if (entry / "experiment.json").exists()]
    except FileNotFoundError:
        return []
    return sorted(map(Ledger, found), key=_created, reverse=True)


def _created(ledger: Ledger) -> float:
    # One damaged directory must not hide the others.
    try:
        return float(ledger.record["created"])
    except (LedgerError, KeyError, TypeError, ValueError):
        return 0.0
