"""What of a schedule or a population makes no sense: hyperparameters that change in mid-training.

The doors are `schedule`, `population` and `whole`; each yields problems, which refuse a config.
"""

from collections.abc import Iterator

from amc.config.schedule import MOST_CHANGES
from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig, TrainingConfig
from amc.config.search.generations import generations, perturbation_interval
from amc.config.search.search_keys import SearchField, SearchKeys
from amc.config.text.document import Path, Problem

LEAST_MEMBERS, MOST_MEMBERS = 4, 10_000


def schedule(config: ExperimentConfig) -> Iterator[Problem]:
    """Changes out of order, of what has to stay, or to what is not allowed or does not fit."""
    if config.schedule and config.hyperparameter_optimizer is not None:
        message = "a search looks for hyperparameters that stay. Remove one of the two."
        yield Problem(("schedule",), message)
    last, keys, wrong = 0, config.search_keys(), list[Problem]()
    for index, change in enumerate(config.schedule):
        where: Path = ("schedule", index)
        if not last < change.from_step < config.training.total_timesteps:
            message = (
                f"must be more than {last} and less than total_timesteps "
                f"{config.training.total_timesteps}, but got {change.from_step}."
            )
            yield Problem((*where, "from_step"), message)
        last = change.from_step
        for key, value in change.hyperparameters.items():
            below: Path = (*where, "hyperparameters", key)
            field = keys.find(key)
            if field is None or not field.may_change:
                message = keys.why_not(key) if field is None else _must_stay(field, keys)
                wrong.append(Problem(below, message, at_key=True))
            else:
                wrong += [Problem(below, message) for message in field.check(value)[1]]
    yield from wrong
    if not wrong:
        yield from _unfit(config)


def _unfit(config: ExperimentConfig) -> Iterator[Problem]:
    """Hyperparameters that fit together no more once they have changed."""
    for index, stage in enumerate(config.stages[1:]):
        values = config.with_hyperparameters(stage.hyperparameters).algorithm_config
        for key, message in values.problems():
            yield Problem(("schedule", index), f"{key}: {message}")


def whole(config: ExperimentConfig) -> Iterator[Problem]:
    """What takes trials that go on from a checkpoint, where the trainer does not say that it does.

    Args:
        config: whose trials are trained whole, unless `is_segmented`.
    """
    search = config.hyperparameter_optimizer
    if config.is_segmented:
        return
    if_it_can = 'If the trainer saves checkpoints and goes on from them, write "resumable": true'
    if search is not None and search.pruner == "halving":
        yield Problem(
            ("hyperparameter_optimizer", "pruner"),
            f"'halving' sends the best trials on from their checkpoints. {if_it_can}. Else choose "
            "'median', or 'asha' with mode 'async': they stop whole trainings.",
        )
    if search is not None and search.type == "pbt":
        yield Problem(
            ("hyperparameter_optimizer", "type"),
            f"the members of a population go on from each other's checkpoints. {if_it_can}. Else "
            'choose another type, such as "bayesian", and "pruner": "median".',
        )
    if config.schedule:
        yield Problem(
            ("schedule",),
            f"where hyperparameters change, a trial goes on from its checkpoint. {if_it_can}. Else "
            "remove the schedule, and let the trainer change them by itself.",
        )


def population(
    search: HyperparameterOptimizerConfig, training: TrainingConfig, keys: SearchKeys
) -> Iterator[Problem]:
    """What does not go with population based training."""
    if search.type != "pbt":
        return
    for key, message in (*_strange(search), *_lacking(search, training)):
        yield Problem(("hyperparameter_optimizer", key), message)
    if training.stop_at_reward_threshold:
        message = "members are trained to the same step. Leave it out with type 'pbt'."
        yield Problem(("training", "stop_at_reward_threshold"), message)
    for key, dimension in search.search_space.items():
        field = keys.field(key)
        if not field.may_change and not dimension.is_constant:
            path = ("hyperparameter_optimizer", "search_space", key)
            yield Problem(path, _must_stay(field, keys), at_key=True)


def _strange(search: HyperparameterOptimizerConfig) -> Iterator[tuple[str, str]]:
    """Settings of other searches."""
    if search.mode != "rounds":
        yield (
            "mode",
            f"the members of a population are compared where all have come to the same step, "
            f'which is a round, but mode is {search.mode!r}. Write "rounds", or leave it out.',
        )
    if search.pruner is not None:
        yield "pruner", "the worst members copy better ones, so nothing is halted. Leave it out."
    if search.finalists:
        yield (
            "finalists",
            "what a population comes to is a schedule and its weights, not a suggestion that could "
            "be trained again on other seeds. Leave it out.",
        )
    if search.seeds_per_trial > 1:
        yield (
            "seeds_per_trial",
            f"a member is one trial on one seed, but got {search.seeds_per_trial}. Leave it out, "
            "and raise n_calls for a larger population.",
        )
    for limit in ("max_timesteps", "max_hours"):
        if getattr(search, limit) is not None:
            message = "all members begin together and are trained to the same step. Leave it out."
            yield limit, message
    if search.warm_start is not None:
        yield (
            "warm_start",
            "a population learns nothing from scores. Leave it out, and give good points as "
            "initial_points: they are its first members.",
        )


def _lacking(
    search: HyperparameterOptimizerConfig, training: TrainingConfig
) -> Iterator[tuple[str, str]]:
    """Too few members, or nothing to compare them by."""
    if not LEAST_MEMBERS <= search.n_calls <= MOST_MEMBERS:
        yield (
            "n_calls",
            f"a population has {LEAST_MEMBERS} to {MOST_MEMBERS:,} members, "
            f"but got {search.n_calls}.",
        )
    if training.eval_freq is None:
        yield (
            "type",
            "the members of a population are compared by their evaluations, and "
            "training.eval_freq is null. Set eval_freq, or choose another type.",
        )
        return
    every, total = perturbation_interval(search, training), training.total_timesteps
    if every % training.eval_freq:
        yield (
            "perturbation_interval",
            f"must be a multiple of training.eval_freq {training.eval_freq}, so that members are "
            f"compared by an evaluation there, but got {every}.",
        )
    count = len(generations(search, training))
    if not 2 <= count <= MOST_CHANGES:
        yield (
            "perturbation_interval",
            f"{every} steps of {total} make {count} generation{'s' if count > 1 else ''}, but "
            f"2 to {MOST_CHANGES:,} are possible. Change it, total_timesteps or eval_freq.",
        )


def _must_stay(field: SearchField, keys: SearchKeys) -> str:
    free = [other.name for path in keys.paths() if (other := keys.field(path)).may_change]
    return (
        f"{field.name} cannot change in mid-training, since what was trained so far depends on it. "
        f"May change: {', '.join(sorted(free))}."
    )
