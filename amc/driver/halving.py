"""Successive halving: of a round's suggestions the best third goes on from each rung to the next.

Source: Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943, algorithm 1, with eta 3 and
rungs as `amc.config.search.rungs` has them. Its door is `promote`.
"""

from amc.config.schema import ExperimentConfig
from amc.config.search.rungs import ETA, rungs
from amc.driver.comparison import (
    LEAST_COMPARED,
    is_spared,
    mean_at,
    standing_height,
)
from amc.driver.draft import Draft
from amc.driver.seeds import would_spare
from amc.ledger import History
from amc.ledger.pruning import best_first


def promote(config: ExperimentConfig, past: History, draft: Draft) -> None:
    """Open the next segments of the newest round's trials; none where that round is over."""
    steps = rungs(config.training)
    groups = _newest_round(past)
    heights = {number: standing_height(past, trials, steps) for number, trials in groups.items()}
    top = max(heights.values(), default=len(steps) - 1)
    if top == len(steps) - 1:
        return
    at = {number: trials for number, trials in groups.items() if heights[number] == top}
    spared = {number for number, trials in at.items() if is_spared(past, trials)}
    scores = {number: mean_at(past, trials, steps[top]) for number, trials in at.items()}
    order = best_first({number: scores[number] for number in at if number not in spared})
    keep = len(order) if len(order) < LEAST_COMPARED else max(1, len(order) // ETA)
    doomed = [number for number in at if number not in order[:keep]]
    runs_on = [number for number in doomed if number in spared or would_spare(config.seed, number)]
    sent: list[int] = []
    for number in (*order[:keep], *runs_on):
        short = [trial for one in (*sent, number) for trial in at[one] if past.is_short(trial)]
        if draft.may_go_on(short, steps[top + 1]):
            sent.append(number)
    for number in sorted(sent):
        for trial in filter(past.is_short, at[number]):
            draft.go_on(trial, steps[top + 1], is_spared=number in doomed)


def _newest_round(past: History) -> dict[int, list[int]]:
    """The trials of each suggestion of the newest round of the search, by its number."""
    newest, found = None, dict[int, list[int]]()
    for number in reversed(past.suggestions):
        # What users asked for is trained to its end in one piece.
        trials = [one for one in past.suggestions[number] if past.trials[one].request is None]
        if not trials:
            continue
        newest = past.trials[trials[0]].round if newest is None else newest
        if past.trials[trials[0]].round != newest:
            break
        found[number] = trials
    return {number: found[number] for number in sorted(found)}
