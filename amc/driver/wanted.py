"""Which final checkpoints may still be needed; the others may go. Its door is `released`.

Every trial keeps the one of the segment that says how it stands, so that it can be extended, played
and handed out. What is needed no more is what a trial has gone on from. If it is wanted all the
same, to train a segment once more, it is trained again.
"""

from collections.abc import Iterable

from amc.ledger import History, Report, SegmentKey


def released(past: History, reports: Iterable[Report]) -> list[SegmentKey]:
    """The segments whose final checkpoint nothing can start from any more.

    Args:
        past: what is known; nothing in it is fresh.
        reports: what was learned since this was asked before.
    """
    passed = {key for report in reports if report.checkpoint for key in _before(past, report)}
    return sorted(key for key in passed if not _is_wanted(past, key))


def _before(past: History, report: Report) -> Iterable[SegmentKey]:
    """What a segment began from, and its trial's own segment before it, which a fork leaves."""
    segment = past.segments[report.key]
    own = (segment.trial, segment.index - 1) if segment.index else None
    return {key for key in (segment.start, own) if key is not None}


def _is_wanted(past: History, key: SegmentKey) -> bool:
    trial, _ = key
    is_newest = key in {past.standing(trial), (trial, past.last[trial])}
    return is_newest or any(segment.start == key for segment in past.open.values())
