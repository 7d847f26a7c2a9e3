"""The log of decisions: numbered without a gap, each written once, by whoever is first.

Every decision is written twice, so that one damaged record costs nothing but a line in the log.
"""

import logging
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

from amc.errors import LedgerError
from amc.ledger import files, format1, snapshots
from amc.ledger.history import History
from amc.ledger.paths import ExperimentPaths
from amc.ledger.records import Decision, Segment, Trial
from amc.version import VERSION

_LOG = logging.getLogger(__name__)
# Experiments whose logs are kept folded: a driver looks at all that are not finished in turn.
_REMEMBERED = 256
_folded: OrderedDict[tuple[Path, str], History] = OrderedDict()


def read(paths: ExperimentPaths, number: int) -> Decision | None:
    """A decision; None where it was not made yet.

    Raises:
        LedgerError: its record is damaged or gone, and so is the copy.
    """
    path = paths.decision(number)
    fault = None
    try:
        found = _read(path, number)
    except LedgerError as error:
        found, fault = None, error
    if found is None:
        found = read_copy(paths, number)
        if found is not None:
            _LOG.warning("%s Read from its copy.", fault or f"{path}: is gone.")
        elif fault is not None:
            raise fault
    found = found or format1.decision(paths, number)
    if found is None and files.exists(paths.decision(number + 1)):
        raise LedgerError(f"{path}: is gone, though later decisions are there.")
    return found


def read_copy(paths: ExperimentPaths, number: int) -> Decision | None:
    """The copy of a decision; None where there is none, as after a power cut: it is not synced.

    Raises:
        LedgerError: it is damaged.
    """
    return _read(paths.decision_copy(number), number)


def fold(paths: ExperimentPaths, identity: str) -> History:
    """Every decision so far, folded; those that were read before are not read again.

    Args:
        paths: of the experiment.
        identity: of the experiment; what is remembered is remembered under it.

    Raises:
        LedgerError: a decision is damaged, or does not follow from those before it.
    """
    key = paths.directory, identity
    past = _folded.get(key, History())
    news: list[Decision] = []
    while found := _next(paths, past.decisions + len(news)):
        news.extend(found)
    if news:
        past = past.after(*news)
    _folded[key] = past
    _folded.move_to_end(key)
    if len(_folded) > _REMEMBERED:
        _folded.popitem(last=False)
    return past


def _next(paths: ExperimentPaths, number: int) -> list[Decision]:
    """A page of decisions from this one on, or this one alone; empty where it was not made yet."""
    if page := snapshots.read(paths, number):
        return page
    decision = read(paths, number)
    return [] if decision is None else [decision]


def append(paths: ExperimentPaths, decision: Decision) -> bool:
    """Record the next decision, and which version of amc made it.

    Returns:
        True if it is this one; False if somebody else's was first.
    """
    data = replace(decision, amc=VERSION).to_json()
    if not files.create(paths.decision(decision.number), data, compact=True, point="decision"):
        return False
    copy = paths.decision_copy(decision.number)
    files.create(copy, data, compact=True, sync=False, point="decision-copy")
    trials = {trial.number: trial for trial in decision.trials}
    for segment in decision.segments:
        _copy(paths, segment, trials.get(segment.trial))
    if (decision.number + 1) % snapshots.PAGE == 0:
        _snapshot(paths, decision.number + 1 - snapshots.PAGE)
    return True


def _snapshot(paths: ExperimentPaths, first: int) -> None:
    found = (read(paths, number) for number in range(first, first + snapshots.PAGE))
    snapshots.write(paths, [decision for decision in found if decision is not None])


def _copy(paths: ExperimentPaths, segment: Segment, trial: Trial | None) -> None:
    """What the log says of a segment, where its files lie, for whoever looks there."""
    own = paths.trial(segment.trial)
    if trial is not None:
        data = {**trial.to_json(), "segment": segment.to_json()}
        files.create(own.trial, data, sync=False, point="trial")
    else:
        path = own.segment(segment.index).segment
        files.create(path, segment.to_json(), sync=False, point="segment")


def _read(path: Path, number: int) -> Decision | None:
    data = files.read(path)
    if data is None:
        return None
    decision = Decision.from_json(data, path)
    if decision.number != number:
        raise LedgerError(f"{path}: is decision {decision.number}, not {number}.")
    return decision
