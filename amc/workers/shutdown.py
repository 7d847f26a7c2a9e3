"""How a pool child hears that it must hand back what it supervises.

Its worker's parent says so in memory that both share, because a signal may come from anybody. Who
ends processes (systemd, honcho, a closed terminal) ends a whole process group: the child is told by
SIGTERM or SIGHUP then.
"""

import contextlib
import mmap
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Shutdown:
    """Whether this process was told to hand back what it supervises.

    Attributes:
        must_leave: by a signal of its own, so this process takes no further trial.
    """

    must_leave = False
    _announced = mmap.mmap(-1, 1)

    @classmethod
    def begin(cls) -> None:
        """Called in a worker's parent before it forks its children, which share this with it.

        And with nobody else: a parent that was forked itself shares what its own parent had.
        """
        cls._announced = mmap.mmap(-1, 1)

    @classmethod
    def is_requested(cls) -> bool:
        """Whether by its worker's parent, or by a signal."""
        return cls.must_leave or cls._announced[0] != 0

    @classmethod
    def announce(cls) -> None:
        """Tell every child of this process, those that come later too."""
        cls._announced[0] = 1

    @classmethod
    def leave(cls, _number: int, _frame: FrameType | None) -> None:
        """The handler of SIGTERM and SIGHUP."""
        cls.must_leave = True


def announce_shutdown() -> None:
    """Called in a worker's parent: its children are to hand back what they run."""
    Shutdown.announce()


def disregard_signals() -> None:
    """Let the signals that nobody sends to a pool child, or to its trial, do nothing.

    SIGUSR1 would raise Celery's soft time limit, of which there is none here.
    """
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        # A handler, not SIG_IGN: what an environment starts would inherit that.
        signal.signal(number, _nothing)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass


@contextlib.contextmanager
def handing_back_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP ask for what the parent asks for, while the block runs.

    The handlers that were there would end this process, and with it the trial since its last
    checkpoint.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may install handlers
        return
    before = {
        number: signal.signal(number, Shutdown.leave) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
