"""What the forked process of an attempt does: train, and record the result."""

import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from types import FrameType

from amc.ledger import Attempt, Result, files
from amc.plugins import load
from amc.supervision.job import Job
from amc.supervision.progress import Progress

EXIT_INTERRUPTED, EXIT_RAISED, EXIT_OUT_OF_MEMORY, EXIT_FULL_DISK = 75, 70, 71, 74


def trial_process(
    job: Job, attempt: Attempt, progress: Progress, tie_to_supervisor: Callable[[], None]
) -> int:
    """Train; the return value is the exit code of this process."""
    tie_to_supervisor()
    stop = _StopFlag()
    signal.signal(signal.SIGTERM, stop.request)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        is_complete = _train(job, attempt, progress, stop)
    except MemoryError:
        return EXIT_OUT_OF_MEMORY
    except BaseException as error:  # an environment may raise SystemExit; nothing above wants one
        if files.is_full_disk(error):
            return EXIT_FULL_DISK
        path = job.ledger.paths.trial(job.trial).traceback(attempt.number)
        path.write_text(traceback.format_exc(), encoding="utf-8")
        return EXIT_RAISED
    return 0 if is_complete else EXIT_INTERRUPTED


class _StopFlag:
    def __init__(self) -> None:
        self.is_set = False

    def request(self, _signal: int, _frame: FrameType | None) -> None:
        self.is_set = True


def _train(job: Job, attempt: Attempt, progress: Progress, stop: _StopFlag) -> bool:
    paths = job.ledger.paths
    context = load("amc.workers.base:TrialContext")(
        trial=job.ledger.trial(job.trial),
        attempt=attempt.number,
        directory=paths.trial(job.trial).directory,
        tensorboard=paths.tensorboard_run(job.trial),
        mark=progress.mark,
        should_stop=lambda: stop.is_set,
    )
    worker = load("amc.workers.base:BaseWorker")(
        attempt.worker, job.ledger.config, job.ledger.directory, trial=context
    )
    outcome = worker.run()
    if outcome.state != "completed":
        return False
    job.ledger.write_result(
        Result(
            job.trial,
            "completed",
            score=outcome.score,
            mean_evaluation=_mean([evaluation.score for evaluation in outcome.evaluations]),
            attempt=attempt.number,
            steps=outcome.steps,
            seconds=outcome.seconds,
            worker=attempt.worker,
            digest=outcome.digest,
            checkpoint=str(Path(outcome.checkpoint).relative_to(context.directory)),
            environment=outcome.environment,
            solved_at=outcome.solved_at,
        )
    )
    return True


def _mean(scores: list[float]) -> float | None:
    return fmean(scores) if scores else None
