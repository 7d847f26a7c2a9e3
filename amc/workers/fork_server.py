"""A process that has imported all that workers need, and forks them: one import for all of them.

    python -P -m amc.workers.fork_server DESCRIPTOR SUPERVISOR PADDING

`amc.fleet.forking` starts it and asks it. A worker is forked twice, so that its parent is the
supervisor (a subreaper), which waits for it, signals its group and starts it again as if it had
started it itself. This process touches no GPU, opens no connection and has one thread, since none
of these survive a fork.

The driver's worker needs Celery, and none of what trials do. A stand-in, forked once Celery is
there, serves it while this process goes on importing; then this process takes over.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amc.lifeline import die_with_parent

_MOST_BYTES = 1 << 20
_GPUS = "/dev/nvidia"
_PR_SET_NAME = 15


def main() -> None:
    """Import everything, and fork a worker for each request until the supervisor is gone."""
    descriptor, supervisor = int(sys.argv[1]), int(sys.argv[2])
    # What is imported stays: to look for garbage among it takes 0.6 s, a third of the time.
    gc.disable()
    with socket.socket(fileno=descriptor) as channel:
        _import_celery()
        with _stand_in(channel, supervisor):
            _import_trials()
        if fault := _obstacle():
            sys.exit(f"fork-server: {fault}, so that nothing can be forked")
        channel.send(b"ready")
        os.kill(supervisor, signal.SIGCHLD)  # which wakes it
        _serve(channel, supervisor)


def _import_celery() -> None:
    """All that a worker without trials uses, and what Celery would import when it is asked to."""
    import celery.app.control
    import celery.app.events
    import celery.app.log
    import celery.apps.worker
    import celery.backends.redis
    import celery.bin.worker
    import celery.concurrency.prefork
    import celery.events.receiver
    import celery.events.state
    import celery.worker.autoscale
    import celery.worker.components
    import celery.worker.consumer.delayed_delivery
    import celery.worker.control
    import celery.worker.pidbox
    import celery.worker.strategy  # noqa: F401
    import kombu.transport.redis  # noqa: F401

    import amc.tasks  # noqa: F401
    from amc import logs

    logs.configure()
    gc.freeze()  # no collection of a worker goes through it, and no fork writes into it


def _import_trials() -> None:
    from amc.workers import signals
    from amc.workers.threads import limit_threads

    limit_threads(1)
    signals.import_for_trials()
    gc.freeze()


@contextmanager
def _stand_in(channel: socket.socket, supervisor: int) -> Iterator[None]:
    """A child that serves in place of this process as long as the block runs."""
    told, tells = os.pipe()
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(tells)
            die_with_parent(parent=parent)()
            code = _serve(channel, supervisor, until=told)
        finally:
            os._exit(code)
    os.close(told)
    yield
    os.close(tells)
    os.waitpid(pid, 0)


def _serve(channel: socket.socket, supervisor: int, until: int | None = None) -> int:
    """Fork a worker for each request until the supervisor, or the writer of a pipe, is gone."""
    awaited: list[Any] = [channel] if until is None else [channel, until]
    while channel in select.select(awaited, [], [])[0]:
        data, descriptors, _, _ = socket.recv_fds(channel, _MOST_BYTES, 1)
        if not data:
            break
        pid = _fork_twice(json.loads(data), descriptors[0], channel, supervisor)
        os.close(descriptors[0])
        channel.send(str(pid).encode())
    return 0


def _obstacle() -> str | None:
    """What this process has that no child of it could use."""
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        return f"it has {threads} threads"
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(descriptor).startswith(_GPUS):
                return f"it has opened {os.readlink(descriptor)}"
    return None


def _fork_twice(
    request: Mapping[str, Any], log: int, channel: socket.socket, supervisor: int
) -> int:
    """Fork a worker whose parent is the supervisor, and return its number."""
    told, tells = os.pipe()
    middle = os.fork()
    if middle == 0:
        code = 1
        try:
            if os.fork() == 0:
                os.close(told)
                channel.close()
                code = _be_worker(request, log, tells, supervisor)
        finally:
            os._exit(code)
    os.waitpid(middle, 0)  # from its end on the worker is a child of the supervisor
    os.close(tells)
    with open(told, "rb") as answer:
        return int(answer.read())


def _be_worker(request: Mapping[str, Any], log: int, tells: int, supervisor: int) -> int:
    os.setsid()
    with open(tells, "wb") as answer:
        answer.write(str(os.getpid()).encode())
    while os.getppid() != supervisor:
        if os.getppid() == 1:
            return 1  # the supervisor is gone
        time.sleep(0.0005)
    die_with_parent(parent=supervisor)()
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)
    os.environ.clear()
    os.environ.update(request["environment"])
    _show(request["command"])
    from celery.__main__ import main as celery_program

    sys.argv = ["celery", *request["arguments"]]
    gc.enable()
    try:
        celery_program()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _show(command: Sequence[str]) -> None:
    """Let `ps` show a worker's own command line, in the memory of this process's."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])
    text = b"\0".join(part.encode() for part in command)[: end - begin - 1]
    ctypes.memset(begin, 0, end - begin)
    ctypes.memmove(begin, text, len(text))
    name = os.environ.get("AMC_WORKER_NAME", "worker").encode()[:15]
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name, 0, 0, 0)


if __name__ == "__main__":
    main()
