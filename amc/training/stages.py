"""A config with a schedule, trained once, outside any experiment: a segment for each of its stages.

The segments lie in the run's directory as those of a trial lie in the trial's. The door is
`train_stages`.
"""

from dataclasses import replace

from amc.config.schema import ExperimentConfig
from amc.ledger.paths import TrialPaths
from amc.ledger.records import Report, Segment, Trial
from amc.training.lineage import train
from amc.training.trial import Ancestor, TrialContext, TrialOutcome


def train_stages(config: ExperimentConfig, context: TrialContext) -> TrialOutcome:
    """Train every stage to its end, one after another, or until asked to stop.

    Stages that an earlier attempt came through are looked at again, which trains nothing: so a
    config that has changed since is refused.

    Args:
        config: with a schedule.
        context: of the run.
    """
    lineage: tuple[Ancestor, ...] = ()
    seconds = 0.0
    while True:
        segment = _segment(config, context.trial, lineage)
        own = replace(
            context,
            directory=TrialPaths(context.directory).segment(segment.index).directory,
            segment=segment,
            lineage=lineage,
        )
        outcome = train(config, own)
        seconds += outcome.seconds
        is_last = segment.until == segment.horizon
        # What ends earlier had reached the reward threshold.
        if is_last or outcome.state == "interrupted" or outcome.steps < segment.until:
            return replace(outcome, seconds=seconds)
        report = Report(
            *segment.key,
            "completed",
            step=outcome.steps,
            digest=outcome.digest,
            start_digest=outcome.start_digest,
        )
        lineage = (*lineage, Ancestor(own.trial, segment, report, own.directory))


def _segment(config: ExperimentConfig, trial: Trial, lineage: tuple[Ancestor, ...]) -> Segment:
    """The stage that comes after a lineage."""
    stage = config.stages[len(lineage)]
    return Segment(
        trial.number,
        len(lineage),
        from_step=lineage[-1].report.step if lineage else 0,
        until=stage.until,
        horizon=config.training.total_timesteps,
        start=lineage[-1].segment.key if lineage else None,
        hyperparameters={**trial.hyperparameters, **stage.hyperparameters},
        reseed=stage.reseed,
    )
