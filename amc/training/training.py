"""One attempt at a segment in progress: what there is to do next, and doing it.

The door is `Training`; `amc.training.lineage` drives it. What is due is decided from step counters
that belong to the checkpoint, so it does not matter where an attempt was interrupted.
"""

import logging
import time
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np

from amc.algorithms.base import Algorithm, algorithm_class
from amc.config.schema import ExperimentConfig
from amc.environments import make
from amc.environments.vector import VectorEnvironment
from amc.errors import TrainingError, UsageError
from amc.training import checkpoint, snapshot
from amc.training.curve import Evaluation
from amc.training.episodes import WINDOW, LatestEpisodes
from amc.training.evaluation import evaluate, summary
from amc.training.gpu_usage import GpuUsage
from amc.training.provenance import Provenance
from amc.training.resumption import resume
from amc.training.run_board import is_session, run_board
from amc.training.scores import Scores
from amc.training.trial import OutcomeState, TrialContext, TrialOutcome

# The streams of a trial's seed. Their numbers are part of what a seed means.
ENVIRONMENT, ALGORITHM, EVALUATION = range(3)

_LOG = logging.getLogger(__name__)
_LOG_EVERY_S = 1.0


class Training:
    """An environment, a learner, and what was done with them so far; a context manager.

    Goes on from the last good checkpoint in the segment's directory where there is one, else from
    the one that the segment starts at.

    Args:
        config: with the segment's hyperparameters, seed and horizon applied.
        context: the attempt.
        changed: the keys in which `config` may differ from that of the segment it starts at.

    Raises:
        CheckpointError: the checkpoint there belongs to another config.
        StartLostError: there is none to start from.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        context: TrialContext,
        changed: frozenset[str] = frozenset(),
    ) -> None:
        self._config, self._context, self._changed = config, context, changed
        self._started = self._logged_at = time.monotonic()
        self._evaluated = self._saved = self._logged = 0
        self._score: float | None = None
        self._checkpoint: Path | None = None
        self._metrics: dict[str, float] = {}
        self._provenance = Provenance.here(config)
        with ExitStack() as stack:
            self._environment = stack.enter_context(closing(self._make_environment()))
            self._episodes = LatestEpisodes(self._environment)
            self._algorithm: Algorithm = algorithm_class(config.algorithm)(
                self._environment, config, self._stream(ALGORITHM), self._mark
            )
            before = self._resume()
            self._first_step = self.steps
            self._board = stack.enter_context(
                run_board(context, resumed_at=self.steps, is_new=self._checkpoint is None)
            )
            runs, threshold = self._environment.backend, self._environment.reward_threshold
            self._scores = Scores(config, context, self._board, before, (runs, threshold))
            self._usage = stack.enter_context(closing(GpuUsage(self._algorithm.device)))
            self._open = stack.pop_all()

    @property
    def steps(self) -> int:
        """Environment steps trained, all attempts and segments together."""
        return self._algorithm.num_timesteps

    @property
    def is_finished(self) -> bool:
        """Whether every step was trained, and the agent evaluated and saved."""
        return self._is_at_end and self._evaluated == self.steps and self._is_saved

    @property
    def end(self) -> Literal["completed", "halted"]:
        """How the segment ended, once it is finished."""
        return "completed" if self._is_complete else "halted"

    @property
    def _is_at_end(self) -> bool:
        return self._is_complete or (self._is_judged and self._scores.are_too_low())

    @property
    def _is_complete(self) -> bool:
        segment = self._context.segment
        is_over = segment is not None and self.steps >= segment.until
        is_solved = self._is_judged and self._scores.ends_at(self._score)
        return self._algorithm.is_finished or is_over or is_solved

    @property
    def _is_judged(self) -> bool:
        return self._evaluated == self.steps

    @property
    def _is_saved(self) -> bool:
        """Whether a checkpoint of the segment's own holds everything as it is now."""
        return self._saved == self.steps and self._checkpoint is not None

    def advance(self) -> None:
        """Do what is due: evaluate, or save, or train for one iteration."""
        if self._is_due(self._evaluated, self._config.training.eval_freq):
            self._judge()
        elif self._is_due(self._saved, self._config.training.save_freq) or self._is_at_end:
            self.save()
        else:
            self._iterate()

    def save(self) -> None:
        """Write a checkpoint of everything as it is now."""
        self._saved = self.steps
        progress = {
            "evaluated": self._evaluated,
            "score": self._score,
            "episodes": self._episodes.saved(),
            "evaluations": self._scores.saved(),
            "provenance": self._provenance.saved(),
        }
        state = snapshot.capture(self._config, self._environment, self._algorithm, progress)
        self._checkpoint = checkpoint.save(
            self._context.paths.checkpoints,
            state,
            step=self.steps,
            attempt=self._context.attempt,
        )
        self._mark("save")

    def outcome(self, state: OutcomeState) -> TrialOutcome:
        """What to hand back, after the last `save`."""
        if self._checkpoint is None:
            raise RuntimeError("outcome: nothing was saved yet; call save() first.")
        if state != "interrupted" and is_session(self._context):
            self._board.end_session(self.steps)
        lineage = self._context.lineage
        return TrialOutcome(
            attempt=self._context.attempt,
            state=state,
            score=self._score,
            steps=self.steps,
            seconds=self._seconds(),
            digest=snapshot.digest(self._algorithm),
            checkpoint=self._checkpoint,
            environment=self._environment.backend,
            evaluations=self._scores.curve(),
            solved_at=self._scores.solved_at(),
            start_digest=lineage[-1].report.digest if lineage else None,
            **vars(self._provenance),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def _stream(self, *key: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(self._config.seed, spawn_key=key)

    def _make_environment(self) -> VectorEnvironment:
        # A plug-in's hyperparameters may have neither of the two.
        settings = self._config.algorithm_config
        n_envs, gamma = getattr(settings, "n_envs", 1), getattr(settings, "gamma", 0.99)
        return make(self._config.environment, n_envs, self._stream(ENVIRONMENT), gamma=gamma)

    def _mark(self, kind: str) -> None:
        self._context.mark(kind, self.steps)

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _is_due(self, last: int, frequency: int | None) -> bool:
        """Whether a multiple of `frequency` was crossed since `last`, or the end reached."""
        crossed = frequency is not None and self.steps // frequency > last // frequency
        return self.steps != last and (crossed or self._is_at_end)

    def _resume(self) -> list[Evaluation]:
        """Go on where the segment does; the evaluations that were made until then."""
        resumed = resume(
            self._config, self._context, self._changed, self._environment, self._algorithm
        )
        if resumed is None:
            return []
        progress = resumed.progress
        self._evaluated, self._score = progress["evaluated"], progress["score"]
        self._episodes.restore(progress["episodes"])
        self._provenance = Provenance.here(self._config, progress.get("provenance"))
        self._saved = self._logged = self.steps
        self._checkpoint = resumed.checkpoint
        return resumed.evaluations

    def _iterate(self) -> None:
        before = self.steps
        self._metrics.update(self._algorithm.iterate())
        if self.steps == before:
            raise TrainingError(
                f"algorithm: {self._config.algorithm!r} came back from iterate() without a step, "
                f"at step {before}, so training would never end. Mend it: each call steps the "
                "environment."
            )
        if time.monotonic() - self._logged_at >= _LOG_EVERY_S:
            self._log()

    def _judge(self) -> None:
        """Find the score that the agent has now."""
        self._log()
        if self._config.training.eval_freq is None:
            score = self._training_return()
        elif (score := self._evaluate()) is None:
            return  # asked to stop: it stays due, for the next attempt
        self._evaluated, self._score = self.steps, score
        if self._saved == self.steps:
            # The attempt before was stopped in this evaluation: what it saved lacks the score.
            self.save()

    def _evaluate(self) -> float | None:
        seed = self._stream(EVALUATION, self.steps)
        played = evaluate(self._algorithm, self._config, self._environment, seed, self._may_go_on)
        if played is None:
            return None
        evaluation = summary(played, step=self.steps, seconds=self._seconds())
        self._scores.add(evaluation)
        return evaluation.score

    def _training_return(self) -> float | None:
        """The score where nothing is evaluated; None where a segment ends before any episode."""
        played = self._episodes.played()
        if not played.episodes and not self._algorithm.is_finished:
            return None
        if not played.episodes:
            raise UsageError(
                "training.eval_freq: it is null, so the score is the mean return of the last "
                f"{WINDOW} episodes of training, but none ended in {self.steps} steps. "
                "Set environment.max_episode_steps, train for longer, or set eval_freq."
            )
        return summary(played, step=self.steps, seconds=self._seconds()).score

    def _may_go_on(self) -> bool:
        self._mark("evaluation")
        return not self._context.should_stop()

    def _log(self) -> None:
        """Write the training curves, once per step at most."""
        self._logged_at = time.monotonic()
        if self._logged == self.steps:
            return
        self._logged = self.steps
        speed = (self.steps - self._first_step) / self._seconds()
        values = {**self._metrics, **self._usage.look(), "time/fps": speed}
        self._board.scalars(self.steps, values | self._episodes.means())
