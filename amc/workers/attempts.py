"""One attempt after another, until the segment has its report or is handed back."""

import contextlib
import logging
import os
import signal
import socket

import redis

from amc import logs
from amc.algorithms.base import algorithm_class
from amc.algorithms.descent import import_compiler
from amc.broker import leases
from amc.broker.connection import connect
from amc.broker.keys import Holder
from amc.config.kernel import resolve_kernel
from amc.config.sb3 import naming
from amc.errors import UsageError
from amc.ledger import Attempt, AttemptEnd, Ledger, Report
from amc.ledger.paths import SegmentPaths, checkpoint_files
from amc.ledger.records import OWN_DOING
from amc.lifeline import name_of_signal
from amc.workers.attempt_process import carrying_out
from amc.workers.disk import await_room
from amc.workers.job import Job
from amc.workers.memory import OomKills
from amc.workers.shutdown import Shutdown, handing_back_on_signals
from amc.workers.trial_process import (
    EXIT_FULL_DISK,
    EXIT_INTERRUPTED,
    EXIT_OUT_OF_MEMORY,
    EXIT_RAISED,
    EXIT_USAGE,
)
from amc.workers.watching import Watcher

_LOG = logging.getLogger(__name__)

MAX_INTERRUPTIONS = 20
# What ends a process from outside; the others are what the kernel does to one that went wrong.
_SENT_BY_SOMEBODY = frozenset(
    {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
)


def supervise(ledger: Ledger, trial: int, *, worker: str, queue: str) -> str:
    """Bring the newest segment of a trial to its report, or hand it back.

    Returns:
        What became of it, for the log and Flower: `completed`, `failed`, `interrupted`, or why
        there was nothing to do (`has report`, `is stopped`, `is leased`).
    """
    if Shutdown.must_leave:
        raise SystemExit  # the pool starts another child, and the message comes back
    with handing_back_on_signals():
        return _supervise(Job(ledger, ledger.segment(trial), Holder.here(worker, queue)))


def _supervise(job: Job) -> str:
    if job.report is not None:
        return "has report"
    if job.is_stopped or Shutdown.is_requested():
        return "is stopped"
    lease = leases.acquire(connect(), job.ledger.id, job.trial, job.holder)
    if lease is None:
        return "is leased"
    try:
        return _attempt_until_settled(job, lease)
    finally:
        with contextlib.suppress(redis.RedisError):
            lease.release()


def _attempt_until_settled(job: Job, lease: leases.Lease) -> str:
    while job.report is None:
        if job.is_stopped or Shutdown.is_requested():
            return "interrupted"
        attempts = job.attempts()
        if not await_room(job, attempts, lease):
            return "interrupted"
        step = _checkpoint_step(job) + _steps_of_start(job)
        if reason := exhausted(attempts, job.ledger.config.training.max_attempts, step):
            _record_failure(job, attempts, reason)
            return "failed"
        attempt = job.ledger.claim_attempt(
            job.trial,
            worker=job.holder.worker,
            queue=job.holder.queue,
            host=f"{socket.gethostname()}/{os.getpid()}",
            step=step,
            segment=job.segment.index,
        )
        logs.bind(job.ledger.id, job.trial, attempt.number)
        end = _run_attempt(job, attempt, lease)
        if job.ledger.is_gone:
            return "is removed"  # nothing more is written: its name may be another's by now
        job.ledger.end_attempt(job.trial, attempt.number, end)
        _LOG.info("attempt ended: %s %s", end.outcome, end.detail.rpartition("\n")[2])
        if end.outcome == "interrupted":
            return "interrupted"
    return "completed"


def exhausted(attempts: list[Attempt], max_attempts: int, step: int) -> str | None:
    """Why no further attempt at a segment is made; None while one may be.

    An attempt that got further than any before counts for nothing. Of the rest, ends of
    the trial's own doing count toward `max_attempts`; an attempt without an end, or one that was
    interrupted or killed, is somebody else's fault and has a cap of its own.

    Args:
        attempts: all so far.
        max_attempts: how many may fail by the trial's own doing.
        step: how far it has come, as an attempt that began now would say it.
    """
    if attempts and (end := attempts[-1].end) and end.outcome == "usage":
        return end.detail
    own, interruptions, furthest = [], 0, 0
    for attempt, reached in zip(attempts, [*(a.step for a in attempts[1:]), step], strict=False):
        furthest = max(furthest, attempt.step)
        if reached > furthest:
            interruptions = 0
        elif attempt.end is not None and attempt.end.outcome in OWN_DOING:
            own.append(attempt.end)
        elif attempt.end is None or attempt.end.outcome != "full disk":
            interruptions += 1
    if len(own) >= max_attempts:
        last = f"{own[-1].outcome}: {own[-1].detail}"
        return f"{len(own)} of {max_attempts} attempts failed. The last: {last}"
    if interruptions >= MAX_INTERRUPTIONS:
        return (
            f"interrupted {interruptions} times without a later checkpoint; its workers keep "
            "dying. See `amc logs`."
        )
    return None


def _checkpoint_step(job: Job) -> int:
    """The step of the segment's newest checkpoint; where it began if there is none."""
    paths = job.ledger.paths.trial(job.trial).segment(job.segment.index)
    files = checkpoint_files(paths.checkpoints)
    return files[0].step if files else job.segment.from_step


def _steps_of_start(job: Job) -> int:
    """How far the training of a lost start has come, which may itself have lost its start."""
    paths, furthest = job.ledger.paths.trial(job.trial).segment(job.segment.index), 0
    while (paths := SegmentPaths(paths.start)).directory.is_dir():
        files = checkpoint_files(paths.checkpoints)
        furthest = max(furthest, files[0].step if files else 0)
    return furthest


def _record_failure(job: Job, attempts: list[Attempt], reason: str) -> None:
    last = attempts[-1]
    text = job.ledger.paths.trial(job.trial).traceback(last.number)
    is_told = last.end is not None and last.end.outcome == "usage"
    if text.exists() and not is_told:
        told = text.read_text(encoding="utf-8", errors="replace").strip()
        # A single sentence is told already.
        reason += "" if reason.endswith(told) else f"\n{told}"
    report = Report(
        *job.segment.key,
        "failed",
        step=_checkpoint_step(job),
        attempt=last.number,
        worker=job.holder.worker,
        error=reason.strip(),
    )
    job.ledger.write_report(report)


def _run_attempt(job: Job, attempt: Attempt, lease: leases.Lease) -> AttemptEnd:
    config = job.ledger.config
    if resolve_kernel(config) == "reference" and config.command is None:
        import_compiler()  # here once, and not in every attempt
    if naming.is_sb3(config.algorithm):
        with contextlib.suppress(UsageError, ImportError):  # which the attempt says
            algorithm_class(config.algorithm)
    with carrying_out(job, attempt) as process:
        watcher = Watcher(job, attempt, lease, process)
        status = watcher.watch()
    return watcher.verdict or _classify(job, attempt, status, watcher.oom_kills)


def _classify(job: Job, attempt: Attempt, status: int, oom_kills: OomKills) -> AttemptEnd:
    if job.report is not None:
        return AttemptEnd("result")
    if os.WIFSIGNALED(status):
        return _ended_by(os.WTERMSIG(status), oom_kills)
    code = os.WEXITSTATUS(status)
    if code == EXIT_INTERRUPTED:
        left = "with a checkpoint" if job.ledger.config.is_segmented else "and begins again"
        return AttemptEnd("interrupted", f"stopped on request, {left}")
    if code == EXIT_FULL_DISK:
        return AttemptEnd("full disk", f"no room left at {job.ledger.directory}")
    if code == EXIT_OUT_OF_MEMORY:
        return AttemptEnd("oom", "MemoryError")
    if code == EXIT_RAISED:
        return AttemptEnd("exception", _text_of(job, attempt).splitlines()[-1])
    if code == EXIT_USAGE:
        return AttemptEnd("usage", _text_of(job, attempt))
    return AttemptEnd("exit", f"the trial process exited with code {code} and left no report")


def _ended_by(number: int, oom_kills: OomKills) -> AttemptEnd:
    if number == signal.SIGKILL and oom_kills.was_just_now():
        return AttemptEnd("oom", "killed by the kernel, out of memory")
    if number in _SENT_BY_SOMEBODY:
        return AttemptEnd("killed", f"{name_of_signal(number)} from outside")
    return AttemptEnd("signal", name_of_signal(number))


def _text_of(job: Job, attempt: Attempt) -> str:
    path = job.ledger.paths.trial(job.trial).traceback(attempt.number)
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return text.strip() or "no traceback was left"
