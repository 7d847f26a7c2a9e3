"""The worker: one trial from environment to result.

    outcome = BaseWorker(worker_id=0, config=config, shared_dir="runs/cartpole").run()

Its door is `BaseWorker`. It must not know of queues, brokers or other trials; who runs it is told
how it goes through the hooks of `TrialContext`.
"""

import logging
from os import PathLike
from pathlib import Path

import torch

from amc.config.schema import ExperimentConfig
from amc.training.training import Training
from amc.training.trial import TrialContext, TrialOutcome

__all__ = ["BaseWorker", "TrialContext", "TrialOutcome"]

_LOG = logging.getLogger(__name__)


class BaseWorker:
    """Trains one trial, or one config as it stands.

    Args:
        worker_id: N of `rl-worker-N`, or the whole name.
        config: of the experiment, or of the one run.
        shared_dir: where to write without a trial: checkpoints/, metrics/ and tensorboard/ lie
            directly in it.
        trial: hyperparameters, seed, directories and hooks; None trains the config once.
    """

    def __init__(
        self,
        worker_id: int | str,
        config: ExperimentConfig,
        shared_dir: str | PathLike[str],
        trial: TrialContext | None = None,
    ) -> None:
        self.name = f"rl-worker-{worker_id}" if isinstance(worker_id, int) else worker_id
        self.trial = trial or TrialContext.standalone(config.seed, Path(shared_dir).absolute())
        self.config = trial_config(config, self.trial)

    def run(self) -> TrialOutcome:
        """Train to the end, or until asked to stop; goes on from a checkpoint where there is one.

        Interrupted at any moment, by a signal or by `should_stop`, and run again, it arrives at the
        same parameters, bit for bit, as a run that was left alone.

        Raises:
            CheckpointError: the trial's directory holds another config's checkpoint, or none can be
                written.
            EnvironmentFault: the environment cannot be made.
            TrainingError: a loss or a return is not finite.
        """
        torch.set_num_threads(self.config.training.threads)
        self.trial.mark("set-up", 0)
        with Training(self.config, self.trial) as training:
            _LOG.info("%s trains from step %d", self.name, training.steps)
            while not training.is_finished:
                if self.trial.should_stop():
                    training.save()
                    _LOG.info("%s stopped at step %d", self.name, training.steps)
                    return training.outcome("interrupted")
                training.advance()
            return training.outcome("completed")


def trial_config(config: ExperimentConfig, context: TrialContext) -> ExperimentConfig:
    """The config of one trial: its hyperparameters and seed applied, nothing left to search."""
    trial = context.trial
    is_finalist = trial.kind == "finalist"
    return config.for_trial(trial.hyperparameters, seed=trial.seed, is_finalist=is_finalist)
