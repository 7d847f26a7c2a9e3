"""One attempt after another, until the trial has a result or is handed back."""

import contextlib
import logging
import os
import signal
import socket
from pathlib import Path

import redis

from amc import logs
from amc.broker import leases
from amc.broker.connection import connect
from amc.broker.lifeline import die_with_parent
from amc.ledger import Attempt, AttemptEnd, Ledger, Result
from amc.ledger.records import OWN_DOING
from amc.supervision.job import Job
from amc.supervision.progress import Progress
from amc.supervision.room import await_room
from amc.supervision.trial_process import (
    EXIT_FULL_DISK,
    EXIT_INTERRUPTED,
    EXIT_OUT_OF_MEMORY,
    EXIT_RAISED,
    trial_process,
)
from amc.supervision.watching import Shutdown, Watcher, handing_back_on_sigterm, watched

_LOG = logging.getLogger(__name__)

MAX_INTERRUPTIONS = 100


def supervise(ledger: Ledger, trial: int, *, worker: str, queue: str) -> str:
    """Bring a trial to its result, or hand it back.

    Returns:
        What became of it, for the log and Flower: `completed`, `failed`, `interrupted`, or why
        there was nothing to do (`has result`, `is stopped`, `is leased`).
    """
    if Shutdown.must_leave:
        raise SystemExit  # the pool starts another child, and the message comes back
    with handing_back_on_sigterm():
        return _supervise(Job(ledger, trial, leases.Owner(worker, queue)))


def _supervise(job: Job) -> str:
    if job.ledger.result(job.trial) is not None:
        return "has result"
    if job.is_stopped or Shutdown.requested:
        return "is stopped"
    lease = leases.acquire(connect(), job.ledger.id, job.trial, job.owner)
    if lease is None:
        return "is leased"
    try:
        return _attempt_until_settled(job, lease)
    finally:
        with contextlib.suppress(redis.RedisError):
            lease.release()


def _attempt_until_settled(job: Job, lease: leases.Lease) -> str:
    while job.ledger.result(job.trial) is None:
        attempts = job.ledger.attempts(job.trial)
        if not await_room(job, attempts, lease):
            return "interrupted"
        if reason := exhausted(attempts, job.ledger.config.training.max_attempts):
            _record_failure(job, attempts, reason)
            return "failed"
        attempt = job.ledger.claim_attempt(
            job.trial,
            worker=job.owner.worker,
            queue=job.owner.queue,
            host=f"{socket.gethostname()}/{os.getpid()}",
        )
        logs.bind(job.ledger.id, job.trial, attempt.number)
        end = _run_attempt(job, attempt, lease)
        job.ledger.end_attempt(job.trial, attempt.number, end)
        _LOG.info("attempt ended: %s %s", end.outcome, end.detail.rpartition("\n")[2])
        if end.outcome == "interrupted":
            return "interrupted"
    return "completed"


def exhausted(attempts: list[Attempt], max_attempts: int) -> str | None:
    """Why no further attempt is made; None while one may be.

    Only ends of the trial's own doing count toward `max_attempts`; an attempt without an end, or
    one that was interrupted, is somebody else's fault and has a cap of its own.
    """
    own = [a for a in attempts if a.end is not None and a.end.outcome in OWN_DOING]
    if len(own) >= max_attempts:
        end = own[-1].end
        detail = f"{end.outcome}: {end.detail}" if end else ""
        return f"{len(own)} of {max_attempts} attempts failed. The last: {detail}"
    if len(attempts) - len(own) >= MAX_INTERRUPTIONS:
        return f"interrupted {MAX_INTERRUPTIONS} times; its workers keep dying. See `amc logs`."
    return None


def _record_failure(job: Job, attempts: list[Attempt], reason: str) -> None:
    last = len(attempts)
    text = job.ledger.paths.trial(job.trial).traceback(last)
    if text.exists():
        reason += "\n" + text.read_text(encoding="utf-8", errors="replace")
    result = Result(
        job.trial, "failed", attempt=last, worker=job.owner.worker, error=reason.strip()
    )
    job.ledger.write_result(result)


def _run_attempt(job: Job, attempt: Attempt, lease: leases.Lease) -> AttemptEnd:
    progress = Progress()
    tie_to_supervisor = die_with_parent()
    killed_before = _oom_kills()
    pid = os.fork()
    if pid == 0:
        # Nothing may return from here into the supervisor's stack: Celery's frames are below.
        code = EXIT_RAISED
        try:
            code = trial_process(job, attempt, progress, tie_to_supervisor)
        finally:
            os._exit(code)
    try:
        with watched(pid) as process:
            watcher = Watcher(job, attempt, lease, progress, process)
            status = watcher.watch()
    finally:
        progress.close()
    if _oom_kills() > killed_before and os.WIFSIGNALED(status):
        return AttemptEnd("oom", "killed by the kernel, out of memory")
    return watcher.verdict or _classify(job, attempt, status)


def _classify(job: Job, attempt: Attempt, status: int) -> AttemptEnd:
    if job.ledger.result(job.trial) is not None:
        return AttemptEnd("result")
    if os.WIFSIGNALED(status):
        return AttemptEnd("signal", signal.Signals(os.WTERMSIG(status)).name)
    code = os.WEXITSTATUS(status)
    if code == EXIT_INTERRUPTED:
        return AttemptEnd("interrupted", "stopped on request, with a checkpoint")
    if code == EXIT_FULL_DISK:
        return AttemptEnd("full disk", f"no room left at {job.ledger.directory}")
    if code == EXIT_OUT_OF_MEMORY:
        return AttemptEnd("oom", "MemoryError")
    if code == EXIT_RAISED:
        return AttemptEnd("exception", _last_line(job, attempt))
    return AttemptEnd("exit", f"the trial process exited with code {code} and left no result")


def _last_line(job: Job, attempt: Attempt) -> str:
    path = job.ledger.paths.trial(job.trial).traceback(attempt.number)
    lines = path.read_text(encoding="utf-8").strip().splitlines() if path.exists() else []
    return lines[-1] if lines else "no traceback was left"


def _oom_kills() -> int:
    with contextlib.suppress(OSError, StopIteration, ValueError):
        text = Path("/proc/vmstat").read_text()
        return int(
            next(line for line in text.splitlines() if line.startswith("oom_kill ")).split()[1]
        )
    return 0
