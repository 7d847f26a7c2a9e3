"""What the optimizer is told of a search: each suggestion once, by its score or as pending.

Pure, from plain rows. Without pruning scores are told as they are. With pruning, trials end at
different rungs, and their scores cannot be compared: then a suggestion is told the standard normal
quantile of its rank, by the highest rung reached and the score there,

    told = Phi^-1((rank - 1/2) / n),   rank 1 the worst of n, the mean of their ranks for equal ones

which survives scores that fall from rung to rung, and keeps one outlier from flattening the rest.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import NormalDist
from typing import Any

from amc.optimizers import Optimizer


@dataclass(frozen=True)
class Row:
    """Where one suggestion of the search stands.

    Attributes:
        suggestion: its number.
        hyperparameters: what was suggested.
        learned: number of the decision that learned of its end; None while it is pending.
        rung: the highest rung that it reached.
        score: its mean score there; None, or not finite, if it failed.
        is_users: whether the user added it to the search.
    """

    suggestion: int
    hyperparameters: Mapping[str, Any]
    learned: int | None = None
    rung: int = 0
    score: float | None = None
    is_users: bool = False


@dataclass(frozen=True)
class Lesson:
    """Suggestions whose end one decision learned, and what the optimizer is told of them."""

    suggestions: tuple[Mapping[str, Any], ...]
    scores: tuple[float | None, ...]


@dataclass(frozen=True)
class Told:
    """All that an optimizer knows.

    Attributes:
        lessons: in the order in which they were learned.
        pending: suggestions that are being tried, in the order of their numbers.
    """

    lessons: tuple[Lesson, ...]
    pending: tuple[Mapping[str, Any], ...]


def told(rows: Iterable[Row], *, is_pruned: bool) -> Told:
    """What the optimizer is told.

    Args:
        rows: one for each suggestion of the search, in any order.
        is_pruned: whether trials may end at different rungs.
    """
    ordered = sorted(rows, key=lambda row: row.suggestion)
    ended = [row for row in ordered if row.learned is not None]
    scores = _ranks(ended) if is_pruned else {row.suggestion: _finite(row.score) for row in ended}
    lessons = []
    # Sorting is stable, so that suggestions of one decision stay in the order of their numbers.
    for _, group in groupby(sorted(ended, key=_learned), key=_learned):
        members = list(group)
        lessons.append(
            Lesson(
                tuple(row.hyperparameters for row in members),
                tuple(scores[row.suggestion] for row in members),
            )
        )
    pending = tuple(row.hyperparameters for row in ordered if row.learned is None)
    return Told(tuple(lessons), pending)


def teach(optimizer: Optimizer, history: Told) -> None:
    """Bring a new optimizer to where a search stands."""
    for lesson in history.lessons:
        optimizer.update(lesson.suggestions, lesson.scores)
    if history.pending:
        optimizer.expect(history.pending)


def _ranks(rows: Sequence[Row]) -> dict[int, float | None]:
    scored = [(row, score) for row in rows if (score := _finite(row.score)) is not None]
    scored.sort(key=lambda item: (item[0].rung, item[1]))
    quantile = NormalDist().inv_cdf
    found: dict[int, float | None] = {row.suggestion: None for row in rows}
    below = 0
    for _, group in groupby(scored, key=lambda item: (item[0].rung, item[1])):
        equals = [row.suggestion for row, _ in group]
        # The mean of ranks below + 1 to below + k, less a half.
        found |= dict.fromkeys(equals, quantile((below + len(equals) / 2) / len(scored)))
        below += len(equals)
    return found


def _learned(row: Row) -> int:
    return 0 if row.learned is None else row.learned


def _finite(score: float | None) -> float | None:
    return None if score is None or not math.isfinite(score) else score
