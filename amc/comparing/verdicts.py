"""What is said of what is compared: a row for each, and one for each pair.

Its door is `compare`. It is plain data, which tables, figures, pages and papers are made of.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median, stdev
from typing import Any

from amc.comparing.differences import differences
from amc.comparing.entrants import Entrant, Run
from amc.errors import UsageError
from amc.inference import (
    Estimate,
    Scores,
    difference,
    interquartile_mean,
    normalized,
    probability_of_improvement,
    seeds_to_tell,
)


@dataclass(frozen=True)
class Reached:
    """When runs reached a score.

    Attributes:
        n: how many of them did.
        of: of how many.
        steps: median over those that did; None if none did.
        seconds: the same, as the share of the run's seconds that these steps were of its steps.
    """

    n: int
    of: int
    steps: float | None
    seconds: float | None


@dataclass(frozen=True)
class Outlook:
    """What is said of one entrant.

    Attributes:
        name: its name.
        n: runs.
        mean: of the scores; over tasks, of the normalised ones.
        std: standard deviation of the scores; None of a single one.
        iqm: interquartile mean with its interval.
        reached: when its runs reached the threshold; None over tasks, or without one.
        kinds: of the runs: `test`, `finalist` or `search`.
    """

    name: str
    n: int
    mean: float
    std: float | None
    iqm: Estimate
    reached: Reached | None
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """What is said of two entrants.

    Attributes:
        ours: name of the one.
        theirs: name of the other, which was named after it.
        difference: how much higher our mean is; None over tasks.
        improvement: the probability that a run of ours scores higher.
        seeds: on how many seeds each the difference would be seen; None if that cannot be said.
        more: how many more runs that is than the one with fewer has; None likewise.
    """

    ours: str
    theirs: str
    difference: Estimate | None
    improvement: Estimate
    seeds: int | None
    more: int | None


@dataclass(frozen=True)
class Comparison:
    """All that is said.

    Attributes:
        entrants: what is compared.
        tasks: environments.
        threshold: the score that is to be reached; None over tasks, or where there is none.
        scores: of each entrant, brought to one scale over tasks.
        rows: of each entrant.
        pairs: of each with each that was named after it.
        differing: the keys of the configs that differ, by task.
    """

    entrants: tuple[Entrant, ...]
    tasks: tuple[str, ...]
    threshold: float | None
    scores: tuple[Scores, ...]
    rows: tuple[Outlook, ...]
    pairs: tuple[Pair, ...]
    differing: dict[str, list[tuple[str, list[Any]]]]


def compare(entrants: Sequence[Entrant], threshold: float | None = None) -> Comparison:
    """Compare what experiments came to.

    Args:
        entrants: at least two, in the same environments.
        threshold: a score to be reached; that of the environment if None.

    Raises:
        UsageError: they are in different environments, or two have one name.
    """
    tasks = _common_tasks(entrants)
    if len({one.name for one in entrants}) < len(entrants):
        raise UsageError("compare: two of them have the same name. Name them: NAME=ID.")
    if threshold is not None and len(tasks) > 1:
        raise UsageError(f"threshold: the scores of {', '.join(tasks)} are on different scales.")
    if threshold is None and len(tasks) == 1:
        known = (one.thresholds[tasks[0]] for one in entrants)
        threshold = next((value for value in known if value is not None), None)
    scores = normalized([one.scores for one in entrants])
    both = list(zip(entrants, scores, strict=True))
    return Comparison(
        tuple(entrants),
        tasks,
        threshold,
        tuple(scores),
        tuple(_row(one, own, threshold) for one, own in both),
        tuple(_pair(ours, theirs) for ours, theirs in combinations(both, 2)),
        {task: differences(entrants, task) for task in tasks},
    )


def _common_tasks(entrants: Sequence[Entrant]) -> tuple[str, ...]:
    first, *others = entrants
    for other in others:
        if other.runs.keys() != first.runs.keys():
            raise UsageError(
                f"compare: {first.name} is in {', '.join(first.runs)}, and {other.name} in "
                f"{', '.join(other.runs)}. Scores of different environments say nothing of each "
                "other. Group experiments by what they have in common: A=ID1,ID2 B=ID3,ID4."
            )
    return tuple(first.runs)


def _row(entrant: Entrant, scores: Scores, threshold: float | None) -> Outlook:
    every = [score for own in scores.values() for score in own]
    runs = [run for own in entrant.runs.values() for run in own]
    return Outlook(
        entrant.name,
        len(every),
        fmean(every),
        stdev(every) if len(every) > 1 else None,
        interquartile_mean(scores),
        None if threshold is None else reached(runs, threshold),
        tuple(sorted(set(entrant.kinds.values()))),
    )


def reached(runs: Sequence[Run], threshold: float) -> Reached:
    """When runs were first evaluated at a score or above."""
    steps, seconds = [], []
    for run in runs:
        first = next((step for step, score in run.curve if score >= threshold), None)
        if first is not None:
            steps.append(first)
            seconds.append(run.seconds * first / run.steps)
    return Reached(len(steps), len(runs), _median(steps), _median(seconds))


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return float(median(known)) if known else None


def _pair(ours: tuple[Entrant, Scores], theirs: tuple[Entrant, Scores]) -> Pair:
    (our, own), (their, other) = ours, theirs
    improvement = probability_of_improvement(own, other)
    if len(own) > 1:
        return Pair(our.name, their.name, None, improvement, None, None)
    (a,), (b,) = own.values(), other.values()
    seeds = seeds_to_tell(a, b)
    more = None if seeds is None else max(0, seeds - min(len(a), len(b)))
    return Pair(our.name, their.name, difference(a, b), improvement, seeds, more)
