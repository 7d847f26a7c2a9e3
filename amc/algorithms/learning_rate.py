"""How the learning rate goes over a training."""

from amc.config.schema import OptimizerConfig


def scheduled_learning_rate(config: OptimizerConfig, progress: float) -> float:
    """The learning rate when `progress` (0 to 1) of the steps lie behind.

    "linear" goes from the configured rate to 0 at the end of training. An update is given the
    progress from before its steps were collected, so that even the last one moves something.
    """
    if config.learning_rate_schedule == "linear":
        return config.learning_rate * (1 - progress)
    return config.learning_rate
