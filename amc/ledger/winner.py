"""Which suggestion of an experiment wins.

Pure, from config and history. The one answer to "what is best": the driver chooses finalists and
the winner by it, and whoever shows a result shows the same. Its doors are `winner` and `ranked`.

The highest of many noisy scores is too high: it was chosen for its luck. So the winner is tested on
seeds that had no part in choosing it, and the mean over these is the result, once it is there.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import islice, takewhile
from typing import Any, Self

from amc.config.schema import ExperimentConfig
from amc.ledger.ancestry import copies
from amc.ledger.history import History
from amc.ledger.interval import half_width
from amc.ledger.records import Copy, Result, Trial, TrialKind
from amc.ledger.sorted_map import SortedMap
from amc.ledger.standing import CHOOSING, MeanScore, Standing, counts, standings_of_search


@dataclass(frozen=True, kw_only=True)
class Winner(MeanScore):
    """The best suggestion so far, and its mean score: over its tests where there are any.

    Attributes:
        trial: the best-scoring of the trials that chose it, whose agent is handed out, with the
            hyperparameters that it ended with. Never a test: an agent that was picked for its score
            there would make that score a choice, too.
        result: that trial's result.
        interval: of the mean, 95 %; None where the seeds chose what they are of, so that the mean
            is too high, or where there is a single one.
        chosen_by: the mean that chose it; None where that is this one.
        copies: the trials whose weights that trial went on from, the first one first.
    """

    trial: Trial
    result: Result
    interval: tuple[float, float] | None = None
    chosen_by: MeanScore | None = None
    copies: tuple[Copy, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The record in best.json: the trial's keys, its result's, and the suggestion's."""
        data = asdict(self)
        return {**data.pop("trial"), **data.pop("result"), **data}

    @classmethod
    def from_json(cls, data: dict[str, Any], source: object) -> Self:
        """Rebuild it from its record; see `Record.from_json`."""
        return super().from_json(
            {"standard_error": None, **data, "trial": data, "result": data}, source
        )


def winner(config: ExperimentConfig, history: History) -> Winner | None:
    """The best suggestion so far; None before a trial was completed.

    Finalists decide where there are any.
    """
    pool = ranked(config, history, most=1)
    if not pool:
        return None
    best = pool[0]
    trial, result = max(best.rows, key=lambda row: (row[1].score, -row[0].number))
    tests = _tests(config, history, best.number)
    mean = best.mean if tests is None else tests.mean
    is_fair = tests is not None or config.hyperparameter_optimizer is None
    last = history.segments[history.standing(trial.number)]
    return Winner(
        **vars(mean),
        trial=replace(trial, hyperparameters=history.hyperparameters(last)),
        result=result,
        interval=_interval(mean) if is_fair else None,
        chosen_by=None if tests is None else best.mean,
        copies=copies(history, last),
    )


def ranked(
    config: ExperimentConfig, history: History, *, most: int | None = None
) -> list[Standing]:
    """The suggestions that may win, best first; on a tie the earlier one.

    The finalists, once all of them have ended; before, and where there are none, what was completed
    on as many seeds as the search asks for; and where nothing was, everything.

    Args:
        config: of the experiment.
        history: of the experiment.
        most: how many are wanted; all if None.
    """
    rule = _Ranking.of_config(config)
    ranking = history.aggregate(rule)
    if ranking.finalists and _kinds_at_work(history) <= {"test"}:
        tried_again = [ranking.standings[number] for number in ranking.finalists]
        if rule.stops:
            # Trials of the search ended where they were good enough, finalists went on to the end.
            tried_again = [item.finalists_only() for item in tried_again]
        return sorted(tried_again, key=rule.place, reverse=True)[:most]
    places = reversed(ranking.order)
    if ranking.order and ranking.order.nth(len(ranking.order) - 1)[0]:
        places = takewhile(lambda place: place[0], places)
    return [ranking.order[place] for place in islice(places, most)]


def candidates(config: ExperimentConfig, history: History) -> list[Standing]:
    """The suggestions that may be finalists, best first: by their trials of the search alone.

    What was trained for longer since counts as it stood at the end of the search.
    """
    rule = _Ranking.of_config(config)
    standing = list(standings_of_search(history).values())
    pool = [item for item in standing if item.n_seeds >= rule.seeds] or standing
    return sorted(pool, key=rule.place, reverse=True)


def _tests(config: ExperimentConfig, history: History, suggestion: int) -> Standing | None:
    """The tests of a suggestion, once all of them have ended."""
    if "test" in _kinds_at_work(history):
        return None
    return history.aggregate(_Ranking.of_config(config)).tests.get(suggestion)


def _kinds_at_work(history: History) -> set[TrialKind]:
    # What is given more steps has ended all the same.
    at_work = (one for one in history.outstanding if one.key == history.standing(one.trial))
    return {history.trials[segment.trial].kind for segment in at_work}


def _interval(mean: MeanScore) -> tuple[float, float] | None:
    if mean.standard_error is None:
        return None
    half = half_width(mean.standard_error, mean.n_seeds)
    low, high = mean.mean_score - half, mean.mean_score + half
    return (low, high) if math.isfinite(high - low) else None


_Place = tuple[Any, ...]
"""What suggestions are ranked by; the greatest is the best."""


@dataclass(frozen=True)
class _Ranked:
    """Every suggestion of which a trial was completed.

    Attributes:
        standings: by its number, of the trials that choose the winner.
        tests: of its tests.
        finalists: those of which a trial on a further seed was completed.
        order: by its place, the best last.
    """

    standings: SortedMap[int, Standing] = field(default_factory=SortedMap)
    tests: SortedMap[int, Standing] = field(default_factory=SortedMap)
    finalists: SortedMap[int, None] = field(default_factory=SortedMap)
    order: SortedMap[_Place, Standing] = field(default_factory=SortedMap)


@dataclass(frozen=True)
class _Ranking:
    """The aggregate behind `ranked`.

    Attributes:
        seeds: trials of each suggestion.
        stops: whether trials of the search end where they are good enough.
    """

    seeds: int
    stops: bool

    @classmethod
    def of_config(cls, config: ExperimentConfig) -> Self:
        search = config.hyperparameter_optimizer
        seeds = 1 if search is None else search.seeds_per_trial
        return cls(seeds, config.training.stop_at_reward_threshold)

    def of(self, past: History, trials: Iterable[int], before: _Ranked | None) -> _Ranked:
        before = before or _Ranked()
        touched = [past.trials[number] for number in trials]
        chosen_by = [trial for trial in touched if trial.kind in CHOOSING]
        new, gone = _moved(past, chosen_by, before.standings)
        old = [before.standings[n] for n in (*new, *gone) if n in before.standings]
        finalists = {number: None for number, item in new.items() if item.is_finalist}
        tests = [trial for trial in touched if trial.kind == "test"]
        return _Ranked(
            before.standings.changed(new, gone),
            before.tests.changed(*_moved(past, tests, before.tests)),
            before.finalists.changed(finalists, [item.number for item in old]),
            before.order.changed(
                {self.place(item): item for item in new.values()}, map(self.place, old)
            ),
        )

    def place(self, standing: Standing) -> _Place:
        """Those on all of their seeds first; then the mean score; then how early it was reached.

        Many an environment has a highest score; among those that reach it, a lucky last evaluation
        is told from a steady one by the whole curve. Where training stops at the threshold, a curve
        is cut off as soon as it is good, so that quick learners have the worst mean: fewer steps
        come first, and curves are compared only where these are equal, and so the curves equally
        long. On a tie the earlier suggestion is the better one.
        """
        return (
            standing.n_seeds >= self.seeds,
            standing.mean_score,
            -standing.steps_to_solve if self.stops else 0.0,
            standing.mean_evaluation,
            -standing.number,
        )


def _moved(
    past: History, trials: Iterable[Trial], before: Mapping[int, Standing]
) -> tuple[dict[int, Standing], list[int]]:
    """The suggestions that stand elsewhere since these trials changed, and those without a row."""
    rows: dict[int, dict[int, tuple[Trial, Result]]] = {}
    for trial in trials:
        if trial.suggestion not in rows:
            known = before.get(trial.suggestion)
            rows[trial.suggestion] = {row[0].number: row for row in known.rows} if known else {}
        rows[trial.suggestion].pop(trial.number, None)
        result = past.ended(trial.number)
        if result is not None and counts(result):
            rows[trial.suggestion][trial.number] = trial, result
    new = {n: Standing(n, tuple(own[t] for t in sorted(own))) for n, own in rows.items() if own}
    return new, [number for number, own in rows.items() if not own]
