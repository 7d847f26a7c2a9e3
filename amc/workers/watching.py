"""Looking after a trial process: renew its lease, notice a stall, a full memory, a shutdown."""

import logging
import signal
import time

import redis

from amc.broker import hints, leases
from amc.broker.connection import connect
from amc.errors import LedgerError
from amc.ledger import Attempt, AttemptEnd
from amc.workers.attempt_process import AttemptProcess
from amc.workers.job import Job
from amc.workers.memory import OomKills
from amc.workers.shutdown import Shutdown

_LOG = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
# A trial that was asked to stop finishes its iteration and saves; then it is killed.
_STOP_GRACE_S = 20.0


class Watcher:
    """Looks after the process of an attempt until that is over.

    Attributes:
        verdict: how the attempt ended, if the watcher ended it; None if the process did.
        oom_kills: what the kernel did for want of memory meanwhile.
    """

    def __init__(
        self, job: Job, attempt: Attempt, lease: leases.Lease, process: AttemptProcess
    ) -> None:
        self._job, self._attempt, self._lease = job, attempt, lease
        self._process, self._progress = process, process.progress
        config = job.ledger.config
        self._training, self._runs_command = config.training, config.command is not None
        self._marks, self._last_mark = 0, time.monotonic()
        self._began = time.monotonic()
        self._renew_at = self._began + leases.RENEW_EVERY_S
        self._kill_at: float | None = None
        self.verdict: AttemptEnd | None = None
        self.oom_kills = OomKills()

    def watch(self) -> int:
        """Return the wait status of the attempt."""
        while (status := self._process.wait(_LOOK_EVERY_S)) is None:
            self.oom_kills.look()
            for check in (self._check_stop, self._check_stall, self._check_memory, self._renew):
                check()
        return status

    def _end(self, verdict: AttemptEnd) -> None:
        if self.verdict is None:
            _LOG.warning("killing the trial process: %s %s", verdict.outcome, verdict.detail)
            self.verdict = verdict
            self._process.send(signal.SIGKILL)

    def _check_stop(self) -> None:
        now = time.monotonic()
        if self._kill_at is None and (Shutdown.is_requested() or self._job.is_stopped):
            self._process.send(signal.SIGTERM)
            self._kill_at = now + _STOP_GRACE_S
        elif self._kill_at is not None and now > self._kill_at:
            self._end(AttemptEnd("interrupted", f"did not stop within {_STOP_GRACE_S:.0f} s"))

    def _check_stall(self) -> None:
        marks, _, what = self._progress.read()
        now = time.monotonic()
        if marks != self._marks:
            self._marks, self._last_mark = marks, now
        elif now - self._last_mark > self._training.stall_timeout:
            after = what or "the start"
            limit = self._training.stall_timeout
            self._end(AttemptEnd("stall", f"no progress for {limit:g} s after {after}"))

    def _check_memory(self) -> None:
        limit = self._training.memory_limit
        used = self._process.resident_bytes(of_programs=self._runs_command) if limit else 0
        if limit and used > limit:
            self._end(AttemptEnd("oom", f"{used:,} bytes used, memory_limit is {limit:,}"))

    def _check_overtaken(self) -> None:
        """End an attempt that nobody waits for: taken for dead, or its experiment removed."""
        if self._job.ledger.is_gone:
            self._end(AttemptEnd("interrupted", "its experiment was removed"))
            return
        try:
            report = self._job.report
        except (OSError, LedgerError):
            return  # a file server that does not answer costs no running trial
        if report and report.state != "cancelled" and report.attempt != self._attempt.number:
            self._end(AttemptEnd("interrupted", f"attempt {report.attempt} has the report"))

    def _renew(self) -> None:
        now = time.monotonic()
        if now < self._renew_at:
            return
        self._renew_at = now + leases.RENEW_EVERY_S
        self._check_overtaken()
        _, steps, what = self._progress.read()
        report = {
            "steps": steps,
            "mark": what,
            "seconds": round(now - self._began, 1),
            "worker": self._attempt.worker,
        }
        try:
            is_ours = self._lease.renew()
            hints.report_progress(connect(), self._job.ledger.id, self._job.trial, report)
        except redis.RedisError as error:
            # A running trial never dies because the broker is away.
            _LOG.warning("the broker does not answer (%s); the trial goes on", error)
            return
        if not is_ours:
            self._end(AttemptEnd("interrupted", "another worker holds the lease"))
