"""What no single field can say: whether the sections of a config fit together, and the machine.

Each check yields problems (which refuse the config) or sentences of advice (which do not).
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from amc.config.hyperparameters import Hyperparameters
from amc.config.known.environments import KNOWN
from amc.config.schema import (
    EnvironmentConfig,
    ExperimentConfig,
    HyperparameterOptimizerConfig,
    TrainingConfig,
)
from amc.config.search.dimension import Dimension
from amc.config.search.rungs import rungs
from amc.config.search.search_keys import SearchKeys
from amc.config.text.document import Path, Problem
from amc.errors import UsageError
from amc.plugins import arguments, resolve

# What a search of a plug-in may take besides the search space.
SEARCH_ARGUMENTS = ("n_calls", "seed", "n_initial_points")

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class Searched(NamedTuple):
    """A searched hyperparameter: its key as written, and its dimension."""

    key: str
    dimension: Dimension


def action_space(
    algorithm: str, model: type[Hyperparameters], environment: Any
) -> Iterator[Problem]:
    """An algorithm that cannot choose the environment's kind of actions.

    Args:
        algorithm: its name.
        model: its hyperparameters'.
        environment: the section as written, which may have faults of its own.
    """
    written = environment if isinstance(environment, Mapping) else {}
    name, keywords = written.get("name"), written.get("kwargs")
    known = KNOWN.get(name) if isinstance(name, str) else None
    if known is None:
        return
    kind = known.action_space_with(dict(keywords) if isinstance(keywords, Mapping) else {})
    if kind not in model.action_spaces:
        wanted = " or ".join(sorted(model.action_spaces))
        yield Problem(
            ("environment", "name"),
            f"{name!r} has {kind} actions, but {algorithm} needs {wanted} ones. "
            "Choose another environment or algorithm.",
        )


def fit(
    values: Hyperparameters, searched: Mapping[str, Searched]
) -> tuple[list[Problem], list[str]]:
    """Hyperparameters that do not fit together.

    Args:
        values: as fixed in the config.
        searched: what the search replaces, by hyperparameter.

    Returns:
        Problems that no suggestion avoids; and sentences on those that some suggestions have.
    """
    corners = [dict(values.model_copy(update=corner).problems()) for corner in _corners(searched)]
    found = {key: message for corner in corners for key, message in corner.items()}
    certain = [key for key in found if all(key in corner for corner in corners)]
    return (
        [Problem(_path(key, searched), found[key]) for key in certain],
        [
            f"the search can suggest a {key} that does not fit: {message}"
            for key, message in found.items()
            if key not in certain
        ],
    )


def memory(
    values: Hyperparameters,
    searched: Mapping[str, Searched],
    *,
    environment: EnvironmentConfig,
    training: TrainingConfig,
) -> Iterator[Problem]:
    """More memory than a trial may hold, blamed on the largest part.

    Args:
        values: as fixed in the config; what is searched counts at its greatest.
        searched: what the search replaces, by hyperparameter.
        environment: whose sizes count; one that is not known is taken at one number each.
        training: how many steps there are to remember, and how much memory there is for them.
    """
    known = KNOWN.get(environment.name)
    sizes = (known.observation_size, known.action_size) if known else (1, 1)
    greatest = {key: _extreme(dimension, True) for key, (_, dimension) in searched.items()}
    parts = values.model_copy(update=greatest).memory(*sizes, training.total_timesteps)
    limit = training.memory_limit
    allowed = machine_memory() if limit is None else limit
    needed = sum(parts.values())
    if needed <= allowed:
        return
    key = max(parts, key=lambda part: parts[part])
    source = "this machine has" if limit is None else "training.memory_limit allows"
    yield Problem(
        _path(key, searched),
        f"a trial would need about {_gibibytes(needed)}, but {source} {_gibibytes(allowed)}. "
        "Lower it, or raise training.memory_limit if the workers have more.",
    )


def search(config: HyperparameterOptimizerConfig) -> Iterator[Problem]:
    """A budget that does not pay for a single suggestion, and an order where there is none."""
    if config.n_calls < config.seeds_per_trial:
        yield Problem(
            ("hyperparameter_optimizer", "n_calls"),
            f"{config.n_calls} trials are fewer than the {config.seeds_per_trial} seeds of one "
            "suggestion (seeds_per_trial). Raise it.",
        )
    if config.order == "as_they_come" and config.mode == "rounds":
        yield Problem(
            ("hyperparameter_optimizer", "order"),
            "'as_they_come' goes with mode 'async', but mode is 'rounds', where all of a round is "
            'awaited. Set "mode": "async", or leave the order out.',
        )


def limits(config: HyperparameterOptimizerConfig, training: TrainingConfig) -> Iterator[Problem]:
    """A limit on steps within which no suggestion is trained to its end."""
    least = training.total_timesteps * config.seeds_per_trial
    if config.max_timesteps is not None and config.max_timesteps < least:
        yield Problem(
            ("hyperparameter_optimizer", "max_timesteps"),
            f"{config.max_timesteps:,} steps over all trials are fewer than the {least:,} of one "
            "suggestion (training.total_timesteps, on each of seeds_per_trial). Raise it.",
        )


def seeds(config: ExperimentConfig) -> Iterator[Problem]:
    """Seeds of one configuration where a search tries many."""
    if config.seeds > 1 and config.hyperparameter_optimizer is not None:
        yield Problem(
            ("seeds",),
            f"{config.seeds} seeds are of one configuration, and this config searches for one. "
            "For the seeds of each suggestion set hyperparameter_optimizer.seeds_per_trial, for "
            "those of the winner test_seeds there; or remove the search.",
        )


def pruning(config: HyperparameterOptimizerConfig, training: TrainingConfig) -> Iterator[Problem]:
    """A pruner that the mode does not go with, or that never finds anything to compare."""
    if config.pruner is None or config.type == "pbt":  # which has none, and says so
        return
    path = ("hyperparameter_optimizer", "pruner")
    mode = {"halving": "rounds", "asha": "async"}.get(config.pruner, config.mode)
    if config.mode != mode:
        yield Problem(
            path,
            f"{config.pruner!r} goes with mode {mode!r}, but mode is {config.mode!r}. "
            f'Set "mode": "{mode}", or choose another pruner.',
        )
    if training.eval_freq is None:
        yield Problem(
            path,
            "trials are compared by their evaluations, and training.eval_freq is null. "
            "Set eval_freq, or leave the pruner out.",
        )
    elif len(rungs(training)) == 1:
        yield Problem(
            path,
            "no trial is evaluated between a third of its steps and its end, so there is "
            f"nothing to compare: total_timesteps is {training.total_timesteps}, eval_freq "
            f"{training.eval_freq}. Lower eval_freq, or leave the pruner out.",
        )


def stopping(environment: EnvironmentConfig, training: TrainingConfig) -> Iterator[Problem]:
    """Training that is to stop at a threshold which is not given, or never looked for."""
    if not training.stop_at_reward_threshold:
        return
    path = ("training", "stop_at_reward_threshold")
    if environment.reward_threshold is None:
        yield Problem(
            path,
            "there is no threshold to stop at. Set environment.reward_threshold, or leave it out.",
        )
    if training.eval_freq is None:
        yield Problem(
            path,
            "only an evaluation can reach the threshold, and training.eval_freq is null. "
            "Set eval_freq, or leave it out.",
        )


def plug_in(name: str) -> tuple[list[Problem], list[str]]:
    """A search of a plug-in that no config can make; and that one could not be looked at here."""
    path = ("hyperparameter_optimizer", "type")
    try:
        found = resolve(name, built_in={}, group="amc.optimizers", kind="optimizer")
    except (Exception, SystemExit) as error:  # of code that is not ours
        said = f"{type(error).__name__}: {error}"
        return [], [
            f"{'.'.join(path)}: {name!r} cannot be loaded here, and was not checked: {said}"
        ]
    try:
        arguments(found, ("search_space", {}), dict.fromkeys(SEARCH_ARGUMENTS, 0))
    except UsageError as error:
        return [Problem(path, f"{name!r}: {error}")], []
    lacking = [word for word in ("suggest", "update") if not callable(getattr(found, word, None))]
    if isinstance(found, type) and lacking:
        methods = "suggest(n_suggestions) and update(suggestions, scores)"
        return [
            Problem(path, f"{name!r} has no method {lacking[0]!r}. A search has {methods}.")
        ], []
    return [], []


def constants(config: HyperparameterOptimizerConfig) -> Iterator[str]:
    """Sentences on dimensions of one value: allowed, and not searched."""
    space = config.search_space
    single = [key for key, dimension in space.items() if dimension.is_constant]
    if space and len(single) == len(space):
        yield (
            "hyperparameter_optimizer.search_space: every dimension has a single value, so all "
            "trials try the same."
        )
        return
    for key in single:
        yield (
            f"hyperparameter_optimizer.search_space.{key}: a single value is a constant; "
            "it is not searched."
        )


def advice(
    values: Hyperparameters, searched: Mapping[str, Searched], total_timesteps: int
) -> Iterator[str]:
    """Sentences on what is fixed in the config, allowed, and probably not meant."""
    for keys, message in values.advice(total_timesteps):
        if not keys & searched.keys():
            yield message


def searched(search_space: Mapping[str, Dimension], keys: SearchKeys) -> dict[str, Searched]:
    """The searched hyperparameters, by name, without those within an object of theirs."""
    found = {}
    for key, dimension in search_space.items():
        field = keys.field(key)
        if field.section == "algorithm_config" and not field.below:
            found[field.name] = Searched(key, dimension)
    return found


def _path(hyperparameter: str, searched: Mapping[str, Searched]) -> Path:
    if hyperparameter in searched:
        return ("hyperparameter_optimizer", "search_space", searched[hyperparameter].key)
    return ("algorithm_config", hyperparameter)


def _corners(searched: Mapping[str, Searched]) -> Iterator[dict[str, Any]]:
    """The corners of the space where one setting is at one end and all others at the other."""
    greatest = {name: _extreme(dimension, True) for name, (_, dimension) in searched.items()}
    least = {name: _extreme(dimension, False) for name, (_, dimension) in searched.items()}
    for most, other in ((greatest, least), (least, greatest)):
        yield most
        for name in searched:
            yield {**most, name: other[name]}


def _extreme(dimension: Dimension, greatest: bool) -> Any:
    """The greatest or least value of a dimension; layers are compared by their widths' sum."""
    if dimension.choices is None:
        return dimension.high if greatest else dimension.low
    return (max if greatest else min)(dimension.choices, key=_size)


def _size(choice: Any) -> float:
    if isinstance(choice, list):
        return sum(map(_size, choice))
    return float(choice) if isinstance(choice, int | float) else 0.0


def machine_memory() -> int:
    """Bytes of memory that this machine, or the container around this process, has."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (FilePath(path) for path in _CGROUP_LIMITS)
    written = [path.read_text().strip() for path in limits if path.is_file()]
    return min([total, *(int(text) for text in written if text.isdigit())])


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
