"""Read the config that a command line names, and say how it was understood.

Its doors are `read_config`, `describe`, `describe_known` and `promised`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from amc.cli import formatting
from amc.cli.output import note
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.config.search import search_space
from amc.config.search.generations import generations, perturbation_interval


def read_config(
    config_path: Path, overrides: Mapping[str, Any], overlays: Sequence[Path] = ()
) -> ExperimentConfig:
    """Load a config as the options of `config_options` say; its warnings go to standard error.

    Raises:
        ConfigError: with every fault of the file, the overlays or the overrides.
    """
    loader = ConfigLoader()
    config = loader.load_config(config_path, overlays, overrides)
    for warning in loader.warnings:
        note(f"warning: {warning}")
    return config


def describe(config: ExperimentConfig) -> None:
    """Say on standard error what will be trained, and how the search space was understood."""
    search = config.hyperparameter_optimizer
    note(f"{config.trains}, {config.training.total_timesteps:,} steps a trial")
    if search is None and (config.seeds > 1 or config.schedule):
        note(promised(config))
    if search is not None:
        note(f"{promised(config)}, over")
        for line in search_space.describe(search.search_space):
            note(f"  {line}")


def describe_known(config: ExperimentConfig) -> None:
    """Say on standard error what the search of a submitted config knows from the start."""
    search = config.hyperparameter_optimizer
    known = None if search is None else search.warm_start
    if known is not None:
        note(f"scores known from the start: {len(known.points or ())}, of {known.experiment}")


def promised(config: ExperimentConfig) -> str:
    """How many trials a config is, as the driver counts them.

    Raises:
        UsageError: its choices make a grid that is too large.
    """
    search = config.hyperparameter_optimizer
    if search is None:
        trials = (
            "one trial" if config.seeds == 1 else f"{config.seeds} trials, each on its own seed"
        )
        steps = ", ".join(f"{stage.from_step:,}" for stage in config.schedule)
        return trials + (f", changed by its schedule at step {steps}" if steps else "")
    from amc.driver.budget import budget

    limit = search.max_failed_trials
    ends = "" if limit is None else f", fewer if more than {limit} fail"
    if search.max_timesteps is not None:
        ends += f", at most {search.max_timesteps:,} steps in all"
    if search.max_hours is not None:
        ends += f", none begun after {search.max_hours:g} hours"
    if search.type == "pbt":
        interval = perturbation_interval(search, config.training)
        count = len(generations(search, config.training))
        tests = budget(config).test_seeds
        return formatting.population(search, interval, count, tests) + ends
    return formatting.budget(search.type, budget(config)) + ends
