"""New trials of the search, the finalists, and the tests: what every policy opens when it has room.

Its doors are `open_suggestions`, `open_finalists` and `open_tests`.
"""

from amc.config.schema import ExperimentConfig
from amc.config.search.rungs import rungs
from amc.driver import asha, median
from amc.driver.budget import budget
from amc.driver.draft import Draft
from amc.driver.following import stages_of
from amc.driver.rows import Rows
from amc.driver.suggesting import next_suggestions
from amc.driver.told import Row
from amc.ledger import History
from amc.ledger.winner import candidates, ranked


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
    rows = past.aggregate(Rows(None if search.pruner is None else rungs(config.training)))
    rows = rows.changed(_requested(draft))
    below = median.thresholds(config, past) or asha.thresholds(config, past)
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
    for standing in ranked(config, past, most=1) if seeds else ():
        trial, _ = standing.rows[0]
        tests = (other for other in past.trials.values() if other.kind == "test")
        is_new = all(test.suggestion != trial.suggestion for test in tests)
        if is_new and draft.may_start(seeds):
            last = past.segments[past.standing(trial.number)]
            first, *_ = *past.lineage(last), last
            begun_with = past.hyperparameters(first)
            until = stages_of(config, past, trial.suggestion)[0].until
            for _ in range(seeds):
                draft.start(begun_with, trial.suggestion, kind="test", until=until)


def _requested(draft: Draft) -> dict[int, Row]:
    """Trials of the user's own in the decision that is being made, by their suggestion."""
    own = (trial for trial in draft.trials if trial.retry_of is None)
    return {one.suggestion: Row(one.suggestion, one.hyperparameters, is_users=True) for one in own}
