"""Training a segment to its end; where what it starts from was lost, that is trained again first.

The door is `train`.
"""

import logging
import shutil

from amc.config.schema import ExperimentConfig
from amc.errors import CheckpointError
from amc.training.resumption import StartLostError
from amc.training.segments import changes, segment_config
from amc.training.trainers.own_segment import train_own
from amc.training.training import Training
from amc.training.trial import TrialContext, TrialOutcome

_LOG = logging.getLogger(__name__)


def train(config: ExperimentConfig, context: TrialContext) -> TrialOutcome:
    """Train a segment to its end, or until asked to stop.

    A checkpoint that it starts from, and that is gone or damaged, is made again from the recorded
    segments: in a place of its own, which an attempt that was interrupted there goes on with, and
    which is removed in the end.

    Args:
        config: the experiment's.
        context: the attempt.

    Raises:
        CheckpointError: training the lineage again came to other parameters than were reported.
        UsageError: the segment changes a hyperparameter that must stay.
    """
    try:
        outcome = _train(config, context)
    except StartLostError as loss:
        _LOG.warning("%s It is trained again.", loss)
        again = train(config, context.of_start())
        if again.state == "interrupted":
            return again
        if not config.has_own_trainer:
            _require_reported(context, again)
        outcome = _train(config, context)
    if outcome.state != "interrupted":
        shutil.rmtree(context.start_again, ignore_errors=True)
    return outcome


def _train(config: ExperimentConfig, context: TrialContext) -> TrialOutcome:
    own = segment_config(config, context)
    if own.has_own_trainer:
        return train_own(own, context)
    changed = frozenset[str]()
    if context.lineage:
        changed = changes(segment_config(config, context.of_start()), own)
    with Training(own, context, changed) as training:
        _LOG.info("trains from step %d", training.steps)
        while not training.is_finished:
            if context.should_stop():
                training.save()
                _LOG.info("stopped at step %d", training.steps)
                return training.outcome("interrupted")
            training.advance()
        return training.outcome(training.end)


def _require_reported(context: TrialContext, again: TrialOutcome) -> None:
    report = context.lineage[-1].report
    if again.digest != report.digest:
        raise CheckpointError(
            f"segment {report.index} of trial {report.trial}: its final checkpoint was lost, and "
            f"training it again came to other parameters (digest {again.digest} at step "
            f"{again.steps}) than were reported ({report.digest} at step {report.step}). Another "
            "CPU or other versions can do that. Begin another trial with its hyperparameters."
        )
