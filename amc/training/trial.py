"""What a worker is given (`TrialContext`) and what it hands back (`TrialOutcome`).

Loads neither torch nor gymnasium.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from amc.ledger.records import Trial
from amc.training.curve import Evaluation, metrics_files

TENSORBOARD_DIRECTORY = "tensorboard"
CHECKPOINT_DIRECTORY = "checkpoints"


def ignore_mark(kind: str, num_timesteps: int) -> None:
    """A progress mark that nobody watches."""


def ignore_evaluation(evaluation: Evaluation) -> None:
    """An evaluation that nobody waits for."""


def never() -> bool:
    """Nobody asks this trial to stop."""
    return False


@dataclass(frozen=True)
class TrialContext:
    """One attempt at a trial: what to train, where to write, whom to tell.

    Attributes:
        trial: hyperparameters and seed.
        attempt: 1-based; whatever this attempt writes carries it.
        directory: the trial's directory; checkpoints and metrics lie in it.
        tensorboard: the directory of the trial's own TensorBoard run.
        mark: told (kind, steps trained) often, kind one of set-up, step, update, evaluation, save,
            so that a supervisor sees life.
        should_stop: asked between iterations and during evaluations; once it answers True the
            trial saves a checkpoint and returns.
        on_evaluation: told each evaluation as it is made.
    """

    trial: Trial
    attempt: int
    directory: Path
    tensorboard: Path
    mark: Callable[[str, int], None] = ignore_mark
    should_stop: Callable[[], bool] = never
    on_evaluation: Callable[[Evaluation], None] = ignore_evaluation

    @classmethod
    def standalone(cls, seed: int, directory: Path) -> Self:
        """A config trained once, outside any experiment, with everything directly in `directory`.

        The attempt is one more than the last that left anything there.
        """
        return cls(
            trial=Trial(number=0, hyperparameters={}, seed=seed),
            attempt=1 + _last_attempt(directory),
            directory=directory,
            tensorboard=directory / TENSORBOARD_DIRECTORY,
        )


@dataclass(frozen=True)
class TrialOutcome:
    """How an attempt ended.

    Attributes:
        attempt: which attempt this was.
        state: `interrupted` if it was asked to stop; it goes on from `checkpoint`.
        score: mean return of the last evaluation; None if an interruption came before any.
        steps: environment steps trained, all attempts together.
        seconds: wall-clock seconds of this attempt.
        digest: SHA-256 over the parameters and counters, hexadecimal.
        checkpoint: the last checkpoint.
        environment: what the environment really ran on, for example "gymnasium 1.4.0 CartPole-v1".
        evaluations: the curve so far, all attempts together.
        solved_at: environment steps of the first evaluation at or above the environment's reward
            threshold; None if there was none.
    """

    attempt: int
    state: Literal["completed", "interrupted"]
    score: float | None
    steps: int
    seconds: float
    digest: str
    checkpoint: Path
    environment: str
    evaluations: tuple[Evaluation, ...]
    solved_at: int | None = None


def _last_attempt(directory: Path) -> int:
    checkpoints = (directory / CHECKPOINT_DIRECTORY).glob("*-*.pt")
    attempts = [path.stem.rpartition("-")[2] for path in checkpoints]
    attempts += [path.stem for path in metrics_files(directory)]
    attempts += [
        path.name.split(".")[3]
        for path in (directory / TENSORBOARD_DIRECTORY).glob("events.out.tfevents.*")
    ]
    return max((int(attempt) for attempt in attempts if attempt.isdecimal()), default=0)
