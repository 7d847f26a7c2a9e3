"""Searches replayed on a table of real curves, by simulated workers.

The door is `replay`. The clock is the table's: a segment takes its share of its trial's seconds.
What the search suggests is real (`amc.optimizers`), but it gets the nearest configuration of the
table that was not tried yet.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from replay.policies import FULL, POLICIES, Opening, Trial
from replay.table import SEEDS, SPACE, Row

from amc.driver.told import Row as Standing
from amc.driver.told import teach, told
from amc.optimizers import make
from amc.optimizers.encoding import Encoding

Array = NDArray[np.float64]
SMOOTHED_OVER = 3
ONE_IN = 10  # is spared


@dataclass(frozen=True)
class Curves:
    """The table of one environment.

    Attributes:
        hyperparameters: of each configuration, n of them.
        scores: [n, seeds, FULL], each the mean of up to 3 evaluations up to there.
        seconds: [n, seeds], of a whole training.
    """

    hyperparameters: list[dict[str, Any]]
    scores: Array
    seconds: Array

    @classmethod
    def of(cls, rows: Sequence[Row], environment: str) -> "Curves":
        """From the configurations of which every seed is there; a broken training stays worst."""
        found = {row.key: row for row in rows if row.environment == environment}
        numbers = sorted({row.configuration for row in found.values()})
        keys = [[(number, seed, environment) for seed in range(SEEDS)] for number in numbers]
        whole = [[found[key] for key in pair] for pair in keys if all(key in found for key in pair)]
        worst = min(score for pair in whole for row in pair for score in row.scores)
        raw = [[row.scores + [worst] * (FULL - len(row.scores)) for row in pair] for pair in whole]
        return cls(
            hyperparameters=[pair[0].hyperparameters for pair in whole],
            scores=smoothed(np.array(raw)),
            seconds=np.array([[row.seconds for row in pair] for pair in whole]),
        )

    @cached_property
    def points(self) -> Array:
        """[n, d], the configurations in the unit cube."""
        encoding = Encoding(SPACE)
        return np.array([encoding.encode(one) for one in self.hyperparameters])

    @cached_property
    def regrets(self) -> Array:
        """[n], by the mean over seeds of the final score: 0 the best, 1 the median."""
        final = self.scores[:, :, -1].mean(axis=1)
        return np.asarray((final.max() - final) / (final.max() - np.median(final)))


def smoothed(scores: Array) -> Array:
    """Each score's mean with the two before it, as far as there are any."""
    sums = np.cumsum(np.pad(scores, [(0, 0)] * (scores.ndim - 1) + [(SMOOTHED_OVER, 0)]), axis=-1)
    counts = np.minimum(np.arange(scores.shape[-1]) + 1, SMOOTHED_OVER)
    return np.asarray((sums[..., SMOOTHED_OVER:] - sums[..., :-SMOOTHED_OVER]) / counts)


class Moment(NamedTuple):
    """What a search had come to when a segment ended.

    Attributes:
        trainings: environment steps spent by then, in whole trainings; work under way counts.
        seconds: of the simulated clock.
        regret: of the configuration that would have won.
    """

    trainings: float
    seconds: float
    regret: float


@dataclass(frozen=True)
class Replay:
    """A search, replayed.

    Attributes:
        moments: in order of time.
        n_trials: how many were started.
        best_was_halted: of all that it started, the configuration that is best in truth was halted.
    """

    moments: list[Moment]
    n_trials: int
    best_was_halted: bool


@dataclass(frozen=True)
class Settings:
    """Of a search.

    Attributes:
        trainings: its budget in environment steps, counted in whole trainings.
        n_calls: suggestions at most, where trials are pruned.
        workers: trials that run at the same time.
        search: type of the optimizer.
    """

    trainings: int = 32
    n_calls: int = 96
    workers: int = 4
    search: str = "bayesian"


class Search:
    """The optimizer of one search, and which configurations it was given.

    Args:
        curves: the table.
        n_calls: suggestions that it may take in all.
        type: of the optimizer.
        seed: of the optimizer.
        is_told_ranks: whether trials are pruned, so that it is told ranks instead of scores.
    """

    def __init__(
        self, curves: Curves, n_calls: int, type: str, seed: int, *, is_told_ranks: bool
    ) -> None:
        self._curves, self._n_calls, self._type, self._seed = curves, n_calls, type, seed
        self._is_told_ranks = is_told_ranks
        self.configurations: list[int] = []

    def suggest(self, trials: Sequence[Trial], count: int) -> None:
        """Choose configurations for trials that are about to be opened."""
        # Told all anew each time, because one more report moves every rank.
        optimizer = make(self._type, SPACE, self._n_calls, seed=self._seed)
        rows = [self._row(trial) for trial in trials]
        teach(optimizer, told(rows, is_pruned=self._is_told_ranks))
        encoding = Encoding(SPACE)
        for suggestion in optimizer.suggest(count):
            away = ((self._curves.points - encoding.encode(suggestion)) ** 2).sum(axis=1)
            away[self.configurations] = np.inf
            self.configurations.append(int(np.argmin(away)))

    def _row(self, trial: Trial) -> Standing:
        hyperparameters = self._curves.hyperparameters[self.configurations[trial.number]]
        if not is_known(trial):
            return Standing(trial.number, hyperparameters)
        rung, score = standing(trial)
        return Standing(trial.number, hyperparameters, learned=0, rung=rung, score=score)


def is_known(trial: Trial) -> bool:
    """Whether any of its segments has a report."""
    return bool(trial.scores)


def standing(trial: Trial) -> tuple[int, float]:
    """What trials are ranked by: the highest rung reached by merit, then the score there."""
    return trial.merit, trial.scores[trial.merit - 1]


@dataclass
class Segment:
    """Part of a trial.

    Attributes:
        trial: which.
        first: evaluations before it.
        last: evaluations at its end.
        lost_at: the evaluation at which its trial falls below a threshold and is spared.
        begins: on the clock.
        ends: on the clock.
    """

    trial: Trial
    first: int
    last: int
    lost_at: int | None
    begins: float = 0.0
    ends: float = 0.0

    def __lt__(self, other: "Segment") -> bool:
        return (self.ends, self.trial.number) < (other.ends, other.trial.number)

    def trained(self, now: float) -> float:
        """How much of it is trained by now, in evaluations."""
        return (self.last - self.first) * (now - self.begins) / (self.ends - self.begins)


class Simulation:
    """One search from its first suggestion to its last report.

    Args:
        curves: the table.
        pruner: a name in `POLICIES`.
        settings: of the search.
        seed: of the optimizer, of who is spared, and of which repetition a trial is.
    """

    def __init__(self, curves: Curves, pruner: str, settings: Settings, seed: int) -> None:
        self._curves, self._policy, self._settings = curves, POLICIES[pruner], settings
        n_calls = settings.trainings if pruner == "none" else settings.n_calls
        self._n_calls = min(n_calls, len(curves.hyperparameters))
        self._search = Search(
            curves, self._n_calls, settings.search, seed, is_told_ranks=pruner != "none"
        )
        self._draws = np.random.default_rng([seed, 1]).random((self._n_calls, 2))
        self._trials: list[Trial] = []
        self._queue: deque[Segment] = deque()
        self._running: list[Segment] = []
        self._now, self._trained, self._budget = 0.0, 0, settings.trainings * FULL

    def run(self) -> Replay:
        """Go on until the budget is spent and everything under way has ended."""
        moments = []
        while self._begin():
            self._end(heapq.heappop(self._running))
            moments.append(self._moment())
        best = min(self._trials, key=self._regret)
        return Replay(moments, len(self._trials), best_was_halted=len(best.scores) < FULL)

    def _begin(self) -> bool:
        """Give free workers what there is to do; whether anybody works."""
        while (free := self._settings.workers - len(self._running)) > 0:
            if not self._queue:
                self._open(self._policy(self._trials, free))
            if not self._queue:
                break
            segment = self._queue.popleft()
            share = (segment.last - segment.first) / FULL
            segment.begins = self._now
            segment.ends = self._now + share * self._of(segment.trial, self._curves.seconds).item()
            heapq.heappush(self._running, segment)
        return bool(self._running)

    def _open(self, openings: Sequence[Opening]) -> None:
        """Open what the budget still holds whole; an end gives back what was not needed."""
        first = len(self._trials)
        opened = []
        for opening in openings:
            trial = self._trial(opening)
            if trial is None or opening.until - len(trial.scores) > self._budget:
                continue
            self._budget -= opening.until - len(trial.scores)
            opened.append((trial, opening))
            if opening.trial is None:
                self._trials.append(trial)
        if len(self._trials) > first:
            self._search.suggest(self._trials[:first], len(self._trials) - first)
        self._queue.extend(self._segment(trial, opening) for trial, opening in opened)

    def _trial(self, opening: Opening) -> Trial | None:
        """Whose segment it is; None if it wants a new trial and there have been enough."""
        if opening.trial is not None:
            return self._trials[opening.trial]
        number = len(self._trials)
        if number == self._n_calls:
            return None
        return Trial(number, is_spared=bool(self._draws[number, 0] < 1 / ONE_IN))

    def _segment(self, trial: Trial, opening: Opening) -> Segment:
        """What will come of it: the curve is known."""
        scores, first = self._of(trial, self._curves.scores), len(trial.scores)
        below = [at for at, least in opening.stop_below if scores[at - 1] < least]
        halt = min(below, default=None)
        trial.until, trial.is_open = opening.until, True
        if opening.has_lost:
            trial.lost_at = first
        if halt is None or trial.is_spared:
            return Segment(trial, first, opening.until, lost_at=halt)
        return Segment(trial, first, halt, lost_at=None)

    def _end(self, segment: Segment) -> None:
        self._now = segment.ends
        self._trained += segment.last - segment.first
        trial = segment.trial
        self._budget += trial.until - segment.last
        trial.scores = self._of(trial, self._curves.scores)[: segment.last].tolist()
        trial.until, trial.is_open = segment.last, False
        trial.lost_at = trial.lost_at or segment.lost_at

    def _moment(self) -> Moment:
        under_way = sum(segment.trained(self._now) for segment in self._running)
        winner = max((trial for trial in self._trials if is_known(trial)), key=standing)
        return Moment((self._trained + under_way) / FULL, self._now, self._regret(winner))

    def _regret(self, trial: Trial) -> float:
        return float(self._curves.regrets[self._search.configurations[trial.number]])

    def _of(self, trial: Trial, values: Array) -> Array:
        """The trial's own part of a table [configurations, seeds, ...]."""
        repetition = int(self._draws[trial.number, 1] * SEEDS)
        return np.asarray(values[self._search.configurations[trial.number], repetition])
