"""What more steps mean for a training that was to end earlier. Its door is `told_of_longer`."""

from amc.config.schema import ExperimentConfig


def told_of_longer(config: ExperimentConfig, trained: int, goal: int) -> str:
    """Whether a training that goes on is the same as one that was to go so far from the start.

    It is if nothing that it did so far depended on where it was to end: the learning rate, and the
    last rollout, which is as long as there are steps left.

    Args:
        config: of the training, with its hyperparameters; `total_timesteps` is where it was to end.
        trained: environment steps so far.
        goal: where it ends now.
    """
    if config.has_own_trainer:
        return (
            f"it goes on from its checkpoint at step {trained:,} to step {goal:,}; whether that is "
            "as one training of that length is its trainer's own."
        )
    values = config.algorithm_config
    rollout = values.round_steps()
    if config.optimizer.learning_rate_schedule != "constant":
        rate = config.optimizer.learning_rate * (1 - trained / goal)
        return (
            f"from step {trained:,} on it is a new training: its learning rate follows the "
            f"schedule to step {goal:,}, so it goes on with {rate:.3g}, where it was to end."
        )
    if values.follows_the_end:
        return (
            f"from step {trained:,} on it is a new training: {values.follows_the_end} goes by how "
            f"much is left of it, which is {goal - trained:,} steps again."
        )
    if rollout is None:
        return (
            f"from step {trained:,} on it is a new training, unless an episode ended just there: "
            "it learns after whole episodes."
        )
    if trained % rollout:
        return (
            f"from step {trained:,} on it is a new training: its last rollout there was shorter "
            f"than the {rollout:,} steps of the others."
        )
    return (
        f"it goes on from step {trained:,} as one training of {goal:,} steps would have: its "
        "learning rate is constant, and no rollout was cut short."
    )
