"""How trials stand in the middle of their training, and what became of those that were halted.

Pure, from config and history: a driver halts by `score_at` and `best_first`, a worker by
`is_too_low`, and whoever shows an experiment says by `ranks` and `pruned` what that came to.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from statistics import fmean
from typing import Any

from amc.config.schema import ExperimentConfig
from amc.ledger.history import History
from amc.ledger.standing import smoothed, standings_of_search

Points = Sequence[tuple[int, float]]
"""Step and score of a trial's evaluations."""
StopBelow = tuple[tuple[int, float], ...]
"""Pairs of step and score, as in `Segment`."""


def score_at(points: Points, step: int) -> float | None:
    """How a trial stands at a rung: the mean of up to three evaluations until there.

    Returns:
        None if it has not come so far.
    """
    reached = bisect_left(points, step, key=itemgetter(0))
    if reached == len(points):
        return None
    return smoothed([score for _, score in points[: reached + 1]])


def best_first(scores: Mapping[int, float | None]) -> list[int]:
    """Those that have a score, the highest first; on a tie the earlier one."""
    known = {number: score for number, score in scores.items() if score is not None}
    return sorted(known, key=lambda number: (-known[number], number))


def is_too_low(points: Points, stop_below: StopBelow) -> bool:
    """Whether a trial is halted at its latest evaluation.

    A level that the curve alone decides, so that it is the same after every resume. A step of
    `stop_below` is that of the first evaluation from it on, since evaluations wait for the end of
    an iteration.
    """
    before, latest = [0, 0, *(step for step, _ in points)][-2:]
    least = [low for step, low in stop_below if before < step <= latest]
    return bool(least) and smoothed([score for _, score in points]) < max(least)


@dataclass(frozen=True)
class Rank:
    """Where a halted trial stood.

    Attributes:
        rank: 1 is the best.
        compared: among how many, itself included.
    """

    rank: int
    compared: int


@dataclass(frozen=True)
class Pruned:
    """What a pruner has come to in a search.

    Attributes:
        halted: trials that were halted.
        full_steps: environment steps of whole trainings, of every trial of the search that ended.
        steps_saved: how many of these were not trained, since trials were halted.
        spared: suggestions that were to be halted and ran on to their end all the same.
        wrongly_halted: of these, how many ended above everything that was not to be halted.
    """

    halted: int
    full_steps: int
    steps_saved: int
    spared: int
    wrongly_halted: int

    def to_json(self) -> dict[str, Any]:
        """A plain JSON object."""
        return asdict(self)


def ranks(config: ExperimentConfig, history: History) -> dict[int, Rank]:
    """Where each trial that was halted stood at that rung, by the trial's number.

    Halving compares the suggestions of a round, asha all that came to the rung; both leave out
    those that had been spared before. The median rule, and asha where trials are trained whole,
    compare trials, all that came there.
    """
    search = config.hyperparameter_optimizer
    if search is None or search.pruner is None:
        return {}
    is_in_rounds = search.pruner == "halving"
    by_trial = search.pruner == "median" or not config.is_segmented
    compared = _Compared(history, is_in_rounds=is_in_rounds, by_trial=by_trial)
    halted = {trial: step for trial in compared.curves if (step := _halted_at(history, trial))}
    found = {}
    for trial, step in halted.items():
        order = compared.order(trial, step)
        if (name := compared.name(trial)) in order:
            found[trial] = Rank(1 + order[name], len(order))
    return found


def _halted_at(history: History, trial: int) -> int | None:
    """The rung at which a trial was halted; None if it was not."""
    result, segment = history.result_of_search(trial), history.segments[history.of_search(trial)]
    if result is None or result.state != "halted":
        return None
    return max(
        (step for step, _ in segment.stop_below if step <= result.steps), default=segment.until
    )


class _Compared:
    """Who is compared with whom at a rung.

    Args:
        history: of the search.
        is_in_rounds: whether those of a round alone are compared with each other.
        by_trial: whether trials are compared, by thresholds in their segments, and no suggestions.

    Attributes:
        curves: points of each trial of the search.
    """

    def __init__(self, history: History, *, is_in_rounds: bool, by_trial: bool) -> None:
        self._history, self._is_in_rounds, self._by_trial = history, is_in_rounds, by_trial
        searched = [trial.number for trial in history.trials.values() if trial.kind == "search"]
        self.curves = {trial: history.curve(trial) for trial in searched}
        self._spared_from = {
            segment.trial: segment.from_step
            for segment in reversed(list(history.segments.values()))
            if segment.is_spared and not by_trial
        }
        self._pools: dict[int | None, list[int]] = defaultdict(list)
        for trial in searched:
            self._pools[self._pool(trial)].append(trial)
        self._orders: dict[tuple[int | None, int], dict[int, int]] = {}

    def name(self, trial: int) -> int:
        """The number by which a trial is compared."""
        return trial if self._by_trial else self._history.trials[trial].suggestion

    def order(self, trial: int, step: int) -> dict[int, int]:
        """The place, from 0 on, of each that a trial is compared with there, its own too."""
        pool = self._pool(trial)
        if (pool, step) not in self._orders:
            scores = defaultdict(list)
            for one in self._pools[pool]:
                score = score_at(self.curves[one], step)
                if score is not None and self._spared_from.get(one, step) >= step:
                    scores[self.name(one)].append(score)
            means = {name: fmean(known) for name, known in scores.items()}
            self._orders[pool, step] = {name: at for at, name in enumerate(best_first(means))}
        return self._orders[pool, step]

    def _pool(self, trial: int) -> int | None:
        return self._history.trials[trial].round if self._is_in_rounds else None


def pruned(config: ExperimentConfig, history: History) -> Pruned | None:
    """What the pruner of a search has come to so far; None without one."""
    search = config.hyperparameter_optimizer
    if search is None or search.pruner is None:
        return None
    ended = [
        (result, history.segments[history.of_search(number)].horizon)
        for number, trial in history.trials.items()
        if trial.kind == "search" and (result := history.result_of_search(number)) is not None
    ]
    halted = [(result.steps, horizon) for result, horizon in ended if result.state == "halted"]
    standing = standings_of_search(history).items()
    scores = {number: one.mean_score for number, one in standing}
    spared = scores.keys() & set(_spared(history))
    best = max((score for number, score in scores.items() if number not in spared), default=None)
    return Pruned(
        halted=len(halted),
        full_steps=sum(horizon for _, horizon in ended),
        steps_saved=sum(horizon - steps for steps, horizon in halted),
        spared=len(spared),
        wrongly_halted=sum(best is None or scores[number] > best for number in spared),
    )


def _spared(history: History) -> Iterator[int]:
    """The suggestions that were to be halted and ran on, each as often as it has such segments."""
    for segment in history.segments.values():
        if not segment.is_spared:
            continue
        # Of the median rule it is known only afterwards whether it would have halted anything.
        points = history.curve(segment.trial) if segment.stop_below else []
        parts = (points[: count + 1] for count in range(len(points)))
        if not segment.stop_below or any(is_too_low(part, segment.stop_below) for part in parts):
            yield history.trials[segment.trial].suggestion
