"""What comes of a trial's evaluations: the curve, TensorBoard's points, whether the task is solved.

The door is `Scores`.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from amc.config.schema import ExperimentConfig
from amc.ledger.pruning import is_too_low
from amc.training.curve import Curve, Evaluation, evaluation_curve, joined, solved_at
from amc.training.tensorboard import SCORE_TAG, SOLVED_TAG, TensorBoard
from amc.training.trial import TrialContext

_LOG = logging.getLogger(__name__)
# Of an evaluation in a checkpoint; a later version may add some at the end. Numbers alone: how keys
# are pickled hangs on which strings are one object, and so on whether a run was interrupted.
_COLUMNS = ("step", "score", "std", "episodes", "length", "cut")


class Scores:
    """The evaluations of a trial, to which an attempt adds.

    Args:
        config: with the segment's hyperparameters and seed applied.
        context: the attempt.
        board: the attempt's.
        before: the evaluations up to the checkpoint that the attempt goes on from.
        environment: what is trained in, and the mean return at which its makers call it solved.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        context: TrialContext,
        board: TensorBoard,
        before: Iterable[Evaluation],
        environment: tuple[str, float | None],
    ) -> None:
        self._training, self._context, self._board = config.training, context, board
        self._environment, known = environment
        given = config.environment.reward_threshold
        self._threshold = known if given is None else given
        # What a trainer of the user's own tells stands in its checkpoints and in the report, too.
        is_durable = not config.has_own_trainer
        self._curve = Curve(context.directory, context.attempt, is_durable=is_durable)
        self._made = list(before)
        self._has_warned = False

    def add(self, evaluation: Evaluation) -> None:
        """Put an evaluation on the curve, then show it."""
        self._curve.append(evaluation)
        self._made = joined([*self._made, evaluation])
        points = {SCORE_TAG: evaluation.score}
        if evaluation.episodes:
            points["eval/mean_ep_length"] = evaluation.length
        if evaluation.cut:
            points["eval/cut_episodes"] = evaluation.cut
            self._warn_of_cut(evaluation)
        if self.solved_at() == evaluation.step:
            points[SOLVED_TAG] = evaluation.step
        self._board.scalars(evaluation.step, points)
        self._context.on_evaluation(evaluation)

    def curve(self) -> tuple[Evaluation, ...]:
        """Every evaluation so far, all attempts and segments together."""
        return tuple(self._made)

    def saved(self) -> list[list[float]]:
        """The curve for a checkpoint, so that what comes of it hangs on no other file.

        Without its seconds: the same training gives the same checkpoint, however fast it was.
        """
        return [[getattr(one, column) for column in _COLUMNS] for one in self._made]

    def solved_at(self) -> int | None:
        """Environment steps of the first evaluation at or above the reward threshold."""
        return solved_at(self.curve(), self._threshold)

    def ends_at(self, score: float | None) -> bool:
        """Whether training ends where an evaluation has this score."""
        may_end = self._training.stop_at_reward_threshold and self._context.trial.kind == "search"
        if not may_end or score is None or self._threshold is None:
            return False
        return score >= self._threshold

    def are_too_low(self) -> bool:
        """Whether the segment is halted at the latest evaluation; never one that is spared.

        What the segments before evaluated was decided there.
        """
        segment = self._context.segment
        if segment is None or segment.is_spared or not segment.stop_below or not self._made:
            return False  # most are; a function may ask at every step
        points = [(one.step, one.score) for one in self._made]
        return points[-1][0] > segment.from_step and is_too_low(points, segment.stop_below)

    def _warn_of_cut(self, evaluation: Evaluation) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        _LOG.warning(
            "evaluation at step %d: %d of %d episodes were cut off after %d steps "
            "(training.eval_max_episode_steps), for %s has no time limit. Their returns count as "
            "they were then. Set environment.max_episode_steps to have one in training too.",
            evaluation.step,
            evaluation.cut,
            evaluation.episodes,
            self._training.eval_max_episode_steps,
            self._environment,
        )


def restored(progress: Mapping[str, Any], checkpoint: Path, directory: Path) -> list[Evaluation]:
    """The evaluations in a checkpoint; one of an older version leaves them to the curve's files.

    Raises:
        LedgerError: they are not what was written.
    """
    saved = progress.get("evaluations")
    if saved is None:
        return [one for one in evaluation_curve(directory) if one.step <= progress["evaluated"]]
    return [
        Evaluation.from_json({**dict(zip(_COLUMNS, row, strict=False)), "seconds": 0.0}, checkpoint)
        for row in saved
    ]
