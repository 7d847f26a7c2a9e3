"""Points at which a process kills itself, so that it can be shown that any may die anywhere.

    AMC_FAILPOINT=before-decision:2 celery -A amc worker -Q driver

ends the process that comes to the point for the second time, by SIGKILL; whoever it has forked
counts with it, so that a point is come to once, however often a pool child is replaced. Every
record that is written and every message that is sent has two points, on this page and nowhere
else: `before-` it (a record lies there under its temporary name) and `after-` it. Its doors are
`around`, `arm` and `check`; without the variable they do nothing.
"""

import contextlib
import difflib
import mmap
import os
import signal
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from amc.errors import UsageError

VARIABLE = "AMC_FAILPOINT"

# Who writes, and what.
RECORDS = {
    "experiment": "client: the staged directory gets its name",
    "request": "client: what a user asks of a recorded experiment",
    "decision": "driver: the next decision",
    "decision-copy": "driver: the same once more",
    "trial": "driver: what the log says of a new trial",
    "segment": "driver: what the log says of a later segment",
    "snapshot": "driver: a page of the log",
    "best-config": "driver: the winner's config",
    "best-agent-digest": "driver: the SHA-256 of the winner's agent",
    "best-agent": "driver: the winner's agent",
    "best": "driver: the winner's record",
    "end": "driver: how the experiment ended",
    "attempt": "pool child: who tries",
    "attempt-end": "pool child: how that ended",
    "evaluation": "trial process: a line of the curve",
    "forgotten": "trial process: a curve without what a trainer of the user's own does again",
    "checkpoint-digest": "trial process: the SHA-256 of a checkpoint",
    "checkpoint": "trial process: a checkpoint gets its name",
    "report": "trial process, or whoever gives the segment up: what came of it",
    "traceback": "trial process: what it raised",
}
MESSAGES = {
    "wake": "client, clock, pool child: `advance` is sent",
    "chord": "driver: `train_trial` for all that was opened",
    "claimed-wake": "clock: a wake-up is on its way",
    "cleared-wake": "driver: a wake-up has arrived",
    "rested": "driver: there is nothing to do until something changes",
    "disturbed": "driver, clock: an experiment is looked after",
    "recovered": "driver: there is no trouble any more",
    "postponed": "driver: trouble, so that the clock waits",
    "missed": "driver: a trial shows no sign of life",
    "seen": "driver: trials show a sign of life",
    "heartbeat": "worker: it lives",
    "lease": "pool child: it is at a trial",
    "lease-renewal": "pool child: it still is",
    "lease-release": "pool child: it is not any more",
    "progress": "pool child: how far the trial is",
    "hand-back": "pool child: it gives a trial up on purpose",
}
NAMES = tuple(f"{when}-{what}" for what in RECORDS | MESSAGES for when in ("before", "after"))


@dataclass
class _Point:
    """A point that is armed; the count lies in memory that forked processes share."""

    name: str
    nth: int
    _count: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, mmap.PAGESIZE))
    _LAYOUT = struct.Struct("=Q")

    def reached(self) -> None:
        (count,) = self._LAYOUT.unpack_from(self._count)
        self._LAYOUT.pack_into(self._count, 0, count + 1)
        if count + 1 == self.nth:
            os.write(2, f"amc: killed at the failpoint {self.name}:{self.nth}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


_armed: list[_Point] = []


@contextlib.contextmanager
def around(what: str) -> Iterator[None]:
    """The points before and after a record is written, or a message sent, in the block."""
    check()
    _reach(f"before-{what}")
    yield
    _reach(f"after-{what}")


def _reach(name: str) -> None:
    for point in _armed:
        if point.name == name:
            point.reached()


@cache
def check() -> None:
    """Arm what AMC_FAILPOINT says, once; a process that forks others does it before.

    Raises:
        UsageError: it names no failpoint.
    """
    if text := os.environ.get(VARIABLE):
        arm(text)


def arm(text: str) -> None:
    """Let this process, and those that it forks, die at `<name>[:nth]`, the first time unless said.

    Raises:
        UsageError: there is no such failpoint.
    """
    name, _, nth = text.partition(":")
    if name not in NAMES:
        close = difflib.get_close_matches(name, NAMES, n=1)
        meant = f"Did you mean {close[0]!r}? " if close else ""
        raise UsageError(
            f"{VARIABLE}: {name!r} is no failpoint. {meant}All of them: {', '.join(NAMES)}."
        )
    if nth and not (nth.isdecimal() and int(nth)):
        raise UsageError(f"{VARIABLE}: {text!r}: after the colon stands a number from 1 on.")
    _armed.append(_Point(name, int(nth or 1)))
