"""Signals for the process that is meant, never for another one that was given its id since.

Its doors are `signal_process` and `wait_gone`.
"""

import os
import select
import signal

from amc.broker.machine import identify


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
