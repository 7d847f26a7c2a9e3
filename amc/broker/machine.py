"""Which machine this is, and which process is meant by an id on it.

Two machines may have one hostname, two containers of one machine share its boot, and the kernel
gives the id of an ended process to another one. Its doors are `machine_id`, `identify`,
`processor_seconds`, `require_linux` and `require_writable`.
"""

import hashlib
import os
import platform
import uuid
from functools import lru_cache
from pathlib import Path

from amc.errors import UsageError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")
# Fields of /proc/<pid>/stat after the name, which may itself hold spaces and brackets.
_STATE = 0
_USER_TIME, _SYSTEM_TIME = 11, 12
_START_TIME = 19


@lru_cache(maxsize=1)
def machine_id() -> str:
    """What tells this machine, since its last boot, from every other one.

    A container with process ids of its own counts as a machine: an id says nothing outside it.
    """
    try:
        known = f"{_BOOT_ID.read_text().strip()} {os.readlink(_PID_NAMESPACE)}"
    except OSError:  # no Linux
        known = f"{uuid.getnode():x}"
    return hashlib.sha256(known.encode()).hexdigest()[:12]


def identify(pid: int) -> str | None:
    """What tells this process from every other one that has, had or will have its id.

    Returns:
        The machine and the process's start, in clock ticks after the boot; None if the process is
        gone or a zombie. (Start times in seconds move when the machine's clock is set.)
    """
    fields = _stat(pid)
    if not fields or fields[_STATE] in "ZX":
        return None
    return f"{machine_id()}:{fields[_START_TIME]}"


def processor_seconds(pid: int) -> float:
    """How long a process has worked so far; 0 if it is gone."""
    fields = _stat(pid)
    ticks = int(fields[_USER_TIME]) + int(fields[_SYSTEM_TIME]) if fields else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def require_linux() -> None:
    """Refuse to run workers where a process cannot be held on to.

    Raises:
        UsageError: the system has no process handles (pidfd).
    """
    if not hasattr(os, "pidfd_open"):
        raise UsageError(
            f"Workers run on Linux alone, and this is {platform.system()}: they hold on to their "
            "trials by pidfd and parent-death signals. Here amc train, amc validate and the Python "
            "API run; a container (docker compose up) or a Linux machine runs the workers."
        )


def require_writable(directory: Path) -> None:
    """Make a directory if it is not there, and see that this process can write in it.

    Docker makes a directory that is to be mounted and is not there, and it is root's.

    Raises:
        UsageError: it cannot be made or written; with who has to own it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{directory}: cannot be made: {error.strerror}.") from error
    if os.access(directory, os.W_OK | os.X_OK):
        return
    owner, user = directory.stat().st_uid, os.geteuid()
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        reason = "its file system is mounted read-only."
    elif owner == user:
        reason = f"its mode forbids it. Change that: chmod u+rwx {directory}"
    else:
        reason = (
            f"it belongs to user {owner}, and this runs as user {user}. Give it to this one, on "
            f"the machine that holds it: chown {user} {directory}"
        )
    raise UsageError(f"{directory}: cannot be written: {reason}")


def is_of_this_machine(identity: str) -> bool:
    """Whether an identity was given on this machine, so that its process can be looked for."""
    return identity.startswith(f"{machine_id()}:")
