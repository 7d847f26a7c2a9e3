"""When each attempt of an experiment ran, and how it ended. Its door is `stints_of`.

Clocks are those of the workers' machines. An attempt that wrote its report took as long as that
says; another ended when its supervisor said so. Of one whose supervisor died too, and of those of
older versions, nobody knows the end: it is put where the next attempt of its trial, or of its
worker, began, at the latest now.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from amc.ledger import Attempt, History, Ledger
from amc.ledger.records import OWN_DOING


@dataclass(frozen=True)
class Stint:
    """One attempt as time sees it.

    Attributes:
        trial: number of the trial.
        attempt: its number, over all segments of the trial.
        worker: `rl-worker-N`.
        machine: its name.
        started: Unix time.
        ended: Unix time.
        outcome: how it ended, as the ledger says it; empty if nobody lived to say, or it runs.
        group: `result`, `own doing`, `interruption` or `running`.
        is_end_known: whether somebody wrote down when it ended.
    """

    trial: int
    attempt: int
    worker: str
    machine: str
    started: float
    ended: float
    outcome: str
    group: str
    is_end_known: bool = True


def stints_of(ledger: Ledger, history: History, *, now: float | None = None) -> list[Stint]:
    """Every attempt of an experiment, by when it began.

    Args:
        ledger: of the experiment.
        history: of the experiment.
        now: Unix time; this machine's if None.
    """
    now = time.time() if now is None else now
    took = {
        (report.trial, report.attempt): report.seconds
        for key in history.segments
        if (report := history.report(key)) is not None
    }
    at_work = {segment.trial for segment in history.outstanding} if not ledger.is_finished else {}
    found = [
        _stint(number, attempt, took.get((number, attempt.number)))
        for number in history.trials
        for attempt in ledger.attempts(number)
        if attempt.started
    ]
    last = {stint.trial: stint.attempt for stint in found}
    found = [
        replace(one, group="running")
        if not one.outcome and one.trial in at_work and last[one.trial] == one.attempt
        else one
        for one in found
    ]
    return sorted(_with_ends(found, now), key=lambda stint: (stint.started, stint.trial))


def _stint(trial: int, attempt: Attempt, seconds: float | None) -> Stint:
    outcome = attempt.end.outcome if attempt.end is not None else "result" if seconds else ""
    ended = attempt.started + seconds if seconds else attempt.end.ended if attempt.end else 0.0
    return Stint(
        trial,
        attempt.number,
        attempt.worker,
        attempt.host.rpartition("/")[0],
        attempt.started,
        max(ended, attempt.started) if ended else 0.0,
        outcome,
        _group(outcome),
        is_end_known=bool(ended),
    )


def _group(outcome: str) -> str:
    if outcome == "result":
        return "result"
    return "own doing" if outcome in OWN_DOING or outcome == "usage" else "interruption"


def _with_ends(stints: Iterable[Stint], now: float) -> list[Stint]:
    """The same, where no end is known with the latest that it can have been."""
    stints = list(stints)
    of_trial, of_worker = _begins(stints)
    return [
        one
        if one.is_end_known
        else replace(
            one,
            ended=max(
                one.started,
                min(
                    (
                        begin
                        for begin in (
                            *of_trial[one.trial],
                            *of_worker[one.machine, one.worker],
                            now,
                        )
                        if begin > one.started
                    ),
                    default=one.started,
                ),
            ),
        )
        for one in stints
    ]


def _begins(
    stints: Iterable[Stint],
) -> tuple[Mapping[int, list[float]], Mapping[tuple[str, str], list[float]]]:
    of_trial: dict[int, list[float]] = defaultdict(list)
    of_worker: dict[tuple[str, str], list[float]] = defaultdict(list)
    for stint in stints:
        of_trial[stint.trial].append(stint.started)
        of_worker[stint.machine, stint.worker].append(stint.started)
    return of_trial, of_worker
