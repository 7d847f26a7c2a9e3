"""The median rule: a trial below the median of the others at the same step is halted.

The thresholds are frozen into a trial's segment when it is opened, so that the worker that halts it
is a pure function of the segment. Source: Golovin et al. 2017, "Google Vizier", section 3.2.2, with
the mean of the last evaluations in place of the running average.
"""

from statistics import median

from amc.config.schema import ExperimentConfig
from amc.config.search.rungs import rungs
from amc.driver.comparison import LEAST_COMPARED, score_of
from amc.ledger import History
from amc.ledger.pruning import StopBelow


def thresholds(config: ExperimentConfig, past: History) -> StopBelow:
    """Pairs of step and score; a trial of the search whose score is lower there is halted."""
    search, every = config.hyperparameter_optimizer, config.training.eval_freq
    if search is None or search.pruner != "median" or every is None:
        return ()
    searched = [trial.number for trial in past.trials.values() if trial.kind == "search"]
    found = []
    for step in range(rungs(config.training)[0], config.training.total_timesteps, every):
        scores = [score_of(past, trial, step) for trial in searched]
        known = [score for score in scores if score is not None]
        if len(known) >= LEAST_COMPARED:
            found.append((step, median(known)))
    return tuple(found)
