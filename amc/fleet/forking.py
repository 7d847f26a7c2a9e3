"""Workers that are forked from one process, which has imported all that they need.

Its door is `ForkServer`, which the supervisor holds. To import takes a worker 2.5 s of a processor
and 300 MB; a fork takes 20 ms and shares what it does not write. What the server itself does is in
`amc.workers.fork_server`. Where it cannot, workers are started in the usual way.
"""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
from pathlib import Path

from amc.errors import AmcError
from amc.fleet.child import Child
from amc.fleet.commands import Program
from amc.fleet.launching import Launched, launch

_LOG = logging.getLogger(__name__)
NAME = "fork-server"
_PATIENCE_S = 5.0
_ANSWER_S = 10.0
_MOST_BYTES = 1 << 20
_READY = b"ready"
_VERSION = Path(__file__).parents[1] / "version.py"


class Forked:
    """A worker that was forked: as much of `Popen` as a `Child` uses.

    Attributes:
        pid: of the process.
        returncode: once it was waited for.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def terminate(self) -> None:
        """Ask it to end."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self) -> int:
        """Wait for its end; its exit code, negative for a signal."""
        if self.returncode is None:
            _, status = os.waitpid(self.pid, 0)
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class ForkServer(Child):
    """The server as one of the fleet's processes.

    It can fork the driver, which trains nothing, while it still imports what trials need.

    Args:
        log: what its lines are appended to.
        ahead: one that was started before anything was known; it is the first.
    """

    def __init__(self, log: Path, ahead: Launched | None = None) -> None:
        super().__init__(NAME, self._start_server, _PATIENCE_S)
        self._log = log
        self._ahead = ahead
        self._channel: socket.socket | None = None
        self._lines: int | None = None
        self._n_copied = 0
        self._has_imported = self._has_failed = False
        self._installed: tuple[int, ...] = ()

    def _start_server(self) -> "subprocess.Popen[bytes]":
        launched, self._ahead = self._ahead or launch(), None
        launched.channel.settimeout(_ANSWER_S)
        self._channel, self._lines, self._n_copied = launched.channel, launched.lines, 0
        self._has_imported, self._installed = False, _installed()
        return launched.process

    def kill(self) -> None:
        """As for any child; nobody is there to be asked any more."""
        if self._ahead is not None:
            self.start()
        super().kill()
        if self._channel is not None and self._lines is not None:
            self._copy_lines()
            self._channel.close()
            os.close(self._lines)
            self._channel = self._lines = None

    def reap_if_ended(self) -> bool:
        """As for any child; one of another version than what is installed is ended first."""
        self._copy_lines()
        if self.process is not None and self.is_outdated:
            _LOG.info("another version of amc was installed: %s starts again", NAME)
            self.terminate()
        has_imported = self.is_ready or self._has_imported
        has_ended = super().reap_if_ended()
        if has_ended:
            self._has_failed = not has_imported
        return has_ended

    def _copy_lines(self) -> None:
        """Append to its log what it has said."""
        if self._lines is None:
            return
        with contextlib.suppress(OSError):  # as on a full disk
            said = os.pread(self._lines, _MOST_BYTES, self._n_copied)
            if said:
                with open(self._log, "ab") as log:
                    log.write(said)
                self._n_copied += len(said)

    @property
    def is_awaited(self) -> bool:
        """Whether workers had better wait for it: it imports, and did not fail the last time."""
        return not self._has_failed and not self.is_ready

    @property
    def is_ready(self) -> bool:
        """Whether it has imported everything, and what it has imported still is what is here."""
        if self.process is None or self._channel is None:
            return False
        # With a timeout of its own a socket would wait, whatever flag says that it must not.
        if not self._has_imported and select.select([self._channel], [], [], 0)[0]:
            with contextlib.suppress(OSError):
                self._has_imported = bool(self._channel.recv(_MOST_BYTES))
        return self._has_imported and not self.is_outdated

    @property
    def can_fork_driver(self) -> bool:
        """Whether it can fork who trains nothing; it may take 0.5 s to, where it has just begun."""
        runs = self.process is not None and not self.is_outdated
        return runs and (self.is_ready or not self._has_failed)

    @property
    def is_outdated(self) -> bool:
        """Whether another version was installed since: nobody may be made of both."""
        return self._installed != _installed()

    def fork(self, program: Program, log: Path) -> Forked:
        """Start a worker.

        Args:
            program: what to run.
            log: what its standard output and error are appended to.

        Raises:
            AmcError: the server does not answer; it was killed, to be started again.
        """
        assert self._channel is not None, "asked while it does not run"
        request = {
            "command": program.command,
            "arguments": program.celery_arguments,
            "environment": dict(program.environment),
        }
        try:
            with open(log, "ab") as lines:
                socket.send_fds(self._channel, [json.dumps(request).encode()], [lines.fileno()])
            while (answer := self._channel.recv(_MOST_BYTES)) == _READY:
                self._has_imported = True  # which it has said just before
            return Forked(int(answer))
        except (OSError, ValueError) as error:
            self.kill()
            raise AmcError(f"{NAME} does not answer: {error}. Its log: {self._log}") from error


def _installed() -> tuple[int, ...]:
    """How the installed package looks."""
    try:
        looks = _VERSION.stat()
    except OSError:
        return ()
    return looks.st_ino, looks.st_mtime_ns
