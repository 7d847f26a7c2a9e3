"""What version 0.1 wrote, read as decisions and reports: a round is a decision.

    rounds/0007.json          the trials that were suggested together
    rounds/0007.closed.json   what came of them, once all had ended
    trials/0012/result.json   how a trial ended

A trial stood in the record of its round and in one of its own; a result in the trial's record and
in that of the closed round. So one damaged record of these costs nothing but a line in the log.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from amc.errors import LedgerError
from amc.ledger import files
from amc.ledger.paths import ExperimentPaths
from amc.ledger.records import Decision, End, Report, Result, Segment, Trial

_LOG = logging.getLogger(__name__)
Record = TypeVar("Record", Trial, Result)


def config(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """The config of such an experiment, which promised no tests of its winner."""
    search = recorded.get("hyperparameter_optimizer")
    promised = {**search, "test_seeds": 0} if isinstance(search, Mapping) else search
    return {**recorded, "hyperparameter_optimizer": promised}


def decision(paths: ExperimentPaths, number: int) -> Decision | None:
    """The round of this number, or the end after the last one, as a decision; None if neither was.

    Raises:
        LedgerError: a record of it is damaged and its content stands nowhere else.
    """
    trials = _opened(paths, number)
    if trials is None:
        return _end(paths, number)
    record = files.read(paths.experiment) or {}
    horizon = int(record["config"]["training"]["total_timesteps"])
    segments = tuple(Segment(trial.number, 0, 0, horizon, horizon) for trial in trials)
    return Decision(number, _learned(paths, number), trials, segments)


def _end(paths: ExperimentPaths, number: int) -> Decision | None:
    is_after_the_last = number > 0 and files.exists(paths.round(number - 1))
    record = files.read(paths.only_end) if is_after_the_last else None
    if record is None:
        return None
    end = End.from_json(record, paths.only_end)
    return Decision(number, _learned(paths, number), finish=end.state, why=end.error)


def report(paths: ExperimentPaths, trial: int) -> Report | None:
    """How a trial ended, from its own record, if it has one."""
    result = _result(paths, trial)
    return None if result is None else _report(result)


def _learned(paths: ExperimentPaths, number: int) -> tuple[Report, ...]:
    """What the round before came to, which is what a decision of this number had learned."""
    if number == 0:
        return ()
    before = number - 1
    try:
        closed = paths.closed(before)
        results = _rows(files.required(closed), "results", Result, closed)
    except LedgerError as error:
        trials = _opened(paths, before) or ()
        results = _each(trials, partial(_result, paths), error)
    return tuple(map(_report, results))


def _opened(paths: ExperimentPaths, number: int) -> tuple[Trial, ...] | None:
    """The trials of a round; None where there is no such round."""
    path = paths.round(number)
    if not files.exists(path):
        return None
    try:
        return _rows(files.required(path), "trials", Trial, path)
    except LedgerError as error:
        closed = paths.closed(number)
        results = _rows(files.required(closed), "results", Result, closed)
        return _each(
            results, lambda trial: _numbered(Trial, paths.trial(trial).trial, trial), error
        )


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


def _trial(paths: ExperimentPaths, number: int) -> Trial | None:
    return _numbered(Trial, paths.trial(number).trial, number)


def _result(paths: ExperimentPaths, number: int) -> Result | None:
    return _numbered(Result, paths.trial(number).result, number)


def _numbered(kind: type[Record], path: Path, number: int) -> Record | None:
    data = files.read(path)
    if data is None:
        return None
    record = kind.from_json(data, path)
    if record.number != number:
        raise LedgerError(f"{path}: belongs to trial {record.number}, not to {number}.")
    return record


def _report(result: Result) -> Report:
    return Report(
        result.number,
        0,
        result.state,
        step=result.steps,
        score=result.score,
        mean_evaluation=result.mean_evaluation,
        attempt=result.attempt,
        seconds=result.seconds,
        worker=result.worker,
        digest=result.digest,
        checkpoint=result.checkpoint,
        error=result.error,
        environment=result.environment,
        solved_at=result.solved_at,
    )
