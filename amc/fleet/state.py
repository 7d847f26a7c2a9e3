"""What a machine's supervisor says of itself and its processes, in a file.

Its doors are `FleetState` and `living`. It must not know how processes are started.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amc.broker.machine import identify
from amc.errors import AmcError
from amc.fleet.description import Description


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
