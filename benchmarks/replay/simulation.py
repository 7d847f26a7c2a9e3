"""Searches replayed on a table of real curves: the driver's own plan, simulated workers and clock.

The door is `Simulation`. What is suggested, opened and halted is what `amc.driver` says, but each
suggestion gets the nearest configuration of the table that was not tried yet, and a segment takes
its share of its trial's seconds. Steps are counted in evaluations, of which a trial has `FULL`.
"""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from replay.table import EVALUATIONS as FULL
from replay.table import SEEDS, SPACE, STEPS, Row, document

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.driver.planning import plan
from amc.ledger import Decision, History, Report, Segment
from amc.ledger.pruning import score_at
from amc.ledger.winner import winner
from amc.optimizers.encoding import Encoding

Array = NDArray[np.float64]
SMOOTHED_OVER = 3
# What is compared: settings of the search, by name. The first is what the others are measured by.
SEARCHES: dict[str, dict[str, str]] = {
    "none": {"mode": "rounds", "pruner": "none"},
    "none, async": {"mode": "async", "pruner": "none"},
    "halving": {"mode": "rounds", "pruner": "halving"},
    "asha": {"mode": "async", "pruner": "asha"},
    "median": {"mode": "async", "pruner": "median"},
}


@dataclass(frozen=True)
class Curves:
    """The table of one environment.

    Attributes:
        environment: its name.
        hyperparameters: of each configuration, n of them.
        scores: [n, seeds, FULL], as evaluated.
        seconds: [n, seeds], of a whole training.
    """

    environment: str
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
            environment=environment,
            hyperparameters=[pair[0].hyperparameters for pair in whole],
            scores=np.array(raw),
            seconds=np.array([[row.seconds for row in pair] for pair in whole]),
        )

    @cached_property
    def smoothed(self) -> Array:
        """The scores, each the mean of up to 3 evaluations up to there."""
        return smoothed(self.scores)

    @cached_property
    def points(self) -> Array:
        """[n, d], the configurations in the unit cube."""
        encoding = Encoding(SPACE)
        return np.array([encoding.encode(one) for one in self.hyperparameters])

    @cached_property
    def regrets(self) -> Array:
        """[n], by the mean over seeds of the smoothed final score: 0 the best, 1 the median."""
        final = self.smoothed[:, :, -1].mean(axis=1)
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
        best_was_halted: of all that it started, the configuration that is best by both seeds was
            not trained to the end.
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
        type: of the optimizer.
    """

    trainings: int = 32
    n_calls: int = 96
    workers: int = 4
    type: str = "bayesian"


def search_config(
    environment: str, search: Mapping[str, str], settings: Settings, n_calls: int, seed: int
) -> ExperimentConfig:
    """The config of a search over the table's space."""
    optimizer = {
        "type": settings.type,
        "n_calls": n_calls,
        "search_space": SPACE,
        "finalists": 0,
        "test_seeds": 0,
        **search,
    }
    base = document(environment, {}, seed)
    return ConfigLoader().from_mapping({**base, "hyperparameter_optimizer": optimizer})


@dataclass(order=True)
class Running:
    """A segment at work; `done` evaluations of it are trained when it `ends`."""

    ends: float
    begins: float = field(compare=False)
    done: int = field(compare=False)
    report: Report = field(compare=False)

    def trained(self, now: float) -> float:
        """How much of it is trained by now, in evaluations."""
        return self.done * (now - self.begins) / (self.ends - self.begins)


class Simulation:
    """One search, until its budget is spent.

    Args:
        curves: the table.
        name: in `SEARCHES`.
        settings: of the search.
        seed: of the experiment, and of which repetition a trial is.
    """

    def __init__(self, curves: Curves, name: str, settings: Settings, seed: int) -> None:
        is_pruned = SEARCHES[name]["pruner"] != "none"
        n_calls = settings.n_calls if is_pruned else settings.trainings
        n_calls = min(n_calls, len(curves.hyperparameters))
        self._curves, self._settings = curves, settings
        self._every = STEPS[curves.environment] // FULL
        self._config = search_config(curves.environment, SEARCHES[name], settings, n_calls, seed)
        self._repetitions = np.random.default_rng([seed, 1]).integers(SEEDS, size=n_calls)
        self._configurations: list[int] = []
        self._history = History()
        self._queue: deque[Segment] = deque()
        self._running: list[Running] = []
        self._now, self._trained = 0.0, 0

    def run(self) -> Replay:
        """Go on until the budget is spent, or the search is over."""
        moments: list[Moment] = []
        self._decide({})
        while self._begin() and self._trained < self._settings.trainings * FULL:
            ended = heapq.heappop(self._running)
            self._now = ended.ends
            self._trained += ended.done
            self._decide({**self._history.fresh, ended.report.key: ended.report})
            moments.append(self._moment())
        best = min(range(len(self._configurations)), key=self._regret)
        is_whole = len(self._history.curve(best)) == FULL
        return Replay(moments, len(self._configurations), best_was_halted=not is_whole)

    def _decide(self, fresh: dict[tuple[int, int], Report]) -> None:
        """Take every decision that these reports lead to."""
        self._history = self._history.seen(fresh)
        while (decision := plan(self._config, self._history)) is not None:
            self._history = self._history.after(self._placed(decision))
            left = {key: report for key, report in fresh.items() if key in self._history.open}
            self._history = self._history.seen(left)
            self._queue.extend(decision.segments)

    def _placed(self, decision: Decision) -> Decision:
        """The same with configurations of the table for what was suggested."""
        encoding = Encoding(SPACE)
        trials = []
        for trial in decision.trials:
            away = self._curves.points - encoding.encode(trial.hyperparameters)
            distances = (away**2).sum(axis=1)
            distances[self._configurations] = np.inf
            self._configurations.append(int(np.argmin(distances)))
            known = self._curves.hyperparameters[self._configurations[-1]]
            trials.append(replace(trial, hyperparameters=known))
        return replace(decision, trials=tuple(trials))

    def _begin(self) -> bool:
        """Give free workers what is open; whether anybody works."""
        while self._queue and len(self._running) < self._settings.workers:
            segment = self._queue.popleft()
            report = self._report(segment)
            done = (report.step - segment.from_step) // self._every
            seconds = self._of(segment.trial, self._curves.seconds).item() * done / FULL
            heapq.heappush(self._running, Running(self._now + seconds, self._now, done, report))
        return bool(self._running)

    def _report(self, segment: Segment) -> Report:
        """What comes of a segment: the curve is known."""
        below = [
            step
            for step, least in segment.stop_below
            if not segment.is_spared
            and self._of(segment.trial, self._curves.smoothed)[step // self._every - 1] < least
        ]
        end = min([*below, segment.until])
        steps = range(segment.from_step + self._every, end + 1, self._every)
        scores = self._of(segment.trial, self._curves.scores).tolist()
        curve = tuple((step, scores[step // self._every - 1]) for step in steps)
        return Report(
            segment.trial,
            segment.index,
            "halted" if below else "completed",
            end,
            score=curve[-1][1],
            curve=curve,
        )

    def _moment(self) -> Moment:
        under_way = sum(running.trained(self._now) for running in self._running)
        return Moment((self._trained + under_way) / FULL, self._now, self._regret(self._winner()))

    def _winner(self) -> int:
        """The trial that wins; before any is at its end, the best of those that came furthest."""
        found = winner(self._config, self._history)
        return (
            max(self._history.trials, key=self._standing) if found is None else found.trial.number
        )

    def _standing(self, trial: int) -> tuple[int, float]:
        step = max((step for step, _ in self._history.curve(trial)), default=0)
        score = score_at(self._history.curve(trial), step)
        return step, -np.inf if score is None else score

    def _regret(self, trial: int) -> float:
        return float(self._curves.regrets[self._configurations[trial]])

    def _of(self, trial: int, values: Array) -> Array:
        """The trial's own part of a table [configurations, seeds, ...]."""
        return np.asarray(values[self._configurations[trial], self._repetitions[trial]])
