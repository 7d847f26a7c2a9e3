"""Trials whose hyperparameters follow a schedule: a segment for each of its stages.

The schedule is the config's own, or that of a population's winner, which its tests follow. The
doors are `stages_of` and `follow`.
"""

from amc.config.schedule import Stage
from amc.config.schema import ExperimentConfig
from amc.driver.draft import Draft, Fork
from amc.ledger import History
from amc.ledger.ancestry import config_of


def follow(config: ExperimentConfig, past: History, draft: Draft) -> None:
    """Open the next stage of every trial that has come to the end of one."""
    for trial in past.trials.values():
        is_test = trial.kind == "test"
        if past.is_short(trial.number) and (is_test or config.hyperparameter_optimizer is None):
            stages = stages_of(config, past, trial.suggestion)
            stage = stages[past.last[trial.number] + 1]
            # On another seed its draws go on; those of the fork belong to the one it was made for.
            reseed = stage.reseed if trial.seed == config.seed else None
            hyperparameters = {**trial.hyperparameters, **stage.hyperparameters}
            draft.go_on(trial.number, stage.until, fork=Fork(hyperparameters, reseed=reseed))


def stages_of(config: ExperimentConfig, past: History, suggestion: int) -> tuple[Stage, ...]:
    """The pieces in which a suggestion is trained from nothing, on any seed."""
    search = config.hyperparameter_optimizer
    if search is None or search.type != "pbt":
        return config.stages
    return config_of(config, past, past.suggestions[suggestion][0]).stages
