"""Asynchronous successive halving: whoever is among the best third at a rung goes on to the next.

Source: Li et al. 2020, https://arxiv.org/abs/1810.05934, algorithm 2, with rungs as
`amc.config.search.rungs` has them, and promotions from checkpoints. Its door is `promote`.
"""

from collections.abc import Sequence

from amc.config.schema import ExperimentConfig
from amc.config.search.rungs import ETA, rungs
from amc.driver.comparison import (
    LEAST_COMPARED,
    is_spared,
    mean_at,
    standing_height,
)
from amc.driver.draft import Draft
from amc.ledger import History
from amc.ledger.pruning import best_first


def promote(config: ExperimentConfig, past: History, draft: Draft, room: int) -> int:
    """Open the next segments of those that deserve it, from the highest rung down.

    Args:
        config: of the experiment.
        past: what is known.
        draft: where they are opened.
        room: segments that may be opened.

    Returns:
        How many were.
    """
    steps = rungs(config.training)
    groups = past.suggestions
    spared = [number for number, trials in groups.items() if is_spared(past, trials)]
    opened = 0
    for rung in reversed(range(len(steps) - 1)):
        scores = {number: mean_at(past, trials, steps[rung]) for number, trials in groups.items()}
        order = best_first({n: score for n, score in scores.items() if n not in spared})
        keep = len(order) // ETA if len(order) >= LEAST_COMPARED else 0
        for number in (*order, *spared):
            trials = groups[number]
            waits = standing_height(past, trials, steps) == rung and all(map(past.is_short, trials))
            is_promoted = number in order[:keep]
            runs_on = number in spared or (keep > 0 and draft.would_spare(number))
            if not waits or opened + len(trials) > room:
                continue
            if (is_promoted or runs_on) and draft.may_go_on(trials, steps[rung + 1]):
                opened += _go_on(draft, trials, steps[rung + 1], is_spared=not is_promoted)
    return opened


def promote_best(config: ExperimentConfig, past: History, draft: Draft) -> None:
    """Send on the best of those that came furthest, so that one comes to the end in any case."""
    steps = rungs(config.training)
    waiting = {n: t for n, t in past.suggestions.items() if all(map(past.is_short, t))}
    heights = {number: standing_height(past, trials, steps) for number, trials in waiting.items()}
    top = max(heights.values(), default=len(steps) - 1)
    order = best_first(
        {n: mean_at(past, trials, steps[top]) for n, trials in waiting.items() if heights[n] == top}
    )
    for number in order[:1]:
        _go_on(draft, waiting[number], steps[top + 1], is_spared=False)


def _go_on(draft: Draft, trials: Sequence[int], until: int, *, is_spared: bool) -> int:
    for trial in trials:
        draft.go_on(trial, until, is_spared=is_spared)
    return len(trials)
