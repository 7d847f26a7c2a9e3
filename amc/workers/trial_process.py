"""What the forked process of an attempt does: train, and report. Its door is `carry_out`."""

import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from statistics import fmean
from types import FrameType

from amc import failpoints, logs
from amc.broker.keys import Holder
from amc.errors import EnvironmentFault, TrainerError, TrainerKilledError, UsageError
from amc.ledger import Attempt, Ledger, Report, Segment, files
from amc.training.snapshot import MismatchError
from amc.training.trial import TrialContext, ancestors
from amc.workers.base import BaseWorker
from amc.workers.job import Job
from amc.workers.memory import resident_bytes
from amc.workers.progress import Progress
from amc.workers.shutdown import disregard_signals
from amc.workers.traces import Traces

EXIT_INTERRUPTED, EXIT_RAISED, EXIT_OUT_OF_MEMORY, EXIT_FULL_DISK = 75, 70, 71, 74
EXIT_USAGE = 64

ENDED, TAKEN = b"ended", b"taken"
"""Said to the pool child: the attempt is over, and: the next one is being made."""
MOST_BYTES = 1 << 20
# For a second the next trial is worth the memory.
_PATIENCE_S = 1.0
# What one attempt has left is not to count against the `memory_limit` of another one.
_MOST_GROWTH_BYTES = 128 << 20


def carry_out(job: Job, attempt: Attempt, progress: Progress, channel: socket.socket) -> int:
    """Make an attempt, and those that are asked for next; what is returned is the exit code.

    Args:
        job: what the first attempt is at.
        attempt: the first attempt.
        progress: told what is done.
        channel: told that an attempt is over, where this process can make another one; by it comes
            what that is.
    """
    disregard_signals()
    _send_prints_to_the_log()
    before, most_bytes = Traces.here(), resident_bytes(os.getpid()) + _MOST_GROWTH_BYTES
    while (code := _attempt(job, attempt, progress)) == 0 and Traces.here() == before:
        if resident_bytes(os.getpid()) > most_bytes:
            break
        channel.send(ENDED)
        if not select.select([channel], [], [], _PATIENCE_S)[0]:
            break
        request = channel.recv(MOST_BYTES)
        if not request:
            break
        job, attempt = _read(request, job.holder)
        logs.bind(job.ledger.id, job.trial, attempt.number)
        progress.restart()
        channel.send(TAKEN)
    return code


def _read(request: bytes, holder: Holder) -> tuple[Job, Attempt]:
    data = json.loads(request)
    ledger = Ledger(Path(data["directory"]))
    segment = Segment.from_json(data["segment"], "the pool child")
    return Job(ledger, segment, holder), Attempt(**data["attempt"])


def _attempt(job: Job, attempt: Attempt, progress: Progress) -> int:
    """Train; 0 where there is a report of it."""
    stop = _StopFlag()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop.request)
    try:
        is_complete = _train(job, attempt, progress, stop)
    except MemoryError:
        return EXIT_OUT_OF_MEMORY
    except BaseException as error:  # an environment may raise SystemExit; nothing above wants one
        if files.is_full_disk(error):
            return EXIT_FULL_DISK
        is_hopeless = _is_the_same_every_time(error, progress)
        path = job.ledger.paths.trial(job.trial).traceback(attempt.number)
        is_told = is_hopeless or isinstance(error, TrainerError)
        text = f"{error}\n" if is_told else traceback.format_exc()
        with failpoints.around("traceback"):
            path.write_text(text, encoding="utf-8", errors="replace")
        if isinstance(error, TrainerKilledError):
            _end_as_it_did(error.number)
        return EXIT_USAGE if is_hopeless else EXIT_RAISED
    return 0 if is_complete else EXIT_INTERRUPTED


def _end_as_it_did(number: int) -> None:
    """End by the signal that ended the command, so that the pool child judges one by the other."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)


def _send_prints_to_the_log() -> None:
    """Standard output belongs to whoever started the worker; what an environment prints is a log.

    Also what it prints past Python, or lets a program of its own print.
    """
    sys.stdout = sys.stderr
    os.dup2(2, 1)


def _is_the_same_every_time(error: BaseException, progress: Progress) -> bool:
    """Whether the config, or what is installed, is at fault, so that no further attempt can help.

    An environment that cannot be made may have found its port taken, say; what it was given, and
    what it lacks, stays as it is.
    """
    if isinstance(error, UsageError | ImportError | MismatchError):
        return True
    is_being_made = progress.read()[2] == "set-up"
    cause = error.__cause__
    return (
        is_being_made
        and isinstance(error, EnvironmentFault)
        and (
            cause is None
            or isinstance(cause, UsageError | ImportError | TypeError | ValueError)
            or type(cause).__module__ == "gymnasium.error"
        )
    )


class _StopFlag:
    def __init__(self) -> None:
        self.is_set = False

    def request(self, _signal: int, _frame: FrameType | None) -> None:
        self.is_set = True


def _train(job: Job, attempt: Attempt, progress: Progress, stop: _StopFlag) -> bool:
    context = _context(job, attempt, progress, stop)
    worker = BaseWorker(attempt.worker, job.ledger.config, job.ledger.directory, trial=context)
    outcome = worker.run()
    if outcome.state == "interrupted":
        return False
    evaluations = [(evaluation.step, evaluation.score) for evaluation in outcome.evaluations]
    own = job.ledger.paths.trial(job.trial).directory
    job.ledger.write_report(
        Report(
            *job.segment.key,
            outcome.state,
            step=outcome.steps,
            score=outcome.score,
            mean_evaluation=_mean([score for _, score in evaluations]),
            curve=tuple(point for point in evaluations if point[0] > job.segment.from_step),
            attempt=attempt.number,
            seconds=outcome.seconds,
            worker=attempt.worker,
            digest=outcome.digest,
            start_digest=outcome.start_digest,
            checkpoint=_below(own, outcome.checkpoint),
            environment=outcome.environment,
            solved_at=outcome.solved_at,
            amc=outcome.amc,
            kernel=outcome.kernel,
            cpu=outcome.cpu,
        )
    )
    return True


def _context(job: Job, attempt: Attempt, progress: Progress, stop: _StopFlag) -> TrialContext:
    past, paths, segment = job.ledger.past, job.ledger.paths, job.segment
    return TrialContext(
        trial=past.trials[segment.trial],
        attempt=attempt.number,
        directory=paths.trial(segment.trial).segment(segment.index).directory,
        tensorboard=paths.tensorboard_run(segment.trial),
        mark=progress.mark,
        should_stop=lambda: stop.is_set,
        segment=segment,
        lineage=ancestors(past, paths, segment),
    )


def _below(directory: Path, checkpoint: Path | None) -> str | None:
    return None if checkpoint is None else str(checkpoint.relative_to(directory))


def _mean(scores: list[float]) -> float | None:
    return fmean(scores) if scores else None
