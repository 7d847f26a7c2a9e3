"""What comes of a trial's evaluations: the curve, TensorBoard's points, whether the task is solved.

The door is `Scores`.
"""

import logging

from amc.config.schema import ExperimentConfig
from amc.environments.vector import VectorEnvironment
from amc.workers.curve import Curve, Evaluation, evaluation_curve, solved_at
from amc.workers.tensorboard import SCORE_TAG, TensorBoard
from amc.workers.trial import TrialContext

_LOG = logging.getLogger(__name__)


class Scores:
    """The evaluations of a trial, to which an attempt adds.

    Args:
        config: with the trial's hyperparameters and seed applied.
        context: the attempt.
        environment: what is trained in; it may know when it counts as solved.
        board: the attempt's.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        context: TrialContext,
        environment: VectorEnvironment,
        board: TensorBoard,
    ) -> None:
        self._training, self._context, self._board = config.training, context, board
        self._environment = environment
        given = config.environment.reward_threshold
        self._threshold = environment.reward_threshold if given is None else given
        self._curve = Curve(context.directory, context.attempt)
        self._has_warned = False

    def add(self, evaluation: Evaluation) -> None:
        """Put an evaluation on the curve, then show it."""
        self._curve.append(evaluation)
        points = {SCORE_TAG: evaluation.score, "eval/mean_ep_length": evaluation.length}
        if evaluation.cut:
            points["eval/cut_episodes"] = evaluation.cut
            self._warn_of_cut(evaluation)
        if self.solved_at() == evaluation.step:
            points["eval/solved_at"] = evaluation.step
        self._board.scalars(evaluation.step, points)
        self._context.on_evaluation(evaluation)

    def curve(self) -> tuple[Evaluation, ...]:
        """Every evaluation so far, all attempts together."""
        return tuple(evaluation_curve(self._context.directory))

    def solved_at(self) -> int | None:
        """Environment steps of the first evaluation at or above the reward threshold."""
        return solved_at(self.curve(), self._threshold)

    def ends_at(self, score: float | None) -> bool:
        """Whether training ends where an evaluation has this score."""
        may_end = self._training.stop_at_reward_threshold and self._context.trial.kind == "search"
        if not may_end or score is None or self._threshold is None:
            return False
        return score >= self._threshold

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
            self._environment.backend,
        )
