"""The worker: one trial, or one segment of it, from environment to result.

    outcome = BaseWorker(worker_id=0, config=config, shared_dir="runs/cartpole").run()

Its door is `BaseWorker`. It must not know of queues, brokers or other trials; who runs it is told
how it goes through the hooks of `TrialContext`.
"""

import logging
from os import PathLike
from pathlib import Path

import torch

from amc.config.schema import ExperimentConfig
from amc.permission import require_allowed
from amc.training.lineage import train
from amc.training.segments import segment_config
from amc.training.stages import train_stages
from amc.training.trial import TrialContext, TrialOutcome

__all__ = ["BaseWorker", "TrialContext", "TrialOutcome"]

_LOG = logging.getLogger(__name__)


class BaseWorker:
    """Trains one trial, one segment of it, or one config as it stands.

    Args:
        worker_id: N of `rl-worker-N`, or the whole name.
        config: of the experiment, or of the one run.
        shared_dir: where to write without a trial: checkpoints/, metrics/ and tensorboard/ lie
            directly in it.
        trial: hyperparameters, seed, directories, hooks, and the segment if it is one; None trains
            the config once.
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
        self.config = segment_config(config, self.trial)
        self._experiment = config

    def run(self) -> TrialOutcome:
        """Train to the end, or until asked to stop; goes on from a checkpoint where there is one.

        Interrupted at any moment, by a signal or by `should_stop`, and run again, it arrives at the
        same parameters, bit for bit, as a run that was left alone.

        Raises:
            CheckpointError: the directory holds another config's checkpoint, none can be written,
                or what a segment starts from was lost and cannot be made again.
            EnvironmentFault: the environment cannot be made.
            TrainingError: a loss or a return is not finite.
            UsageError: the segment changes a hyperparameter that must stay, or the config names a
                command or a function that is not allowed here.
        """
        require_allowed(self._experiment)
        torch.set_num_threads(self.config.training.threads)
        self.trial.mark("set-up", 0)
        is_scheduled = self.trial.segment is None and self._experiment.schedule
        outcome = (train_stages if is_scheduled else train)(self._experiment, self.trial)
        _LOG.info("%s: %s at step %d", self.name, outcome.state, outcome.steps)
        return outcome
