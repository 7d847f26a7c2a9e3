"""How fast running trials train, from what their workers tell every three seconds.

Its door is `Speeds`.
"""

from collections.abc import Mapping

from amc.cli.overview import Overview
from amc.trial_status import TrialStatus


class Speeds:
    """Steps per second of running trials, between the last two things that their workers told."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[int, float]] = {}
        self._rates: dict[int, float] = {}

    def update(self, overview: Overview) -> Mapping[int, float]:
        """By trial; a trial of which too little was told has none."""
        running = {one.number: one for one in overview.trials if one.state == "running"}
        for known in (self._told, self._rates):
            for number in [one for one in known if one not in running]:
                del known[number]
        for number, trial in running.items():
            before, now = self._told.get(number), (trial.steps, trial.seconds)
            if before == now:
                continue
            if before is None:
                rate = _since_it_began(trial) if _began_at_zero(trial, overview) else None
            else:
                rate = _between(before, now)
            self._told[number] = now
            if rate is not None:
                self._rates[number] = rate
        return self._rates


def _began_at_zero(trial: TrialStatus, overview: Overview) -> bool:
    """Whether all of its steps are of this attempt, as its seconds are."""
    is_one_piece = overview.pruned is None and overview.generation is None
    return (
        is_one_piece and trial.attempts <= 1 and trial.horizon in {None, overview.total_timesteps}
    )


def _since_it_began(trial: TrialStatus) -> float | None:
    return trial.steps / trial.seconds if trial.steps and trial.seconds else None


def _between(before: tuple[int, float], now: tuple[int, float]) -> float | None:
    steps, seconds = now[0] - before[0], now[1] - before[1]
    # Another attempt counts its seconds anew, and may have begun at an earlier checkpoint.
    return steps / seconds if steps > 0 and seconds > 0 else None
