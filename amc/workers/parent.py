"""What a worker's parent process does for its pool child, besides Celery's own work.

Its doors are `take_signals` and `Orphans`.
"""

import signal
from collections.abc import Callable
from types import FrameType

from amc import lifeline


def take_signals(hand_back: Callable[[], None]) -> None:
    """Let SIGHUP hand back what the pool child trains, and then do what it did before.

    That is Celery's restart of the worker; on a terminal, which may be closed, it is a warm stop.
    Called after Celery has installed its handlers.

    Args:
        hand_back: tells the pool child.
    """
    given = signal.getsignal(signal.SIGHUP)
    if given == signal.SIG_IGN:
        return  # as nohup wants it
    follow = given if callable(given) else signal.getsignal(signal.SIGTERM)

    def hang_up(number: int, frame: FrameType | None) -> None:
        hand_back()
        if callable(follow):
            follow(number, frame)

    signal.signal(signal.SIGHUP, hang_up)


class Orphans:
    """Ends what a pool child that was killed has left behind.

    Args:
        pool: ids of the pool's children now.
    """

    def __init__(self, pool: Callable[[], list[int]]) -> None:
        self._pool = pool
        self._own = frozenset(lifeline.children())
        lifeline.adopt_orphans()

    def end(self) -> None:
        """To be called now and then, in the thread that starts the pool's children."""
        lifeline.end_children(spared={*self._own, *self._pool()})
