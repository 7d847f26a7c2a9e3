"""Memory that a process uses, and what the kernel killed for want of it.

Its doors are `resident_bytes`, `resident_bytes_below` and `OomKills`.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_MACHINE = Path("/proc/vmstat")
# A process may take seconds to give gigabytes back, between the kernel's decision and its end.
_RECENT_S = 10.0


def resident_bytes(pid: int) -> int:
    """Memory that a process uses; 0 if it is gone."""
    with contextlib.suppress(OSError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")
    return 0


def resident_bytes_below(pid: int) -> int:
    """Memory that the programs use which a process has started, and those that they have."""
    below = _children(pid)
    return sum(resident_bytes(child) + resident_bytes_below(child) for child in below)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for line in _lines(path) for child in line.split()]
    return found


class OomKills:
    """Counts the kernel's out-of-memory kills around this process, to explain a SIGKILL.

    They are counted for this process's control group where the kernel does so, else for the whole
    machine: then another process's end just now may be taken for ours.
    """

    def __init__(self) -> None:
        self._counter = next(filter(lambda path: _read(path) is not None, _counters()), _MACHINE)
        self._count = _read(self._counter) or 0
        self._rose_at: float | None = None

    def look(self) -> None:
        """To be called now and then, so that it is known when there was one."""
        count = _read(self._counter) or 0
        if count > self._count:
            self._rose_at = time.monotonic()
        self._count = count

    def was_just_now(self) -> bool:
        """Whether there was one in the last seconds."""
        self.look()
        return self._rose_at is not None and time.monotonic() - self._rose_at < _RECENT_S


def _counters() -> Iterator[Path]:
    """Files that may count, the most exact one first."""
    for line in _lines(Path("/proc/self/cgroup")):
        _, controllers, group = line.split(":", 2)
        if not controllers:
            yield _CGROUPS / group.lstrip("/") / "memory.events"
        elif "memory" in controllers.split(","):
            # Inside a container the group's path may be the host's, and its files at the top.
            for parent in (_CGROUPS / "memory" / group.lstrip("/"), _CGROUPS / "memory"):
                yield parent / "memory.oom_control"
    yield _MACHINE


def _read(counter: Path) -> int | None:
    """The number after `oom_kill`; None if the file has none."""
    with contextlib.suppress(ValueError):
        for line in _lines(counter):
            name, _, number = line.partition(" ")
            if name == "oom_kill":
                return int(number)
    return None


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text().splitlines()
    return []
