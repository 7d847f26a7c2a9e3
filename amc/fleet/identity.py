"""Which process is meant by a process id, so that a recycled one is never taken for ours.

Its doors are `identify`, `signal_process` and `wait_gone`. Linux only: it reads /proc.
"""

import os
import select
import signal
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Fields of /proc/<pid>/stat after the name, which may itself hold spaces and brackets.
_STATE = 0
_START_TIME = 19


def identify(pid: int) -> str | None:
    """What tells this process from every other one that has, had or will have its id.

    Returns:
        The machine's boot and the process's start, in clock ticks after it; None if the process is
        gone or a zombie. (Start times in seconds move when the machine's clock is set.)
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[_STATE] in "ZX":
        return None
    return f"{_BOOT_ID.read_text().strip()}:{fields[_START_TIME]}"


def signal_process(pid: int, identity: str, number: signal.Signals) -> bool:
    """Send a signal to a process; False, and nothing sent, if it is gone."""
    handle = _open(pid, identity)
    if handle is None:
        return False
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def wait_gone(pid: int, identity: str, timeout_s: float) -> bool:
    """Wait until a process has ended; False if it still runs after the timeout."""
    handle = _open(pid, identity)
    if handle is None:
        return True
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))
    finally:
        os.close(handle)


def _open(pid: int, identity: str) -> int | None:
    """A file descriptor for the process: it means this process also after the id is recycled."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if identify(pid) == identity:
        return handle
    os.close(handle)
    return None
