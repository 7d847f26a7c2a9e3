"""Which final checkpoints may still be needed; the others may go. Its door is `released`.

Every trial keeps the one of the segment that says how it stands, so that it can be extended, played
and handed out; where the config keeps the best alone (`keep_checkpoints`), trials that have lost do
not (`amc.driver.losers`). What is needed no more is what a trial has gone on from. If it is wanted
all the same, to train a segment once more, it is trained again.
"""

from collections.abc import Collection, Iterable

from amc.config.schema import ExperimentConfig
from amc.driver.losers import losers
from amc.ledger import History, Report, SegmentKey


def released(
    config: ExperimentConfig,
    past: History,
    reports: Collection[Report],
    before: History | None = None,
) -> list[SegmentKey]:
    """The segments whose final checkpoint nothing needs any more.

    Args:
        config: of the experiment.
        past: what is known; nothing in it is fresh.
        reports: what was learned since this was asked before.
        before: what was known then; None to look at every trial.
    """
    passed = {key for report in reports if report.checkpoint for key in _before(past, report)}
    found = {key for key in passed if not _is_wanted(past, key)}
    if config.keep_checkpoints == "best":
        for trial in losers(config, past, reports, before):
            own = {past.standing(trial), (trial, past.last[trial])}
            found |= {key for key in own if not _is_start(past, key)}
    return sorted(found)


def _before(past: History, report: Report) -> Iterable[SegmentKey]:
    """What a segment began from, and its trial's own segment before it, which a fork leaves."""
    segment = past.segments[report.key]
    own = (segment.trial, segment.index - 1) if segment.index else None
    return {key for key in (segment.start, own) if key is not None}


def _is_wanted(past: History, key: SegmentKey) -> bool:
    trial, _ = key
    is_newest = key in {past.standing(trial), (trial, past.last[trial])}
    return is_newest or _is_start(past, key)


def _is_start(past: History, key: SegmentKey) -> bool:
    return any(segment.start == key for segment in past.open.values())
