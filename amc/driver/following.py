"""Trials whose hyperparameters follow a schedule: a segment for each of its stages.

Its door is `follow`.
"""

from amc.config.schema import ExperimentConfig
from amc.driver.draft import Draft, Fork
from amc.ledger import History


def follow(config: ExperimentConfig, past: History, draft: Draft) -> None:
    """Open the next stage of every trial that has come to the end of one."""
    for trial in past.trials.values():
        if past.is_short(trial.number):
            stage = config.stages[past.last[trial.number] + 1]
            # On another seed its draws go on; those of the fork belong to the one it was made for.
            reseed = stage.reseed if trial.seed == config.seed else None
            hyperparameters = {**trial.hyperparameters, **stage.hyperparameters}
            draft.go_on(trial.number, stage.until, fork=Fork(hyperparameters, reseed=reseed))
