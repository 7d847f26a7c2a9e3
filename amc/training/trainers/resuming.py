"""What a trainer of the user's own goes on from, if it can. The door is `resumed`."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amc.config.schema import ExperimentConfig
from amc.ledger.paths import CheckpointFile, SegmentPaths, checkpoint_files
from amc.training import checkpoint
from amc.training.curve import Evaluation, forget_after
from amc.training.resumption import StartLostError, loss_of
from amc.training.scores import restored
from amc.training.trainers.payload import files_digest, unpack
from amc.training.trial import TrialContext

ORIGIN = "start_digest"
"""Where a checkpoint's progress says what its segment went on from."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Saved:
    """A checkpoint of a segment's own.

    Attributes:
        step: steps trained by then.
        path: its file.
        digest: of the trainer's files in it.
    """

    step: int
    path: Path
    digest: str


@dataclass(frozen=True)
class Start:
    """Where an attempt begins.

    Attributes:
        step: steps trained by then.
        evaluations: made by then.
        checkpoint: what the trainer had saved, unpacked; None from nothing.
        saved: the checkpoint, if it is of the segment's own.
        origin: the digest of what the segment went on from; None from nothing.
    """

    step: int = 0
    evaluations: tuple[Evaluation, ...] = ()
    checkpoint: Path | None = None
    saved: Saved | None = None
    origin: str | None = None


def resumed(config: ExperimentConfig, context: TrialContext) -> Start:
    """What an attempt goes on from; what earlier attempts did after that is forgotten.

    Raises:
        StartLostError: what the segment starts from is gone, damaged or another one.
    """
    start = _found(context) if config.resumable else _from_nothing(context)
    forget_after(start.step, context.directory)
    return start


def _from_nothing(context: TrialContext) -> Start:
    """What an earlier attempt has saved is of another training."""
    for file in checkpoint_files(context.paths.checkpoints):
        file.remove()
    return Start()


def _found(context: TrialContext) -> Start:
    for file in checkpoint_files(context.paths.checkpoints):
        state = checkpoint.read(file)
        if state is not None:
            saved = Saved(state["step"], file.path, files_digest(state))
            return _start(file, state, context, saved)
        # Out of the way: it must not count among the last two that are kept.
        file.remove()
    return _of_lineage(context) if context.lineage else Start()


def _of_lineage(context: TrialContext) -> Start:
    before = context.lineage[-1]
    for file in checkpoint_files(SegmentPaths(before.directory).checkpoints):
        state = checkpoint.read(file) if file.step == before.report.step else None
        if state is not None and files_digest(state) == before.report.digest:
            return _start(file, state, context)
    # What was trained again need not be the same: what a trainer does is its own.
    for file in checkpoint_files(SegmentPaths(context.start_again).checkpoints):
        state = checkpoint.read(file)
        if state is not None:
            return _start(file, state, context)
    raise StartLostError(loss_of(context))


def _start(
    file: CheckpointFile,
    state: Mapping[str, Any],
    context: TrialContext,
    saved: Saved | None = None,
) -> Start:
    _LOG.info("goes on from %s, step %d", file.path.name, file.step)
    evaluations = restored(state["progress"], file.path, file.path.parent.parent)
    place = context.paths.exchange(context.attempt).checkpoint
    # What was trained again is not what was reported; from then on the segment's own say which.
    origin = files_digest(state) if saved is None else state["progress"].get(ORIGIN)
    return Start(state["step"], tuple(evaluations), unpack(state, place), saved, origin)
