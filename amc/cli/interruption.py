"""Signals that ask a command to end, all taken as Ctrl-C is. Its doors are the functions."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

_received: list[int] = []


class Interruption(KeyboardInterrupt):
    """Raised where a signal came in: by whoever waits for it as for Ctrl-C, it is handled alike.

    Attributes:
        exit_code: as a shell writes it: 128 and the signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """Let every signal that asks for an end interrupt the block as Ctrl-C does, Ctrl-C included.

    An `Interruption` in place of Python's own KeyboardInterrupt: where that passes through an
    `exec` of text (a dataclass being made), `python -m amc` dies of SIGINT after all was handled.
    """
    _received.clear()
    before = {number: signal.signal(number, _interrupt) for number in respected(ENDING)}
    hook, sys.unraisablehook = sys.unraisablehook, _tell_of_others
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def ask_again() -> None:
    """Interrupt once more, if a signal came in and the code it came into let that pass.

    Code that calls back into Python from C may drop what a signal's handler raises: of 215 sent
    while NumPy was being imported, 4 were lost.
    """
    if _received:
        raise Interruption(_received[-1])


def respected(numbers: tuple[signal.Signals, ...]) -> list[signal.Signals]:
    """Those that this process does not ignore: `nohup` sets SIGHUP aside before it starts one."""
    return [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]


def disregard() -> None:
    """Let the signals that nobody means to send to a command do nothing, instead of ending it."""
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, _nothing)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        # A closed terminal sends it twice, by the shell and by the kernel: not a second request.
        signal.signal(number, _nothing)
    _received.append(number)
    raise Interruption(number)


def _tell_of_others(dropped: "sys.UnraisableHookArgs") -> None:
    # One that came into a destructor or the callback of a weak reference: see `ask_again`.
    if not isinstance(dropped.exc_value, Interruption):
        sys.__unraisablehook__(dropped)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass
