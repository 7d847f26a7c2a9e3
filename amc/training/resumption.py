"""Where an attempt goes on from: its segment's last checkpoint, else the one the segment starts at.

The door is `resume`.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amc.algorithms.base import Algorithm
from amc.config.longer import told_of_longer
from amc.config.schema import ExperimentConfig
from amc.environments.vector import VectorEnvironment
from amc.errors import CheckpointError
from amc.ledger.paths import CheckpointFile, SegmentPaths, checkpoint_files
from amc.training import checkpoint, snapshot
from amc.training.curve import Evaluation
from amc.training.scores import restored
from amc.training.trial import TrialContext

_LOG = logging.getLogger(__name__)
# What may be changed where a run outside of any experiment goes on.
_LONGER = frozenset({"training.total_timesteps"})


class StartLostError(CheckpointError):
    """Raised when the checkpoint that a segment starts from is gone, damaged or another one."""


@dataclass(frozen=True)
class Resumed:
    """What an environment and a learner were put back into.

    Attributes:
        progress: of the training loop, as it was captured.
        evaluations: made until then, over the whole lineage.
        checkpoint: the segment's own; None where it goes on from the one that it starts at.
    """

    progress: dict[str, Any]
    evaluations: list[Evaluation]
    checkpoint: Path | None


def resume(
    config: ExperimentConfig,
    context: TrialContext,
    changed: frozenset[str],
    environment: VectorEnvironment,
    algorithm: Algorithm,
) -> Resumed | None:
    """Put an environment and a learner, freshly made, where the segment goes on.

    Args:
        config: the segment's.
        context: the attempt.
        changed: the keys in which `config` may differ from that of the segment it starts at.
        environment: what is trained in.
        algorithm: what learns.

    Returns:
        What it goes on from; None where it begins from nothing.

    Raises:
        CheckpointError: a checkpoint belongs to another config.
        StartLostError: there is no good checkpoint of its own, nor one to start from.
    """
    for file in checkpoint_files(context.paths.checkpoints):
        state = checkpoint.read(file)
        if state is None:
            # Out of the way: it must not count among the last two that are kept.
            file.remove()
            continue
        free = _LONGER if context.segment is None else frozenset[str]()
        progress = snapshot.restore(state, config, environment, algorithm, changed=free)
        _tell_of_longer(snapshot.written_for(state), config, algorithm)
        return _resumed(file, progress, file.path)
    if not context.lineage:
        return None
    is_fork = context.segment is not None and context.segment.reseed is not None
    for file in _starts(context):
        state = checkpoint.read(file)
        if state is None:
            continue
        progress = snapshot.restore(
            state, config, environment, algorithm, changed=changed, fork=is_fork
        )
        if snapshot.digest(algorithm) == context.lineage[-1].report.digest:
            return _resumed(file, progress, None)
        _LOG.warning("%s: its parameters are not those that were reported", file.path)
    raise StartLostError(loss_of(context))


def _tell_of_longer(
    before: ExperimentConfig, config: ExperimentConfig, algorithm: Algorithm
) -> None:
    """Say what it means that a run ends elsewhere than it was to.

    Raises:
        MismatchError: it was trained further already.
    """
    goal, trained = config.training.total_timesteps, algorithm.num_timesteps
    if goal == before.training.total_timesteps:
        return
    if trained > algorithm.total_timesteps:
        raise snapshot.MismatchError(
            f"training.total_timesteps: this run was trained {trained:,} steps already, but got "
            f"{goal:,}. Ask for more, or start in another directory."
        )
    _LOG.warning("it ends at step %s: %s", f"{goal:,}", told_of_longer(before, trained, goal))


def _starts(context: TrialContext) -> Iterator[CheckpointFile]:
    """The final checkpoints of the segment that it starts from; those trained again come last."""
    start = context.lineage[-1]
    for directory in (start.directory, context.start_again):
        for file in checkpoint_files(SegmentPaths(directory).checkpoints):
            if file.step == start.report.step:
                yield file


def _resumed(file: CheckpointFile, progress: dict[str, Any], own: Path | None) -> Resumed:
    _LOG.info("goes on from %s, step %d", file.path.name, file.step)
    return Resumed(progress, restored(progress, file.path, file.path.parent.parent), own)


def loss_of(context: TrialContext) -> str:
    """The sentence on what a segment starts from, and that is not there."""
    start = context.lineage[-1]
    return (
        f"{SegmentPaths(start.directory).checkpoints}: the checkpoint of step {start.report.step}, "
        "which the training goes on from, is gone or damaged."
    )
