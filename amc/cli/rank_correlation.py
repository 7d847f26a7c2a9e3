"""Which hyperparameters go together with the scores so far: cheap, and no more than a hint.

The absolute rank correlation (Spearman's) of a hyperparameter's values with the scores of finished
trials of the search, ties in the middle of their ranks; of choices that are no numbers the share of
the ranks' variance between them, less what chance alone explains. It sees each by itself and
straight lines of ranks only, so it orders columns and decides nothing. In plain Python: `amc show`
loads no numpy. Its door is `importance`.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from amc.trial_status import TrialStatus

# Of fewer trials the ranks tell nothing.
_FEWEST = 4


def importance(trials: Sequence[TrialStatus], names: Sequence[str]) -> dict[str, float]:
    """How strongly each hyperparameter goes with the score, from 0 to 1; 0 where it is not known.

    Args:
        trials: of whatever kind and state; those of the search that completed are looked at, and
            where they are few, those that were halted too.
        names: the hyperparameters.
    """
    searched = [one for one in trials if one.kind == "search" and one.score is not None]
    completed = [one for one in searched if one.state == "completed"]
    ended = [one for one in searched if one.state in {"completed", "halted"}]
    used = completed if len(completed) >= _FEWEST else ended
    return {name: _of_one(name, used) for name in names}


def _of_one(name: str, trials: Sequence[TrialStatus]) -> float:
    pairs = [
        (one.hyperparameters[name], one.score)
        for one in trials
        if one.score is not None and one.hyperparameters.get(name) is not None
    ]
    if len(pairs) < _FEWEST:
        return 0.0
    values, scores = [value for value, _ in pairs], _ranks([score for _, score in pairs])
    numeric = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    found = _correlation(_ranks(values), scores) if numeric else _between(values, scores)
    # One that only some trials have, as where it depends on another, tells of these alone.
    return found * len(pairs) / len(trials)


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, at = [0.0] * len(values), 0
    while at < len(order):
        end = at
        while end < len(order) and values[order[end]] == values[order[at]]:
            end += 1
        for index in order[at:end]:
            ranks[index] = (at + end - 1) / 2
        at = end
    return ranks


def _correlation(first: Sequence[float], second: Sequence[float]) -> float:
    middle = (len(first) - 1) / 2
    spread = math.sqrt(_squares(first, middle) * _squares(second, middle))
    if not spread:
        return 0.0  # all the same
    pairs = zip(first, second, strict=True)
    return abs(sum((one - middle) * (other - middle) for one, other in pairs)) / spread


def _between(values: Sequence[Any], ranks: Sequence[float]) -> float:
    groups: dict[str, list[float]] = defaultdict(list)
    for value, rank in zip(values, ranks, strict=True):
        groups[str(value)].append(rank)
    middle, count = (len(ranks) - 1) / 2, len(ranks)
    total = _squares(ranks, middle)
    if not total or not 1 < len(groups) < count:
        return 0.0
    within = sum(_squares(group, sum(group) / len(group)) for group in groups.values())
    return math.sqrt(max(0.0, 1 - within / total * (count - 1) / (count - len(groups))))


def _squares(values: Sequence[float], middle: float) -> float:
    return sum((value - middle) ** 2 for value in values)
