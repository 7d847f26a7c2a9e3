"""What a trainer of the user's own is told: `AMC_TRIAL`, and what `{name}` in an argument is.

The door is `facts`.
"""

import os
from pathlib import Path
from typing import Any

from numpy.random import SeedSequence

from amc.config.schema import ExperimentConfig
from amc.training.trainers.resuming import Start
from amc.training.trial import TrialContext

VERSION = 1
"""Of what stands in the file; raised where a name changes its meaning."""


def facts(config: ExperimentConfig, context: TrialContext, start: Start) -> dict[str, Any]:
    """All that a trainer is told, as plain JSON values.

    Args:
        config: with the segment's hyperparameters, seed and horizon applied.
        context: the attempt.
        start: what it goes on from.
    """
    paths, training = context.paths, config.training
    exchange = paths.exchange(context.attempt)
    segment = context.segment
    return {
        "version": VERSION,
        "trial": context.trial.number,
        "attempt": context.attempt,
        "hyperparameters": config.algorithm_config.model_dump(mode="json"),
        "seed": _seed(config.seed),
        "from_step": start.step,
        "until": training.total_timesteps if segment is None else segment.until,
        "horizon": training.total_timesteps,
        "checkpoint": None if start.checkpoint is None else str(start.checkpoint),
        "directory": str(paths.files),
        "source": str(Path(config.source or os.curdir).absolute()),
        "report": str(exchange.reports),
        "stop": str(exchange.stop),
        "threads": training.threads,
        "device": training.device,
        "eval_freq": training.eval_freq,
        "save_freq": training.save_freq,
        "environment": config.environment.model_dump(mode="json"),
    }


def _seed(seed: int) -> int:
    """One that fits a C int: NumPy's old generators take 32 bits, Java's and C's rand 31."""
    return int(SeedSequence(seed).generate_state(1)[0]) >> 1
