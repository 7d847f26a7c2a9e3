"""Who ends with whom: a child with its parent, and what a process started with that process.

Its doors are `die_with_parent`, `tied_to_this_thread`, `adopt_orphans`, `end_children` and
`name_of_signal`.
"""

import contextlib
import ctypes
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from functools import cache
from pathlib import Path

_LOG = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LONGEST_END_S = 5.0
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(
    number: signal.Signals = signal.SIGKILL, *, parent: int | None = None
) -> Callable[[], None]:
    """A `preexec_fn` after which the kernel signals the child when the calling thread ends.

    Or, where that is not the child's parent, when the process `parent` does.

    It also clears the signal mask, which a child would inherit from a caller that blocks signals.
    """
    parent = parent or os.getpid()

    def arrange() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if os.getppid() != parent:  # it died between the fork and prctl
            os._exit(1)

    return arrange


def tied_to_this_thread(
    command: Sequence[str],
) -> tuple[list[str], Callable[[], None] | None]:
    """How to start a program that the kernel kills when the calling thread ends.

    `setpriv` of util-linux arranges it after the start: with a `preexec_fn` a process that holds
    torch has to be forked, which takes 35 ms where starting a program by `vfork` takes 2.

    Returns:
        The command to start, and a `preexec_fn` where there is no such program; on a Mac, where
        nobody can arrange it, the command alone.
    """
    if sys.platform != "linux":
        return list(command), None
    setpriv = _setpriv()
    if setpriv is None:
        return list(command), die_with_parent()
    return [setpriv, "--pdeathsig", "KILL", "--", *command], None


@cache
def _setpriv() -> str | None:
    return shutil.which("setpriv")


def name_of_signal(number: int) -> str:
    """SIGKILL for 9, say; Python has no name for most of the real-time ones."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def adopt_orphans(adopt: bool = True) -> None:
    """Become the parent of every process below this one whose own parent ends.

    So what detached itself (`setsid`, a double fork) is found again: see `end_children`.
    """
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0)


def children() -> set[int]:
    """Ids of this process's children, ended ones that nobody has waited for among them."""
    found: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # that thread has just ended
            found.update(map(int, path.read_text().split()))
    return found


def reap_children(spared: Collection[int]) -> None:
    """Let the ended children go, save some that somebody else waits for."""
    for pid in children().difference(spared):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def end_children(spared: Collection[int]) -> None:
    """Kill every child of this process, save some, and whatever these had started.

    What an ended child leaves behind becomes a child itself where `adopt_orphans` was called, so
    this goes on until there is none.
    """
    deadline = time.monotonic() + _LONGEST_END_S
    while left := children().difference(spared):
        if time.monotonic() > deadline:
            _LOG.warning("processes %s were killed and do not end", sorted(left))
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)
        reap_children(spared)
