"""Reading rounds: from their own records, or from where the same content stands once more.

A trial stands in the record of its round and in one of its own; a result in the trial's record and
in that of the closed round. So one damaged record of these costs nothing but a line in the log.
"""

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from amc.errors import LedgerError
from amc.ledger import files
from amc.ledger.history import Round
from amc.ledger.paths import ExperimentPaths
from amc.ledger.records import Result, Trial

_LOG = logging.getLogger(__name__)
Record = TypeVar("Record", Trial, Result)


def read_round(paths: ExperimentPaths, number: int, identity: str) -> Round | None:
    """A round, or None where it was not opened yet.

    Args:
        paths: of the experiment.
        number: of the round.
        identity: of the experiment; closed rounds never change and are remembered under it.

    Raises:
        LedgerError: a record of it is damaged and its content stands nowhere else.
    """
    if files.exists(paths.closed(number)):
        return _closed_round(paths.directory, number, identity)
    path = paths.round(number)
    opened = files.read(path)
    if opened is None:
        return None
    trials = _rows(opened, "trials", Trial, path)
    found = ((trial.number, read_result(paths, trial.number)) for trial in trials)
    return Round(number, trials, {key: result for key, result in found if result is not None})


def read_trial(paths: ExperimentPaths, number: int) -> Trial | None:
    """A trial's own record, if it has one."""
    return _numbered(Trial, paths.trial(number).trial, number)


def read_result(paths: ExperimentPaths, number: int) -> Result | None:
    """A trial's result from its own record, if it has one."""
    return _numbered(Result, paths.trial(number).result, number)


def _numbered(kind: type[Record], path: Path, number: int) -> Record | None:
    data = files.read(path)
    if data is None:
        return None
    record = kind.from_json(data, path)
    if record.number != number:
        raise LedgerError(f"{path}: belongs to trial {record.number}, not to {number}.")
    return record


@lru_cache(maxsize=100_000)
def _closed_round(directory: Path, number: int, identity: str) -> Round:
    paths = ExperimentPaths(directory)
    opened, closed = paths.round(number), paths.closed(number)
    try:
        results = _rows(_required(closed), "results", Result, closed)
    except LedgerError as error:
        trials = _rows(_required(opened), "trials", Trial, opened)
        results = _each(trials, lambda number: read_result(paths, number), error)
        return _joined(number, trials, results)
    try:
        trials = _rows(_required(opened), "trials", Trial, opened)
    except LedgerError as error:
        trials = _each(results, lambda number: read_trial(paths, number), error)
    return _joined(number, trials, results)


def _joined(number: int, trials: tuple[Trial, ...], results: tuple[Result, ...]) -> Round:
    return Round(number, trials, {result.number: result for result in results}, is_closed=True)


def _required(path: Path) -> dict[str, object]:
    data = files.read(path)
    if data is None:
        raise LedgerError(f"{path}: is gone, though its round is closed.")
    return data


def _rows(data: dict[str, object], key: str, kind: type[Record], path: Path) -> tuple[Record, ...]:
    rows = data.get(key)
    if not isinstance(rows, list):
        raise LedgerError(f"{path}: not a record of the ledger ({key}: no list).")
    return tuple(kind.from_json(row, path) for row in rows)


def _each(
    known: tuple[Trial, ...] | tuple[Result, ...],
    read: Callable[[int], Record | None],
    error: LedgerError,
) -> tuple[Record, ...]:
    """What a damaged record held, from the record of each trial; all of them, or it is not known.

    Raises:
        LedgerError: the error that led here, since a trial's record is missing.
    """
    found = [record for item in known if (record := read(item.number)) is not None]
    if len(found) < len(known):
        raise error
    _LOG.warning("%s Read from the trials' own records.", error)
    return tuple(found)
