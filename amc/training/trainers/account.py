"""What became of a segment that a trainer of the user's own trains: scores, checkpoints, an end.

The door is `Account`: whoever runs the trainer tells it what the trainer tells, and asks it whether
the trainer is to stop.
"""

import errno
import math
import os
import shutil
import time
from pathlib import Path

from amc.config.kernel import OWN
from amc.config.schema import ExperimentConfig
from amc.errors import CheckpointError, TrainerError
from amc.plugins import did_you_mean
from amc.training import checkpoint
from amc.training.curve import Evaluation
from amc.training.scores import Scores
from amc.training.tensorboard import TensorBoard
from amc.training.trainers import payload
from amc.training.trainers.report_lines import ReportLine
from amc.training.trainers.resuming import ORIGIN, Saved, Start
from amc.training.trial import OutcomeState, TrialContext, TrialOutcome
from amc.version import VERSION

MOST_POINTS = 1000
"""On a curve. Who reports at every step has the rest in TensorBoard; the last score is kept always.
"""
GRACE_S = 15.0
"""For saving, from the moment that a trainer is told to stop; then it is ended."""
TOO_FAR = 10
"""So many times as many steps as it was to train: whoever still goes on does not end by itself."""
_MOST_NAMED = 30


class Account:
    """Keeps account of one attempt.

    Args:
        config: with the segment's hyperparameters, seed and horizon applied.
        context: the attempt.
        board: the attempt's.
        start: what the attempt goes on from.

    Attributes:
        step: steps trained so far, all attempts and segments together.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        context: TrialContext,
        board: TensorBoard,
        start: Start,
    ) -> None:
        self._config, self._context, self._board = config, context, board
        self._scores = Scores(config, context, board, start.evaluations, (config.trains, None))
        self._began = time.monotonic()
        self.step = self._recorded_at = start.step
        self._latest: Evaluation | None = None
        self._score = next((one.score for one in reversed(self._scores.curve())), None)
        self._saved, self._origin = start.saved, start.origin
        self._told_to_stop_at: float | None = None
        self._shown: set[str] = set()

    @property
    def until(self) -> int:
        """Where the segment ends."""
        segment = self._context.segment
        return self._config.training.total_timesteps if segment is None else segment.until

    def tell(self, told: ReportLine, directory: Path) -> None:
        """Take note of something that the trainer tells.

        Args:
            told: by the trainer.
            directory: where it runs, for paths that are not absolute.

        Raises:
            TrainerError: it makes no sense after what was told before, or a checkpoint is missing.
        """
        if told.step < self.step:
            raise TrainerError(
                f"reports: step {told.step} after step {self.step}. Steps are counted over the "
                "whole training, across restarts: begin at from_step."
            )
        self.step = told.step
        if told.metrics:
            self._board.scalars(told.step, told.metrics)
        if told.score is not None:
            self._judge(told.step, told.score)
        if told.checkpoint is not None:
            self._save(directory / told.checkpoint)
        self._context.mark("report", self.step)

    def show(self, step: int, tag: str, value: float) -> None:
        """Add a point to a curve in TensorBoard, and to nothing else."""
        self._shown.add(tag)
        if math.isfinite(value):
            self._board.scalars(step, {tag: value})

    def _judge(self, step: int, score: float) -> None:
        self._score = score
        seconds = time.monotonic() - self._began
        self._latest = Evaluation(step, score, std=0.0, episodes=0, length=0.0, seconds=seconds)
        if step - self._recorded_at >= self._spacing:
            self._record()

    @property
    def _spacing(self) -> float:
        """Steps between two points of the curve."""
        horizon = self._config.training.total_timesteps
        # Whoever trains far beyond the horizon is followed at every tenth more.
        return horizon / MOST_POINTS if self._recorded_at < horizon else self._recorded_at / 10

    def _record(self) -> None:
        """Put the latest score on the curve, if it is not there yet."""
        if self._latest is not None:
            self._scores.add(self._latest)
            self._recorded_at, self._latest = self._latest.step, None

    def _save(self, path: Path) -> None:
        self._record()
        progress = {
            "evaluated": self.step,
            "score": self._score,
            "evaluations": self._scores.saved(),
            ORIGIN: self._origin,
        }
        state = payload.packed(path, self._config, step=self.step, progress=progress)
        before = payload.marks(path)
        self._require_room(path, sum(size for _, _, size, _ in before))
        digest = payload.files_digest(state)
        written = checkpoint.save(
            self._context.paths.checkpoints, state, step=self.step, attempt=self._context.attempt
        )
        if payload.marks(path) != before:
            written.unlink()
            raise TrainerError(
                f"checkpoint: {path} was written to while it was read. Take a new name each time, "
                "or trial.save(path), which copies it."
            )
        self._saved = Saved(self.step, written, digest)
        copies = self._context.paths.exchange(self._context.attempt).saved
        if path.parent.parent == copies and ".." not in path.parts:
            shutil.rmtree(path.parent, ignore_errors=True)
        self._context.mark("save", self.step)

    def _require_room(self, path: Path, size: int) -> None:
        """Refuse what cannot fit before it has filled the disk for everybody."""
        disk = shutil.disk_usage(self._context.directory)
        told = f"checkpoint: {path} has {size:,} bytes, and its disk "
        if size > disk.total:
            raise TrainerError(f"{told}{disk.total:,} in all. Save what is needed to go on.")
        if size > disk.free:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise CheckpointError(f"{told}{disk.free:,} free. Make room and resume.") from full

    @property
    def is_halted(self) -> bool:
        """Whether the latest score was too low to go on."""
        return self._scores.are_too_low()

    @property
    def is_complete(self) -> bool:
        """Whether the trainer has come to the segment's end, or solved its task before."""
        return self.step >= self.until or self._scores.ends_at(self._score)

    def is_to_stop(self) -> bool:
        """Whether the trainer is to save and end."""
        is_asked = self._context.should_stop() or self.is_halted or self.is_complete
        if is_asked and self._told_to_stop_at is None:
            self._told_to_stop_at = time.monotonic()
        return is_asked

    def is_to_be_ended(self) -> bool:
        """Whether nothing is to be gained by letting the trainer go on."""
        if not self.is_to_stop():
            return False
        if self.step >= TOO_FAR * self.until:
            return True
        if not self._config.resumable:
            return self.is_halted or self._context.should_stop()
        if self.is_complete:
            # A long step, a last evaluation: it ends by itself once it has saved.
            return self._is_saved and self._is_out_of_grace
        return self._is_out_of_grace

    @property
    def _is_saved(self) -> bool:
        return self._saved is not None and self._saved.step == self.step

    @property
    def _is_out_of_grace(self) -> bool:
        assert self._told_to_stop_at is not None, "who asks has told it"
        return time.monotonic() - self._told_to_stop_at > GRACE_S

    def outcome(self, *, is_over: bool) -> TrialOutcome:
        """What to hand back.

        Args:
            is_over: whether the trainer ended by itself, and well.

        Raises:
            TrainerError: it never told a score, or saved nothing to go on from where it must.
        """
        self._record()
        state = self._state(is_over)
        if state != "interrupted":
            self._require_score()
            self._require_checkpoint()
        saved = self._saved
        return TrialOutcome(
            attempt=self._context.attempt,
            state=state,
            score=self._score,
            steps=self.step,
            seconds=time.monotonic() - self._began,
            digest=None if saved is None else saved.digest,
            checkpoint=None if saved is None else saved.path,
            environment=self._config.trains,
            evaluations=self._scores.curve(),
            solved_at=self._scores.solved_at(),
            start_digest=self._origin,
            amc=(VERSION,),
            kernel=OWN,
        )

    def _state(self, is_over: bool) -> OutcomeState:
        if self.is_complete:
            return "completed"
        if self.is_halted:
            return "halted"
        if self._context.should_stop() or not is_over:
            return "interrupted"
        return "completed"

    def _require_score(self) -> None:
        if self._score is not None:
            return
        if self._config.score_from is not None:
            raise TrainerError(_no_scalar(self._config.score_from.tensorboard, self._shown))
        raise TrainerError(
            "the trainer ended without a score. Report one: trial.report(step, score), a line "
            '{"step": 4096, "score": 211.5} in the file that AMC_REPORT names, or score_from.'
        )

    def _require_checkpoint(self) -> None:
        goes_on = self.until <= self.step and self.until < self._config.training.total_timesteps
        if self._config.resumable and goes_on and not self._is_saved:
            raise TrainerError(
                f"the trainer ended its piece at step {self.step:,} without a checkpoint, and its "
                "training is to go on from there. Save one once should_stop() is true or `until` "
                'is reached: trial.save(path). Or write "resumable": false.'
            )


def _no_scalar(tag: str, there: set[str]) -> str:
    """What to say where the scalar of `score_from` never came."""
    if not there:
        return (
            f"score_from: no event file of TensorBoard with {tag!r} came up below the trial's "
            'directory. Have the trainer write there: give it {directory}, or set "working_'
            'directory": "trial" and write "{source}/train.py" for its path.'
        )
    return (
        f"score_from: no scalar {tag!r} in the trainer's event files. {did_you_mean(tag, there)}"
        f"There: {', '.join(sorted(there)[:_MOST_NAMED])}."
    )
