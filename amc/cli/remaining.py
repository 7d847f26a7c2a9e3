"""How long an experiment will still take, learned from its finished trials.

Its door is `remaining`.

A trial is taken to last as long as the median one of its kind (search, finalist, test; of another
kind where none of its own has ended), less what a running one has done. Those that were begun and
those that wait are given to the workers one by one, further rounds follow each other, then
finalists, then tests. What a decision takes between two rounds is not counted.
"""

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from amc.cli import formatting
from amc.cli.overview import Overview
from amc.trial_status import TrialStatus

_KINDS = ("search", "finalist", "test")


@dataclass(frozen=True)
class Remaining:
    """How long it will take, as far as that is known.

    Attributes:
        seconds: None where it is not known.
        why_not: why it is not.
        is_at_most: whether a limit may end it sooner.
    """

    seconds: float | None
    why_not: str = ""
    is_at_most: bool = False

    def __str__(self) -> str:
        if self.seconds is None:
            return f"not known ({self.why_not})"
        most = "at most " if self.is_at_most else ""
        return f"{most}about {formatting.duration(max(1.0, self.seconds))}"


def remaining(
    overview: Overview, n_workers: int, rates: Mapping[int, float] | None = None
) -> Remaining:
    """How long an unfinished experiment will still take.

    Args:
        overview: where it stands.
        n_workers: how many can train its trials.
        rates: steps per second of running trials, where they are known.
    """
    rates = rates or {}
    running = [trial for trial in overview.trials if trial.state == "running"]
    n_workers = max(n_workers, len(running))
    if overview.state == "paused":
        return Remaining(None, "paused")
    if not n_workers:
        return Remaining(None, "no worker")
    if overview.generation is not None:
        return _of_population(overview, n_workers, rates)
    lasts = _durations(overview, rates)
    if not lasts:
        return Remaining(None, "before a trial has ended")
    seconds = _begun(overview, running, n_workers, lasts, rates)
    seconds += sum(_to_come(overview, n_workers, lasts))
    return Remaining(seconds, is_at_most=overview.has_limits)


def _durations(overview: Overview, rates: Mapping[int, float]) -> dict[str, float]:
    """Seconds of a trial of each kind; empty where nothing tells."""
    ended = [one for one in overview.trials if one.state in {"completed", "halted"}]
    # Of a trial that went on after an interruption the seconds are those of its last attempt.
    ended = [one for one in ended if one.attempts <= 1] or ended
    of_kind = {kind: [one.seconds for one in ended if one.kind == kind] for kind in _KINDS}
    known = {kind: median(seconds) for kind, seconds in of_kind.items() if seconds}
    if not known and rates:
        known["search"] = overview.total_timesteps / median(rates.values())
    if not known:
        return {}
    usual = known.get("search", max(known.values()))
    return {kind: known.get(kind, usual) for kind in _KINDS}


def _begun(
    overview: Overview,
    running: Sequence[TrialStatus],
    n_workers: int,
    lasts: Mapping[str, float],
    rates: Mapping[int, float],
) -> float:
    """Until every trial that was opened has ended."""
    busy_s = [_left(overview, trial, lasts, rates.get(trial.number)) for trial in running]
    free_at = busy_s + [0.0] * (n_workers - len(running))
    heapq.heapify(free_at)
    for trial in overview.trials:
        if trial.state == "waiting":
            left = _left(overview, trial, lasts, None)
            heapq.heapreplace(free_at, free_at[0] + left)
    return max(free_at)


def _left(
    overview: Overview, trial: TrialStatus, lasts: Mapping[str, float], rate: float | None
) -> float:
    horizon = trial.horizon or overview.total_timesteps
    to_go = max(0, horizon - trial.steps)
    if rate:
        return to_go / rate
    return lasts[trial.kind] * to_go / overview.total_timesteps


def _to_come(overview: Overview, n_workers: int, lasts: Mapping[str, float]) -> Iterator[float]:
    """Of what was not opened yet: seconds of each kind."""
    for kind in _KINDS:
        opened = sum(trial.kind == kind for trial in overview.trials)
        left = max(0, overview.planned_of_kind.get(kind, 0) - opened)
        # Only a search comes in rounds; all finalists are opened together, and so are all tests.
        in_rounds = overview.has_rounds and kind == "search"
        size = max(1, overview.trials_per_round) if in_rounds else max(1, left)
        whole, rest = divmod(left, size)
        waves = whole * math.ceil(size / n_workers) + math.ceil(rest / n_workers)
        yield lasts[kind] * waves


def _of_population(overview: Overview, n_workers: int, rates: Mapping[int, float]) -> Remaining:
    """All of its trials end together, so that only the running ones tell how fast they are."""
    if not rates:
        return Remaining(None, "before running trials have told how fast they are")
    to_go = sum(
        max(0, overview.total_timesteps - one.steps)
        for one in overview.trials
        if one.state in {"running", "waiting"}
    )
    tests = max(0, overview.planned_of_kind.get("test", 0)) * overview.total_timesteps
    at_once = min(n_workers, max(1, len(overview.trials)))
    return Remaining((to_go + tests) / (median(rates.values()) * at_once))
