"""How long to wait for processes that come up: as long as they work. Its door is `Patience`."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from amc.broker.machine import processor_seconds
from amc.fleet.state import ProcessState

# A worker that only tries again and again to reach its broker takes less than this in a minute.
_SIGN_OF_LIFE_S = 0.25
_LONGEST = 10
_TELL_AFTER_S = 3.0
_TELL_EVERY_S = 10.0
_TAIL_BYTES = 2_000


class Patience:
    """Waits longer on a slow machine, or where kernels are compiled, than for who does nothing.

    Args:
        deadline_s: how long nothing may be done; ten times as long it may take in all.
        log: where a process's lines are.
        say: told the last of these now and then.
    """

    def __init__(
        self, deadline_s: float, log: Callable[[str], Path], say: Callable[[str], None]
    ) -> None:
        self._deadline_s = deadline_s
        self._log = log
        self._say = say
        self._began = self._last_sign = time.monotonic()
        self._tell_at = self._began + _TELL_AFTER_S
        self._told = ""
        self._worked: dict[int, float] = {}

    def look(self, missing: Sequence[ProcessState]) -> None:
        """Notice what they have worked since the last look."""
        now = time.monotonic()
        worked = {process.pid: processor_seconds(process.pid) for process in missing}
        before = sum(self._worked.get(pid, 0.0) for pid in worked)
        if sum(worked.values()) - before > _SIGN_OF_LIFE_S:
            self._worked, self._last_sign = worked, now
        if now > self._tell_at:
            self._tell_at = now + _TELL_EVERY_S
            self._tell(missing)

    def _tell(self, missing: Sequence[ProcessState]) -> None:
        for process in missing:
            line = tail(self._log(process.name)).rpartition("\n")[2]
            if line and line != self._told:
                self._told = line
                self._say(f"waiting for {process.name}: {line}")
                return

    @property
    def is_over(self) -> bool:
        """Whether to give up."""
        now = time.monotonic()
        is_idle = now - self._last_sign > self._deadline_s
        return is_idle or now - self._began > _LONGEST * self._deadline_s

    @property
    def waited_s(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._began


def tail(log: Path) -> str:
    """The end of a log file; empty where there is none."""
    if not log.exists():
        return ""
    return log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
