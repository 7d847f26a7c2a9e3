"""How trials stand at a rung, where they are compared; the rungs are `amc.config.search.rungs`."""

from collections.abc import Sequence
from statistics import fmean

from amc.ledger import History
from amc.ledger.pruning import score_at

# Fewer tell too little of where a trial stands.
LEAST_COMPARED = 5


def standing_height(past: History, trials: Sequence[int], steps: tuple[int, ...]) -> int:
    """The index of the highest rung to which a suggestion's trials were sent."""
    ends = [past.segments[past.of_search(trial)].until for trial in trials]
    return max(next(index for index, step in enumerate(steps) if step >= end) for end in ends)


def is_spared(past: History, trials: Sequence[int]) -> bool:
    """Whether a suggestion was to be halted, and runs on so that wrong halts become known."""
    return any(past.segments[past.of_search(trial)].is_spared for trial in trials)


def score_of(past: History, trial: int, step: int) -> float | None:
    """How a trial stands at a rung; one that was solved before stands there as it ended.

    Returns:
        None if it has not come so far.
    """
    points = past.curve(trial)
    score = score_at(points, step)
    if score is None and points and is_whole(past, trial):
        return score_at(points, points[-1][0])
    return score


def is_whole(past: History, trial: int) -> bool:
    """Whether a trial has ended for good: at its end, or as soon as it was solved."""
    report = past.learned.get((trial, past.last[trial]))
    return report is not None and report.state == "completed" and not past.is_short(trial)


def mean_at(past: History, trials: Sequence[int], step: int) -> float | None:
    """How a suggestion stands at a rung: the mean of those of its trials that came there."""
    scores = [score_of(past, trial, step) for trial in trials]
    known = [score for score in scores if score is not None]
    return fmean(known) if known else None
