"""The process in which attempts are made, as the pool child that forks it sees it.

Its door is `carrying_out`. To fork a process that holds torch, and to let the copy touch its own
pages, costs 40 ms of processor time: four times what a trial of one update does besides. So a
process that an attempt left as it was takes the next one, too; any other has ended with its
attempt, and a new one is forked.
"""

import contextlib
import json
import os
import select
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict
from types import FrameType
from typing import Any

from amc import lifeline
from amc.ledger import Attempt
from amc.lifeline import die_with_parent
from amc.workers.job import Job
from amc.workers.memory import resident_bytes, resident_bytes_below
from amc.workers.progress import Progress
from amc.workers.trial_process import ENDED, EXIT_RAISED, MOST_BYTES, TAKEN, carry_out

# A process that does not say that it takes an attempt has just ended for want of one.
_TAKE_S = 1.0

_idle: "AttemptProcess | None" = None


@contextlib.contextmanager
def carrying_out(job: Job, attempt: Attempt) -> Iterator["AttemptProcess"]:
    """The process that makes an attempt; neither it nor what it started goes on after the block.

    Unless it waits for the next attempt by then, which it does for a second.
    """
    process = _taking(job, attempt) or AttemptProcess(job, attempt)
    lifeline.adopt_orphans()
    try:
        yield process
    finally:
        process.end_descendants()
        if process.is_idle and _listen(_bury):
            _keep(process)
        else:
            process.close()
        lifeline.adopt_orphans(False)


def _taking(job: Job, attempt: Attempt) -> "AttemptProcess | None":
    """The process that waits for an attempt, if there is one and it takes this one."""
    global _idle
    if _idle is None or not _idle.take(job, attempt):
        dismiss()
        return None
    _listen(signal.SIG_DFL)
    process, _idle = _idle, None
    return process


def _listen(handler: Any) -> bool:
    """Have this called when a child ends; False in a thread, which may not ask for that."""
    if threading.current_thread() is not threading.main_thread():
        return False
    signal.signal(signal.SIGCHLD, handler)
    return True


def _keep(process: "AttemptProcess") -> None:
    global _idle
    _idle = process
    if process.has_ended:
        _bury(signal.SIGCHLD, None)  # before anybody listened


def _bury(_number: int, _frame: FrameType | None) -> None:
    """Wait for the process that waited for an attempt in vain."""
    if _idle is not None and _idle.has_ended:
        dismiss()


def dismiss() -> None:
    """End the process that waits for an attempt, if one does; the next one finds things anew."""
    global _idle
    process, _idle = _idle, None
    if process is not None:
        _listen(signal.SIG_DFL)
        process.close()


class AttemptProcess:
    """A forked process; looked after by its handle, so that a recycled pid is never hit.

    Args:
        job: what the first attempt is at.
        attempt: the first attempt.

    Attributes:
        progress: what the attempt has done last.
        is_idle: whether its attempt is over, and it waits for another one.
    """

    def __init__(self, job: Job, attempt: Attempt) -> None:
        self.progress = Progress()
        self.is_idle = self._is_silent = False
        self._others = frozenset(lifeline.children())
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        tie_to_supervisor = die_with_parent()
        self._pid = os.fork()
        if self._pid == 0:
            # Nothing may return from here into the supervisor's stack: Celery's frames are below.
            code = EXIT_RAISED
            try:
                self._channel.close()
                tie_to_supervisor()
                code = carry_out(job, attempt, self.progress, theirs)
            finally:
                os._exit(code)
        theirs.close()
        self._handle = os.pidfd_open(self._pid)

    def take(self, job: Job, attempt: Attempt) -> bool:
        """Hand it a further attempt; False if it is not there any more."""
        self._others = frozenset(lifeline.children() - {self._pid})
        request = {
            "directory": str(job.ledger.directory),
            "segment": job.segment.to_json(),
            "attempt": asdict(attempt),
        }
        with contextlib.suppress(OSError):
            self._channel.send(json.dumps(request).encode())
            self._channel.settimeout(_TAKE_S)
            if self._channel.recv(MOST_BYTES) == TAKEN:
                self.is_idle = False
                return True
        return False

    def wait(self, timeout_s: float) -> int | None:
        """The wait status of its attempt, or None if that is not over when the time is up."""
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        if not self._is_silent:
            poll.register(self._channel, select.POLLIN)
        poll.poll(timeout_s * 1000)
        lifeline.reap_children({self._pid, *self._others})
        if self._has_said_ended():
            self.is_idle = True
            return 0
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        return status if pid else None

    def _has_said_ended(self) -> bool:
        if self._is_silent or not select.select([self._channel], [], [], 0)[0]:
            return False
        said = b""
        with contextlib.suppress(OSError):
            said = self._channel.recv(MOST_BYTES)
        # Who is dying says nothing more, and may take its time to be gone.
        self._is_silent = not said
        return said == ENDED

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone, or about to be waited for."""
        return bool(select.select([self._handle], [], [], 0)[0])

    def send(self, number: int) -> None:
        """Send it a signal."""
        signal.pidfd_send_signal(self._handle, number)

    def resident_bytes(self, *, of_programs: bool = False) -> int:
        """Memory that it uses, or the programs that it has started; 0 if it is gone."""
        return resident_bytes_below(self._pid) if of_programs else resident_bytes(self._pid)

    def end_descendants(self) -> None:
        """End what the attempt started, and the process itself unless it waits for another one."""
        if self.is_idle:
            lifeline.end_children(spared={self._pid, *self._others})
        else:
            self._end()
            lifeline.end_children(spared=self._others)

    def close(self) -> None:
        """End it."""
        self._end()
        self.progress.close()
        self._channel.close()
        os.close(self._handle)

    def _end(self) -> None:
        # Already reaped unless watching itself failed; no trial process may outlive its watcher.
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            os.waitpid(self._pid, 0)
