"""What a machine's fleet leaves in files: where they are, and what they say.

Its doors are `FleetPaths` and `FleetState`. It must not know how processes are started.
"""

import contextlib
import fcntl
import json
import os
import socket
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from amc.broker.machine import identify, machine_id
from amc.errors import AmcError
from amc.fleet.description import Description

_FLEETS, _LOCK, _LOGS = ".fleet", "lock", "logs"


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
        return self.directory / "flower.auth"

    @property
    def jupyter_token(self) -> Path:
        """Jupyter Lab's token, readable by its owner only."""
        return self.directory / "jupyter.token"

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


@dataclass(frozen=True)
class ProcessState:
    """One process of the fleet.

    Attributes:
        name: `redis`, `driver`, `rl-worker-0`, `flower`, `tensorboard`, `jupyter`.
        pid: 0 while it waits to be started again.
        started: seconds from the machine's boot to its last start, as `time.monotonic` has them.
        restarts: how often it was started again.
    """

    name: str
    pid: int
    started: float
    restarts: int


@dataclass(frozen=True)
class FleetState:
    """What the supervisor says of itself and its processes.

    Attributes:
        pid: the supervisor's.
        identity: what tells that process from a later one with the same id.
        host: the machine, as in the workers' names.
        broker: URL without its password.
        started: seconds from the machine's boot to the supervisor's start.
        description: what was asked for.
        processes: what runs, in the order of starting.
    """

    pid: int
    identity: str
    host: str
    broker: str
    started: float
    description: Description
    processes: tuple[ProcessState, ...]

    @property
    def is_alive(self) -> bool:
        """Whether that supervisor still runs."""
        return identify(self.pid) == self.identity

    def save(self, path: Path) -> None:
        """Write the state; a reader sees the old one or the new one, never half of one."""
        data = {**asdict(self), "description": self.description.to_json()}
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            temporary.write_text(json.dumps(data, indent=1), encoding="utf-8")
        except OSError as error:
            error.filename = str(path)  # a failed write does not name its file
            raise
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> "FleetState | None":
        """The state as last written; None if no supervisor has written one.

        Raises:
            AmcError: the file is not one of ours.
        """
        try:
            data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            data["description"] = Description.from_json(data["description"])
            data["processes"] = tuple(ProcessState(**item) for item in data["processes"])
            return cls(**data)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise AmcError(
                f"{path}: not a fleet's state ({error}). Remove the file if no fleet runs here."
            ) from error


def living(path: Path) -> FleetState | None:
    """The state of the supervisor that runs now; None if none does."""
    state = FleetState.load(path)
    return state if state is not None and state.is_alive else None
