"""Rungs: the steps at which trials of a search with a pruner are compared."""

import math

from amc.config.schema import TrainingConfig

# How a trial stands early says little of how it ends (rank correlations on 512 real PPO curves,
# LunarLander and Acrobot: 0.40 and 0.33 after a fifth of training, 0.64 and 0.50 after a third).
# With a rung at a fifth halving lost the best configuration in 26 of 30 searches, with one at a
# third in 16 of 150 (`benchmarks/pruning.py`).
ETA = 3


def rungs(training: TrainingConfig) -> tuple[int, ...]:
    """The step at which trials may be halted, a multiple of `eval_freq`; then their end.

    It is the first evaluation after a third of the steps. Trials without one have their end alone.
    """
    total, every = training.total_timesteps, training.eval_freq
    if every is None or (rung := math.ceil(total / ETA / every) * every) >= total:
        return (total,)
    return rung, total
