"""What a worker is given (`TrialContext`) and what it hands back (`TrialOutcome`).

Loads neither torch nor gymnasium.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

from amc.ledger.history import History
from amc.ledger.paths import ExperimentPaths, SegmentPaths, checkpoint_files
from amc.ledger.records import Report, Segment, Trial
from amc.training.curve import Evaluation

OutcomeState = Literal["completed", "halted", "interrupted"]


def ignore_mark(kind: str, num_timesteps: int) -> None:
    """A progress mark that nobody watches."""


def ignore_evaluation(evaluation: Evaluation) -> None:
    """An evaluation that nobody waits for."""


def never() -> bool:
    """Nobody asks this trial to stop."""
    return False


@dataclass(frozen=True)
class Ancestor:
    """A segment that a trial's weights came through.

    Attributes:
        trial: whose segment it was.
        segment: what was trained.
        report: what came of it.
        directory: the segment's; its final checkpoint lies in it, unless it was lost.
    """

    trial: Trial
    segment: Segment
    report: Report
    directory: Path


def ancestors(past: History, paths: ExperimentPaths, segment: Segment) -> tuple[Ancestor, ...]:
    """The lineage of a segment, as the log of its experiment tells it, the first one first."""
    return tuple(
        Ancestor(
            past.trials[one.trial],
            one,
            past.learned[one.key],
            paths.trial(one.trial).segment(one.index).directory,
        )
        for one in past.lineage(segment)
    )


@dataclass(frozen=True)
class TrialContext:
    """One attempt at a trial, or at a segment of it: what to train, where to write, whom to tell.

    Attributes:
        trial: hyperparameters and seed.
        attempt: 1-based; whatever this attempt writes carries it.
        directory: the segment's directory; checkpoints and metrics lie in it.
        tensorboard: the directory of the trial's own TensorBoard run.
        mark: told (kind, steps trained) often, kind one of set-up, step, update, evaluation, save,
            so that a supervisor sees life.
        should_stop: asked between iterations and during evaluations; once it answers True the
            trial saves a checkpoint and returns.
        on_evaluation: told each evaluation as it is made.
        segment: which piece of the trial's training; None for all of it.
        lineage: the segments before, from the first on; the last one is where this one starts.
    """

    trial: Trial
    attempt: int
    directory: Path
    tensorboard: Path
    mark: Callable[[str, int], None] = ignore_mark
    should_stop: Callable[[], bool] = never
    on_evaluation: Callable[[Evaluation], None] = ignore_evaluation
    segment: Segment | None = None
    lineage: tuple[Ancestor, ...] = ()

    @property
    def paths(self) -> SegmentPaths:
        """What lies where in `directory`."""
        return SegmentPaths(self.directory)

    @property
    def start_again(self) -> Path:
        """Where the segment that this one starts from is trained again, if its end was lost."""
        return self.paths.start

    def of_start(self) -> Self:
        """The same for the segment that this one starts from, trained again; nobody is told."""
        *before, start = self.lineage
        return replace(
            self,
            trial=start.trial,
            directory=self.start_again,
            tensorboard=SegmentPaths(self.start_again).tensorboard,
            on_evaluation=ignore_evaluation,
            segment=start.segment,
            lineage=tuple(before),
        )

    @classmethod
    def standalone(cls, seed: int, directory: Path) -> Self:
        """A config trained once, outside any experiment, with everything directly in `directory`.

        The attempt is one more than the last that left anything there.
        """
        return cls(
            trial=Trial(number=0, hyperparameters={}, seed=seed),
            attempt=1 + _last_attempt(directory),
            directory=directory,
            tensorboard=SegmentPaths(directory).tensorboard,
        )


@dataclass(frozen=True)
class TrialOutcome:
    """How an attempt ended.

    Attributes:
        attempt: which attempt this was.
        state: `interrupted` if it was asked to stop: it goes on from `checkpoint`; `halted` if an
            evaluation was below the segment's `stop_below`.
        score: mean return of the last evaluation; None if an interruption came before any.
        steps: environment steps trained, all attempts and segments together.
        seconds: wall-clock seconds of this attempt.
        digest: SHA-256 over the parameters and counters, hexadecimal; of a trainer of the user's
            own over the files of its last checkpoint, None without one.
        checkpoint: the last checkpoint; None from a trainer of the user's own that saves none.
        environment: what the environment really ran on, for example "gymnasium 1.4.0 CartPole-v1".
        evaluations: the curve so far, all attempts and segments together.
        solved_at: environment steps of the first evaluation at or above the environment's reward
            threshold; None if there was none.
        start_digest: the digest of what the segment started from; None for nothing.
        amc: versions of amc that the weights came through.
        kernel: what computed the updates, with its version.
        cpu: sets of vector instructions that the weights came through.
    """

    attempt: int
    state: OutcomeState
    score: float | None
    steps: int
    seconds: float
    digest: str | None
    checkpoint: Path | None
    environment: str
    evaluations: tuple[Evaluation, ...]
    solved_at: int | None = None
    start_digest: str | None = None
    amc: tuple[str, ...] = ()
    kernel: str = ""
    cpu: tuple[str, ...] = ()


def _last_attempt(directory: Path) -> int:
    paths = SegmentPaths(directory)
    attempts = [file.attempt for file in checkpoint_files(paths.checkpoints)]
    attempts += [int(path.stem) for path in paths.curves()]
    events = (path.name.split(".")[3] for path in paths.tensorboard.glob("events.out.tfevents.*"))
    attempts += [int(attempt) for attempt in events if attempt.isdecimal()]
    return max(attempts, default=0)
