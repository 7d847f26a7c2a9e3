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
from collections.abc import Mapping
from pathlib import Path

from amc.broker.lifeline import die_with_parent
from amc.errors import AmcError
from amc.fleet.child import Child
from amc.fleet.commands import Program, fork_server

_LOG = logging.getLogger(__name__)
NAME = "fork-server"
_PATIENCE_S = 5.0
_ANSWER_S = 10.0
_MOST_BYTES = 1 << 20
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

    Args:
        environment: of the server; each worker is given its own.
        log: what its lines are appended to.
    """

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        super().__init__(NAME, self._start_server, _PATIENCE_S)
        self._environment = environment
        self._log = log
        self._socket: socket.socket | None = None
        self._has_imported = self._has_failed = False
        self._installed: tuple[int, ...] = ()

    def _start_server(self) -> "subprocess.Popen[bytes]":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_ANSWER_S)
        self._socket, self._has_imported, self._installed = ours, False, _installed()
        with theirs, open(self._log, "ab") as lines:
            return subprocess.Popen(
                fork_server(theirs.fileno(), os.getpid()),
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    def kill(self) -> None:
        """As for any child; nobody is there to be asked any more."""
        super().kill()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def reap_if_ended(self) -> bool:
        """As for any child; one of another version than what is installed is ended first."""
        if self.process is not None and self.is_outdated:
            _LOG.info("another version of amc was installed: %s starts again", NAME)
            self.terminate()
        has_imported = self.is_ready or self._has_imported
        has_ended = super().reap_if_ended()
        if has_ended:
            self._has_failed = not has_imported
        return has_ended

    @property
    def is_awaited(self) -> bool:
        """Whether workers had better wait for it: it imports, and did not fail the last time."""
        return not self._has_failed and not self.is_ready

    @property
    def is_ready(self) -> bool:
        """Whether it has imported everything, and what it has imported still is what is here."""
        if self.process is None or self._socket is None:
            return False
        # With a timeout of its own a socket would wait, whatever flag says that it must not.
        if not self._has_imported and select.select([self._socket], [], [], 0)[0]:
            with contextlib.suppress(OSError):
                self._has_imported = bool(self._socket.recv(_MOST_BYTES))
        return self._has_imported and not self.is_outdated

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
        assert self._socket is not None, "asked before it was ready"
        request = {
            "command": program.command,
            "arguments": program.celery_arguments,
            "environment": dict(program.environment),
        }
        try:
            with open(log, "ab") as lines:
                socket.send_fds(self._socket, [json.dumps(request).encode()], [lines.fileno()])
            return Forked(int(self._socket.recv(_MOST_BYTES)))
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
