"""What is learned at a decision, and what is opened at it: by rounds, or one after another.

`learnable` and `open_next` are the doors. Neither knows of workers, slots or time: how many may be
open is a setting, and what is learned follows the order in which segments were opened, so that any
number of workers in any order gives the same decisions.
"""

from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.config.search.rungs import rungs
from amc.driver import asha, halving, pbt
from amc.driver.budget import budget
from amc.driver.draft import Draft
from amc.driver.following import follow
from amc.driver.searching import open_finalists, open_suggestions, open_tests
from amc.ledger import History, Report
from amc.ledger.standing import standings


def learnable(config: ExperimentConfig, history: History) -> tuple[Report, ...] | None:
    """The reports that the next decision learns; None while it has to wait for one."""
    search = config.hyperparameter_optimizer
    if not history.open:
        return ()
    if search is None or search.mode == "rounds":
        return None if history.outstanding else tuple(history.fresh[key] for key in history.open)
    if search.order == "as_they_come":
        return tuple(history.fresh[key] for key in history.open if key in history.fresh) or None
    oldest = history.fresh.get(next(iter(history.open)))
    return None if oldest is None else (oldest,)


def open_next(config: ExperimentConfig, past: History, draft: Draft) -> None:
    """Open what comes next; nothing where nothing is left, or where there is no room for it."""
    search = config.hyperparameter_optimizer
    if search is not None and search.mode == "async":
        _open_async(config, search, past, draft)
    else:
        _open_round(config, search, past, draft)
    if not past.open and not draft.segments:
        open_finalists(config, past, draft)
    if not past.open and not draft.segments:
        open_tests(config, past, draft)


def _open_round(
    config: ExperimentConfig,
    search: HyperparameterOptimizerConfig | None,
    past: History,
    draft: Draft,
) -> None:
    is_halving = search is not None and search.pruner == "halving"
    if search is None:
        follow(config, past, draft)
    elif search.type == "pbt":
        pbt.breed(config, search, past, draft)
        follow(config, past, draft)
        return
    elif is_halving:
        halving.promote(config, past, draft)
    if not draft.segments:
        until = rungs(config.training)[0] if is_halving else None
        open_suggestions(config, past, draft, budget(config).suggestions_per_round, until)


def _open_async(
    config: ExperimentConfig,
    search: HyperparameterOptimizerConfig,
    past: History,
    draft: Draft,
) -> None:
    # What cannot go on from a checkpoint is opened whole, and halted by what its segment says.
    is_asha = search.pruner == "asha" and config.is_segmented
    # A suggestion has room in any case, with all of its seeds.
    room = max(search.window, search.seeds_per_trial) - len(past.open)
    if is_asha:
        room -= asha.promote(config, past, draft, room)
    first = rungs(config.training)[0] if is_asha else None
    open_suggestions(config, past, draft, room // search.seeds_per_trial, first)
    if is_asha and not past.open and not draft.segments and not standings(past):
        asha.promote_best(config, past, draft)
