"""The TensorBoard run of an attempt, with the hyperparameters that it is trained with.

The doors are `run_board` and `is_session`.
"""

from amc.training.segments import hyperparameters
from amc.training.tensorboard import TensorBoard, settings
from amc.training.trial import TrialContext


def run_board(context: TrialContext, *, resumed_at: int, is_new: bool) -> TensorBoard:
    """The event file of an attempt at a segment.

    Args:
        context: the attempt.
        resumed_at: the step that it goes on from; 0 from nothing.
        is_new: whether no attempt has trained anything of the segment yet.
    """
    board = TensorBoard(context.tensorboard, attempt=context.attempt, resumed_at=resumed_at)
    values = hyperparameters(context)
    if values and is_session(context):
        board.start_session(values, group=f"suggestion {context.trial.suggestion}")
    if _has_own_hyperparameters(context) and is_new:
        board.scalars(resumed_at, settings(values))
    return board


def is_session(context: TrialContext) -> bool:
    """Whether this says which hyperparameters a run has; it has those that it ends with."""
    segment = context.segment
    is_last = segment is None or segment.until >= segment.horizon
    return is_last or not _has_own_hyperparameters(context)


def _has_own_hyperparameters(context: TrialContext) -> bool:
    segment = context.segment
    return segment is not None and segment.hyperparameters is not None
