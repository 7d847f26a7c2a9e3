"""Start the process that forks workers. Its door is `launch`.

It takes longest of all, so it is the first thing that a fleet does: nothing is imported here that
would have to be waited for.
"""

import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from amc.fleet.gpu import CPU, VISIBLE_VARIABLE
from amc.fleet.surroundings import ONE_THREAD, python, surroundings
from amc.lifeline import die_with_parent


@dataclass(frozen=True)
class Launched:
    """A server that was started.

    Attributes:
        process: its own.
        channel: by which it is asked.
        lines: descriptor of an anonymous file; what it says on standard output and error.
    """

    process: "subprocess.Popen[bytes]"
    channel: socket.socket
    lines: int


def launch() -> Launched:
    """Start a server that dies with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # In memory: where its log belongs is not known yet when it is the first to be started.
    lines = os.memfd_create("fork-server")
    with theirs:
        process = subprocess.Popen(
            _command(theirs.fileno()),
            env=_environment(surroundings()),
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.STDOUT,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
    return Launched(process, ours, lines)


def _command(descriptor: int) -> tuple[str, ...]:
    # Its last argument is room for the command line that a worker shows in place of this one.
    return python("amc.workers.fork_server", str(descriptor), str(os.getpid()), "_" * 512)


def _environment(common: Mapping[str, str]) -> dict[str, str]:
    """For the server; each worker is given its own."""
    found = {**common, **ONE_THREAD, VISIBLE_VARIABLE: CPU, "PYTHONUNBUFFERED": "1"}
    found.pop("AMC_WORKER_NAME", None)
    return found
