"""One process that is started again whenever it ends. Its door is `Child`.

It must not know what the process does. Everything here is called from one thread, because the
kernel counts a child as orphaned when the *thread* that started it ends.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from amc.errors import AmcError
from amc.fleet.commands import Program
from amc.fleet.state import ProcessState
from amc.lifeline import die_with_parent

_LOG = logging.getLogger(__name__)
_STEADY_S = 10.0
_FIRST_DELAY_S = 0.25
_LONGEST_DELAY_S = 30.0
_LOG_LIMIT_BYTES = 16 << 20


class Started(Protocol):
    """What is known of a process that was started, as of a `Popen`."""

    pid: int
    returncode: Any

    def terminate(self) -> None:
        """Ask it to end."""

    def wait(self) -> int:
        """Wait for its end; its exit code."""


Launch = Callable[[], Started]


def run(program: Program, log: Path) -> "subprocess.Popen[bytes]":
    """Start a program in a process group of its own; it dies with this process.

    Args:
        program: what to run.
        log: what its standard output and error are appended to.
    """
    with open(log, "ab") as lines:
        return subprocess.Popen(
            program.command,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )


def make_room(log: Path) -> None:
    """Set a log file that has grown large aside, before its process is started."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


class Child:
    """A process and what is known of it.

    Attributes:
        name: as in logs and state.
        patience_s: how long it may take to end after SIGTERM.
        may_start: asked before each start; what it waits for.
        process: while it runs.
        failures: how often in a row it ended within 10 s of its start.
        ended: monotonic time of its last end.
        due: monotonic time of the next start, while it does not run.
        exit_code: of the last process; negative for a signal.
    """

    def __init__(
        self,
        name: str,
        launch: Launch,
        patience_s: float,
        may_start: Callable[[], bool] = lambda: True,
    ) -> None:
        self.name = name
        self.patience_s = patience_s
        self.may_start = may_start
        self.process: Started | None = None
        self.failures = 0
        self.ended = 0.0
        self.due = 0.0
        self.exit_code = 0
        self._launch = launch
        self._starts = 0
        self._began = 0.0

    @property
    def state(self) -> ProcessState:
        """What the supervisor writes down of it."""
        pid = self.process.pid if self.process else 0
        return ProcessState(self.name, pid, self._began, max(0, self._starts - 1))

    def start(self) -> None:
        """Start it.

        Raises:
            AmcError: it cannot be started, and the message says why.
            OSError: it cannot be started, for a reason of the system's.
        """
        self._starts += 1
        self._began = time.monotonic()
        self.process = self._launch()

    def start_if_due(self) -> bool:
        """Start it if it does not run and its time has come; whether that was so."""
        if self.process is not None or time.monotonic() < self.due or not self.may_start():
            return False
        try:
            self.start()
        except (AmcError, OSError) as error:
            self._postpone(f"could not be started: {error}")
        return True

    def reap_if_ended(self) -> bool:
        """Notice that it has ended: end what it left behind and set the time of its next start."""
        if self.process is None or not _has_ended(self.process.pid):
            return False
        self.kill()
        self._postpone(f"ended: {_cause(self.exit_code)}")
        return True

    def terminate(self) -> None:
        """Ask it to end."""
        if self.process is not None and not _has_ended(self.process.pid):
            self.process.terminate()

    def is_gone(self) -> bool:
        """Whether it has ended, after `terminate`; it is not started again by this."""
        if self.process is not None and _has_ended(self.process.pid):
            self.kill()
        return self.process is None

    def kill(self) -> None:
        """End it, and every process of its group, at once."""
        if self.process is None:
            return
        if self.process.returncode is None:
            # Before reaping: until then nobody else can get the group's id.
            os.killpg(self.process.pid, signal.SIGKILL)
        self.exit_code = self.process.wait()
        self.process = None

    def _postpone(self, reason: str) -> None:
        self.ended = time.monotonic()
        lived = self.ended - self._began
        self.failures = self.failures + 1 if lived < _STEADY_S else 0
        doublings = min(self.failures - 1, 20)
        delay = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2**doublings) if self.failures else 0.0
        self.due = self.ended + delay
        _LOG.warning(
            "%s %s after %.1f s; starting it again in %.2g s", self.name, reason, lived, delay
        )


def _has_ended(pid: int) -> bool:
    """Whether a child has ended, without reaping it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _cause(exit_code: int) -> str:
    if exit_code < 0:
        return f"by signal {-exit_code} ({signal.strsignal(-exit_code)})"
    return f"exit code {exit_code}"
