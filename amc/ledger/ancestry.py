"""Where a trial's weights came from: whose they were before, and with what they were trained when.

Pure, from config and history. In a population a trial goes on from another one's checkpoint, so
what trained its weights is a lineage of segments, and a schedule of hyperparameters along it. The
doors are `copies`, `generation` and `config_of`.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from amc.config.schedule import ScheduledChange
from amc.config.schema import ExperimentConfig
from amc.config.search.generations import generations
from amc.ledger.history import History
from amc.ledger.records import Copy, Segment


def copies(history: History, segment: Segment) -> tuple[Copy, ...]:
    """The trials whose weights a segment's trial went on from, the first one first."""
    if segment.start is None:
        return ()
    return tuple(
        Copy(trial=before.trial, step=after.from_step)
        for before, after in pairwise((*history.lineage(segment), segment))
        if before.trial != after.trial
    )


def generation(config: ExperimentConfig, history: History) -> tuple[int, int] | None:
    """The number, from 1 on, of a population's generation, and how many there are; None without."""
    search = config.hyperparameter_optimizer
    if search is None or search.type != "pbt" or not history.suggestions:
        return None
    ends = generations(search, config.training)
    newest = max(history.segments[trial, index].until for trial, index in history.last.items())
    return 1 + ends.index(newest), len(ends)


def config_of(config: ExperimentConfig, history: History, trial: int) -> ExperimentConfig:
    """The config that trains a trial's weights again: one trial, and the schedule that it had.

    Args:
        config: the experiment's.
        history: of the experiment.
        trial: its number.
    """
    last = history.segments[history.standing(trial)]
    chain = (*history.lineage(last), last)
    first, own = history.trials[chain[0].trial], history.trials[trial]
    configs = [
        config.for_trial(
            history.hyperparameters(segment), seed=first.seed, goes_to_its_end=own.goes_to_its_end
        )
        for segment in chain
    ]
    # Who was given more steps since was trained for so many.
    training = configs[0].training.model_copy(update={"total_timesteps": last.horizon})
    schedule = tuple(_changes(chain, configs))
    return configs[0].model_copy(update={"training": training, "schedule": schedule})


def _changes(
    chain: Sequence[Segment], configs: Sequence[ExperimentConfig]
) -> Iterator[ScheduledChange]:
    keys = configs[0].search_keys()
    fields = [keys.field(path) for path in keys.paths()]
    for (start, segment), (before, after) in zip(pairwise(chain), pairwise(configs), strict=True):
        values = {
            field.name if keys.find(field.name) else field.path: field.check(field.of(after))[0]
            for field in fields
            if field.of(after) != field.of(before)
        }
        if values or segment.reseed is not None:
            yield ScheduledChange(
                from_step=start.until, hyperparameters=values, reseed=segment.reseed
            )
