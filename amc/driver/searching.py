"""New trials of the search, the finalists, and the tests: what every policy opens when it has room.

Its doors are `open_suggestions`, `open_finalists` and `open_tests`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from amc.config.schema import ExperimentConfig
from amc.config.search.rungs import rungs
from amc.driver.budget import budget
from amc.driver.comparison import is_whole, mean_at
from amc.driver.draft import Draft
from amc.driver.median import thresholds
from amc.driver.suggesting import next_suggestions
from amc.driver.told import Row
from amc.ledger import History
from amc.ledger.standing import candidates, ranked, standings_of_search


def open_suggestions(
    config: ExperimentConfig,
    past: History,
    draft: Draft,
    most: int,
    until: int | None = None,
) -> None:
    """Open trials of new suggestions, as far as the budget goes.

    Args:
        config: of the experiment.
        past: what is known.
        draft: where they are opened.
        most: suggestions at most.
        until: where their first segment ends; the trial's end if None.
    """
    search = config.hyperparameter_optimizer
    if search is None:
        if not past.trials:
            # The first as `amc train` on the same config has it, so the two give the same bits.
            for seed in (config.seed, *[None] * (config.seeds - 1)):
                draft.start({}, 0, seed=seed, until=config.stages[0].until)
        return
    planned = budget(config, past.requests.values())
    seeds = planned.next_seeds(past.searched, most) if most > 0 else []
    while seeds and not draft.may_start(sum(seeds), until=until, of_search=True):
        seeds.pop()
    if not seeds:
        return
    rows = [*_rows(config, past), *_requested(draft)]
    below = thresholds(config, past)
    for index, point in enumerate(next_suggestions(config, search, rows, len(seeds))):
        for _ in range(seeds[index]):
            draft.start(point, len(rows) + index, until=until, stop_below=below)


def open_finalists(config: ExperimentConfig, past: History, draft: Draft) -> None:
    """Open the best suggestions of the search again on further seeds, each once.

    Where the search went on afterwards, those that are among the best now and were not before.
    """
    planned = budget(config, past.requests.values())
    if not planned.finalists:
        return
    done = {trial.suggestion for trial in past.trials.values() if trial.kind == "finalist"}
    for standing in candidates(config, past)[: planned.finalists]:
        if standing.number in done or not draft.may_start(planned.finalist_seeds):
            continue
        trial, _ = standing.rows[0]
        for _ in range(planned.finalist_seeds):
            draft.start(trial.hyperparameters, trial.suggestion, kind="finalist")


def open_tests(config: ExperimentConfig, past: History, draft: Draft) -> None:
    """Open the winner again on seeds that had no part in choosing it, unless that was done."""
    seeds = budget(config).test_seeds
    for standing in ranked(config, past)[:1] if seeds else ():
        trial, _ = standing.rows[0]
        tests = (other for other in past.trials.values() if other.kind == "test")
        is_new = all(test.suggestion != trial.suggestion for test in tests)
        if is_new and draft.may_start(seeds):
            for _ in range(seeds):
                draft.start(trial.hyperparameters, trial.suggestion, kind="test")


def _rows(config: ExperimentConfig, past: History) -> list[Row]:
    """Where each suggestion of the search stands."""
    search = config.hyperparameter_optimizer
    groups = past.suggestions
    if search is not None and search.pruner is not None:
        steps = rungs(config.training)
        rows = [_rung_row(past, number, trials, steps) for number, trials in groups.items()]
    else:
        # The search learns from its own seeds alone; those of finalists judge what it found.
        own = standings_of_search(past).items()
        scores = {number: standing.mean.mean_score for number, standing in own}
        rows = [_row(past, number, trials, scores) for number, trials in groups.items()]
    return [replace(row, is_users=_is_users(past, groups[row.suggestion])) for row in rows]


def _requested(draft: Draft) -> list[Row]:
    """Trials of the user's own in the decision that is being made."""
    own = (trial for trial in draft.trials if trial.retry_of is None)
    return [Row(one.suggestion, one.hyperparameters, is_users=True) for one in own]


def _is_users(past: History, trials: Sequence[int]) -> bool:
    """Whether a suggestion is the user's own, and not the search's."""
    found = (past.trials[trial] for trial in trials)
    return all(trial.request is not None and trial.retry_of is None for trial in found)


def _row(past: History, number: int, trials: Sequence[int], scores: Mapping[int, float]) -> Row:
    ends = [past.learned_in.get(past.of_search(trial)) for trial in trials]
    known = [end for end in ends if end is not None]
    learned = max(known) if len(known) == len(ends) else None
    point = past.trials[trials[0]].hyperparameters
    return Row(number, point, learned=learned, score=scores.get(number))


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
