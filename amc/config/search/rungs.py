"""Rungs: the steps at which trials of a search with a pruner are compared."""

import math

from amc.config.schema import TrainingConfig

ETA = 3
# How a trial stands early says little of how it ends (rank correlations on 512 real PPO curves,
# LunarLander and Acrobot: 0.40 and 0.33 after a fifth of training, 0.64 and 0.50 after a third).
# With a rung at a fifth halving lost the best configuration in 26 of 30 searches, with one at a
# third in 16 of 150 (`benchmarks/pruning.py`).
EARLIEST = 0.2


def rungs(training: TrainingConfig) -> tuple[int, ...]:
    """The steps at which trials may be halted, each a multiple of `eval_freq`; then their end.

    A rung is a third of what follows it, as long as that is no less than a fifth of the whole.
    """
    found = [training.total_timesteps]
    step = training.total_timesteps / ETA
    while training.eval_freq is not None and step >= EARLIEST * training.total_timesteps:
        rung = math.ceil(step / training.eval_freq) * training.eval_freq
        if rung < found[0]:
            found.insert(0, rung)
        step /= ETA
    return tuple(found)
