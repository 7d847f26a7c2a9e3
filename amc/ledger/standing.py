"""What came of the suggestions of an experiment: the mean scores by which they are compared.

Pure, from config and history. Its doors are `standings`, and of the search alone
`standings_of_search`; which of them wins is `amc.ledger.winner`.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from amc.ledger.history import History
from amc.ledger.records import Record, Result, Trial, TrialKind

# Scores are summed this much smaller, which is exact, so that no sum of finite ones is infinite.
_SHRINK = 2.0**-20
# A single evaluation is noisy, and a curve is compared where it is, not where it was long ago.
_SMOOTHED_OVER = 3
# Kinds of trials by which the winner is chosen.
CHOOSING: frozenset[TrialKind] = frozenset({"search", "finalist"})


@dataclass(frozen=True)
class MeanScore(Record):
    """A mean over the trials of one suggestion.

    Attributes:
        mean_score: the mean.
        standard_error: of that mean; None where it is of a single trial.
        n_seeds: how many trials that is.
        mean_of: their numbers.
    """

    mean_score: float
    standard_error: float | None
    n_seeds: int
    mean_of: tuple[int, ...] = ()


@dataclass(frozen=True)
class Standing:
    """What came of one suggestion.

    Attributes:
        number: the suggestion's.
        rows: its completed trials and their results, in number order; at least one.
    """

    number: int
    rows: tuple[tuple[Trial, Result], ...]

    @property
    def n_seeds(self) -> int:
        """How many trials of it were completed."""
        return len(self.rows)

    @property
    def mean(self) -> MeanScore:
        """Of the completed trials: what suggestions are compared by."""
        mean, scores = self.mean_score, self._scores
        numbers = tuple(trial.number for trial, _ in self.rows)
        return MeanScore(mean, _standard_error(scores, mean), len(scores), numbers)

    @property
    def mean_score(self) -> float:
        """The mean alone."""
        return fmean([score * _SHRINK for score in self._scores]) / _SHRINK

    @property
    def _scores(self) -> list[float]:
        return [result.score for _, result in self.rows if result.score is not None]

    @property
    def mean_evaluation(self) -> float:
        """Mean over the evaluations of the trials that had any; negative infinity if none had."""
        curves = [result.mean_evaluation for _, result in self.rows]
        known = [mean for mean in curves if mean is not None]
        return fmean(known) if known else -math.inf

    @property
    def steps_to_solve(self) -> float:
        """Mean of the steps after which its trials were solved; infinity if one was not."""
        solved = [result.solved_at for _, result in self.rows]
        return fmean([math.inf if step is None else step for step in solved])

    @property
    def is_finalist(self) -> bool:
        """Whether a trial of it on a further seed was completed."""
        return any(trial.kind == "finalist" for trial, _ in self.rows)

    def finalists_only(self) -> "Standing":
        """The same without the trials of the search."""
        return replace(self, rows=tuple(row for row in self.rows if row[0].kind == "finalist"))


def standings(history: History) -> dict[int, Standing]:
    """Every suggestion of which a trial that may choose the winner was completed, in order."""
    rows: dict[int, list[tuple[Trial, Result]]] = defaultdict(list)
    for trial, result in history.finished():
        if trial.kind in CHOOSING and counts(result):
            rows[trial.suggestion].append((trial, result))
    return {number: Standing(number, tuple(rows[number])) for number in sorted(rows)}


def standings_of_search(history: History) -> dict[int, Standing]:
    """The same by trials of the search alone, as they stood before any was given more steps."""
    found = {number: standing_in_search(history, number) for number in history.suggestions}
    return {number: standing for number, standing in found.items() if standing is not None}


def standing_in_search(history: History, suggestion: int) -> Standing | None:
    """What came of one suggestion there; None if none of its trials was completed."""
    results = (
        (history.trials[number], history.result_of_search(number))
        for number in history.suggestions[suggestion]
    )
    rows = [(trial, one) for trial, one in results if one is not None and counts(one)]
    return Standing(suggestion, tuple(rows)) if rows else None


def _standard_error(scores: Sequence[float], mean: float) -> float | None:
    if len(scores) < 2:
        return None
    squares = math.hypot(*(score - mean for score in scores))
    error = squares / math.sqrt(len(scores) * (len(scores) - 1))
    return error if math.isfinite(error) else None


def smoothed(scores: Sequence[float]) -> float:
    """What a trial is compared by in the middle of its training: the mean of its last few scores.

    Args:
        scores: of its evaluations until then, at least one.
    """
    return fmean(score * _SHRINK for score in scores[-_SMOOTHED_OVER:]) / _SHRINK


def counts(result: Result) -> bool:
    """Whether a trial that ended so is one that suggestions are compared by."""
    return result.state == "completed" and result.score is not None
