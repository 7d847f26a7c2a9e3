"""Where a machine's fleet leaves its files.

Its doors are `FleetPaths`, `log_files`, `secret_files` and `is_up_here`.
"""

import contextlib
import fcntl
import os
import socket
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from amc.broker.machine import machine_id

_FLEETS, _LOCK, _LOGS = ".fleet", "lock", "logs"
_FLOWER_AUTH, _JUPYTER_TOKEN = "flower.auth", "jupyter.token"


@dataclass(frozen=True)
class FleetPaths:
    """The files of one machine's fleet below a shared directory."""

    shared: Path
    host: str = field(default_factory=socket.gethostname)

    @cached_property
    def directory(self) -> Path:
        """Where all of them are; its name begins with a dot, so it is no experiment.

        Named after the host; where a fleet of another machine, or container, of the same name is
        up there, after this machine as well.
        """
        usual = self.shared / _FLEETS / self.host
        own = usual.with_name(f"{self.host}-{machine_id()}")
        if _holder(own / _LOCK) == machine_id():
            return own
        return usual if _holder(usual / _LOCK) in {"", machine_id()} else own

    @property
    def state(self) -> Path:
        """What runs, written by the supervisor."""
        return self.directory / "fleet.json"

    @property
    def lock(self) -> Path:
        """Locked by the supervisor for as long as it lives; it holds the machine's id."""
        return self.directory / _LOCK

    @property
    def flower_auth(self) -> Path:
        """`user:password` of Flower, readable by its owner only."""
        return self.directory / _FLOWER_AUTH

    @property
    def jupyter_token(self) -> Path:
        """Jupyter Lab's token, readable by its owner only."""
        return self.directory / _JUPYTER_TOKEN

    @property
    def jupyter_config(self) -> Path:
        """The settings that are made in Jupyter Lab."""
        return self.directory / "jupyter"

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.directory / _LOGS / f"{name}.log"


def _holder(lock: Path) -> str:
    """The machine whose supervisor holds a lock; empty if none does."""
    with contextlib.suppress(OSError), open(lock, encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read().strip()
    return ""


def log_files(shared: Path) -> list[Path]:
    """What the fleets of every machine have logged that use a shared directory."""
    return sorted(shared.glob(f"{_FLEETS}/*/{_LOGS}/*.log"))


def is_up_here(shared: Path) -> bool:
    """Whether this machine's supervisor lives, and so its logs grow."""
    return bool(_holder(FleetPaths(shared).lock))


def secret_files(shared: Path) -> list[Path]:
    """What the fleets of every machine keep for their dashboards, as far as it may be read here."""
    found = []
    for directory in sorted(shared.glob(f"{_FLEETS}/*")):
        names = (_FLOWER_AUTH, _JUPYTER_TOKEN)
        found += [path for path in map(directory.joinpath, names) if os.access(path, os.R_OK)]
    return found
