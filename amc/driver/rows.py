"""Where each suggestion of a search stands, as its optimizer is told; the aggregate is `Rows`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from amc.driver.comparison import is_whole, mean_at
from amc.driver.told import Row
from amc.ledger import History
from amc.ledger.sorted_map import SortedMap
from amc.ledger.standing import standing_in_search


@dataclass(frozen=True)
class Rows:
    """A row for each suggestion of the search, by its number.

    Attributes:
        rungs: where trials are compared; None without pruning.
    """

    rungs: tuple[int, ...] | None = None

    def of(
        self, past: History, trials: Iterable[int], before: SortedMap[int, Row] | None
    ) -> SortedMap[int, Row]:
        """See `Aggregate`."""
        touched = (past.trials[number] for number in trials)
        numbers = {trial.suggestion for trial in touched if trial.kind == "search"}
        new = {number: self._row(past, number) for number in sorted(numbers)}
        return (before or SortedMap()).changed(new)

    def _row(self, past: History, number: int) -> Row:
        trials = past.suggestions[number]
        if self.rungs is None:
            row = _row(past, number, trials)
        else:
            row = _rung_row(past, number, trials, self.rungs)
        return replace(row, is_users=_is_users(past, trials[0]))


def _is_users(past: History, number: int) -> bool:
    """Whether a trial, or the one that it repeats, is the user's own."""
    trial = past.trials[number]
    while trial.retry_of is not None:
        trial = past.trials[trial.retry_of]
    return trial.request is not None


def _row(past: History, number: int, trials: Sequence[int]) -> Row:
    ends = [past.learned_in.get(past.of_search(trial)) for trial in trials]
    known = [end for end in ends if end is not None]
    learned = max(known) if len(known) == len(ends) else None
    # The search learns from its own seeds alone; those of finalists judge what it found.
    own = standing_in_search(past, number)
    score = None if own is None else own.mean_score
    return Row(number, past.trials[trials[0]].hyperparameters, learned=learned, score=score)


def _rung_row(past: History, number: int, trials: Sequence[int], steps: tuple[int, ...]) -> Row:
    """By the highest rung that all of its trials have come to, or failed before."""
    point = past.trials[trials[0]].hyperparameters
    for rung in reversed(range(len(steps))):
        came = [_came_in(past, trial, steps[rung]) for trial in trials]
        known = [decision for decision in came if decision is not None]
        if len(known) == len(came):
            score = mean_at(past, trials, steps[rung])
            return Row(number, point, max(known), rung if score is not None else 0, score)
    return Row(number, point)


def _came_in(past: History, trial: int, step: int) -> int | None:
    """The decision that learned that a trial came to a step, or ended before; None if none did."""
    for index in range(past.last[trial] + 1):
        report = past.learned.get((trial, index))
        if report is None:
            return None
        reached = any(at >= step for at, _ in report.curve)
        if reached or report.state in {"failed", "cancelled"}:
            return past.learned_in[trial, index]
    return past.learned_in[trial, past.last[trial]] if is_whole(past, trial) else None
