"""Reference versions of the pruning policies, which the ones of `amc.driver` are compared with.

Each is a pure function: from what is known of the trials so far, and how many workers are free, to
the segments that are opened next. Steps are counted in evaluations; 15 of them are a whole
training. What the three agree on: nobody is judged before a fifth of the training, or among fewer
than 5, and a trial that is spared runs on where it lost, so that it is known what halting costs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

FULL = 15
ETA = 3
RUNGS = (3, 9, FULL)
COMPARATORS = 5
# The least that leaves 5 comparators at the second rung, and a whole number of each.
BRACKET = 18


@dataclass
class Trial:
    """What is known of a trial.

    Attributes:
        number: in order of opening.
        is_spared: runs on where it loses; one in ten.
        until: where its last segment ends, or ended because it was halted there.
        is_open: its last segment has no report yet.
        lost_at: where a spared one lost.
        scores: smoothed, one for each evaluation so far.
    """

    number: int
    is_spared: bool
    until: int = 0
    is_open: bool = True
    lost_at: int | None = None
    scores: list[float] = field(default_factory=list)

    @property
    def merit(self) -> int:
        """Evaluations that it came to before it lost."""
        return len(self.scores) if self.lost_at is None else self.lost_at

    def waits_at(self, rung: int) -> bool:
        """Whether a rung is where it stands still."""
        return self.until == rung and not self.is_open


class Opening(NamedTuple):
    """A segment to open.

    Attributes:
        until: where it ends.
        trial: number of the trial that goes on; None for a new one.
        has_lost: it goes on although it lost, being spared.
        stop_below: pairs of evaluation and score; whoever is below it there is halted.
    """

    until: int
    trial: int | None = None
    has_lost: bool = False
    stop_below: tuple[tuple[int, float], ...] = ()


Policy = Callable[[Sequence[Trial], int], list[Opening]]


def full_budget(trials: Sequence[Trial], free: int) -> list[Opening]:
    """No pruning: rounds of one trial for each worker, all to the end."""
    return [] if _any_open(trials) else [Opening(FULL)] * free


def halving(trials: Sequence[Trial], free: int) -> list[Opening]:
    """Brackets, of which the best third goes on at each rung; all wait for the last one there."""
    if _any_open(trials):
        return []
    bracket = trials[(len(trials) - 1) // BRACKET * BRACKET :] if trials else []
    rung = max((trial.merit for trial in bracket), default=FULL)
    if rung == FULL:
        return [Opening(RUNGS[0])] * BRACKET
    return _judged(bracket, rung)


def asha(trials: Sequence[Trial], free: int) -> list[Opening]:
    """Whoever is in the best third of all that ever came to its rung goes on; else new ones."""
    openings = [one for rung in reversed(RUNGS[:-1]) for one in _judged(trials, rung)]
    return [*openings, *[Opening(RUNGS[0])] * free][:free]


def median_rule(trials: Sequence[Trial], free: int) -> list[Opening]:
    """Whoever falls below the median of those that were there before is halted at once."""
    stop_below: list[tuple[int, float]] = []
    for evaluation in range(RUNGS[0], FULL):
        there = [
            trial.scores[evaluation - 1] for trial in trials if len(trial.scores) >= evaluation
        ]
        if len(there) >= COMPARATORS:
            stop_below.append((evaluation, median(there)))
    return [Opening(FULL, stop_below=tuple(stop_below))] * free


POLICIES: dict[str, Policy] = {
    "none": full_budget,
    "halving": halving,
    "asha": asha,
    "median": median_rule,
}


def _any_open(trials: Sequence[Trial]) -> bool:
    return any(trial.is_open for trial in trials)


def _judged(trials: Sequence[Trial], rung: int) -> list[Opening]:
    """Who of those that wait at a rung goes on: the best third of all ever there, the spared."""
    there = [trial for trial in trials if trial.merit >= rung]
    if len(there) < COMPARATORS:
        return []
    there.sort(key=lambda trial: (-trial.scores[rung - 1], trial.number))
    best, others = there[: len(there) // ETA], there[len(there) // ETA :]
    upper = RUNGS[RUNGS.index(rung) + 1]
    going = [Opening(upper, trial.number) for trial in best if trial.waits_at(rung)]
    spared = [trial for trial in others if trial.is_spared and trial.waits_at(rung)]
    return going + [Opening(FULL, trial.number, has_lost=True) for trial in spared]
