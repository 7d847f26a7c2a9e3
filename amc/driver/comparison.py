"""How trials stand at a rung, where they are compared; the rungs are `amc.config.search.rungs`."""

from collections.abc import Mapping
from statistics import fmean

from amc.ledger import History
from amc.ledger.standing import smoothed

# Fewer tell too little of where a trial stands.
LEAST_COMPARED = 5


def standing_height(past: History, trials: list[int], steps: tuple[int, ...]) -> int:
    """The index of the highest rung to which a suggestion's trials were sent."""
    ends = [past.segments[trial, past.last[trial]].until for trial in trials]
    return max(next(index for index, step in enumerate(steps) if step >= end) for end in ends)


def is_spared(past: History, trials: list[int]) -> bool:
    """Whether a suggestion was to be halted, and runs on so that wrong halts become known."""
    return any(past.segments[trial, past.last[trial]].is_spared for trial in trials)


def best_first(scores: Mapping[int, float | None]) -> list[int]:
    """Those that have a score, the highest first; on a tie the earlier one."""
    known = {number: score for number, score in scores.items() if score is not None}
    return sorted(known, key=lambda number: (-known[number], number))


def score_at(past: History, trial: int, step: int) -> float | None:
    """How a trial stands at a rung: the mean of up to three evaluations until there.

    Returns:
        None if it has not come so far.
    """
    points = past.curve(trial)
    reached = [index for index, (at, _) in enumerate(points) if at >= step]
    if not reached:
        return None
    return smoothed([score for _, score in points[: reached[0] + 1]])


def mean_at(past: History, trials: list[int], step: int) -> float | None:
    """How a suggestion stands at a rung: the mean of those of its trials that came there."""
    scores = [score_at(past, trial, step) for trial in trials]
    known = [score for score in scores if score is not None]
    return fmean(known) if known else None
