"""Generations: the steps at which the members of a population are compared, and the worst copy."""

from amc.config.schema import HyperparameterOptimizerConfig, TrainingConfig

_GENERATIONS = 10


def perturbation_interval(search: HyperparameterOptimizerConfig, training: TrainingConfig) -> int:
    """Steps of a generation: as given, else a tenth of the training, rounded up to `eval_freq`."""
    every = training.eval_freq or training.total_timesteps
    return search.perturbation_interval or every * -(
        -training.total_timesteps // (_GENERATIONS * every)
    )


def generations(search: HyperparameterOptimizerConfig, training: TrainingConfig) -> tuple[int, ...]:
    """The step at which each generation ends; the last is the end of the training."""
    every, total = perturbation_interval(search, training), training.total_timesteps
    return (*range(every, total, every), total)
