"""What is trained in a segment: pure, from the experiment's config and the segment's lineage.

The doors are `segment_config`, `hyperparameters` and `changes`.
"""

from typing import Any

from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.training.trial import TrialContext

# Besides hyperparameters these may differ from a segment to the next: a fork has a seed of its own,
# and a trial may be given more steps.
_FREE = frozenset({"seed", "training.total_timesteps"})


def segment_config(config: ExperimentConfig, context: TrialContext) -> ExperimentConfig:
    """The config of a segment, or of a whole trial: nothing is left to search.

    Its `training.total_timesteps` is the horizon: what depends on how far training has come goes
    by where the trial is meant to end, wherever the segment ends.

    Args:
        config: the experiment's.
        context: an attempt at the segment.

    Raises:
        ConfigError: a hyperparameter is unknown, or its value not allowed.
    """
    segment, to_its_end = context.segment, context.trial.goes_to_its_end
    own = config.for_trial(
        hyperparameters(context), seed=_seed(context), goes_to_its_end=to_its_end
    )
    if segment is None:
        return own
    training = own.training.model_copy(update={"total_timesteps": segment.horizon})
    return own.model_copy(update={"training": training})


def hyperparameters(context: TrialContext) -> dict[str, Any]:
    """Those of the segment, which are the trial's own unless it has others."""
    given = None if context.segment is None else context.segment.hyperparameters
    return context.trial.hyperparameters if given is None else given


def _seed(context: TrialContext) -> int:
    """Where every stream comes from: the last fork in the lineage, else the trial it began with."""
    forks = [one.segment.reseed for one in context.lineage]
    forks += [None if context.segment is None else context.segment.reseed]
    first = context.lineage[0] if context.lineage else context
    return next((seed for seed in reversed(forks) if seed is not None), first.trial.seed)


def changes(before: ExperimentConfig, config: ExperimentConfig) -> frozenset[str]:
    """The dotted keys in which a segment's config may differ from that of its start.

    Args:
        before: of the segment that it starts from.
        config: of the segment.

    Raises:
        UsageError: a hyperparameter differs that what was trained so far depends on.
    """
    keys = config.search_keys()
    fields = [keys.field(path) for path in keys.paths()]
    changed = [field for field in fields if field.of(before) != field.of(config)]
    if fixed := [field for field in changed if not field.may_change]:
        free = ", ".join(sorted(field.name for field in fields if field.may_change))
        raise UsageError(
            f"{fixed[0].path}: it changes from {fixed[0].of(before)!r} to {fixed[0].of(config)!r} "
            "where a segment begins, but what was trained so far depends on it. "
            f"May change: {free}. Keep it as it was, or begin another trial."
        )
    return _FREE | {field.path for field in changed}
