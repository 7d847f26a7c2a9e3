"""How a machine's fleet and the broker that it works with are now. Its door is `status`."""

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import redis

from amc.broker import leases
from amc.broker.connection import connect, without_password
from amc.broker.heartbeats import LiveWorker, in_number_order, live_workers
from amc.broker.keys import DRIVER_QUEUE
from amc.fleet.commands import broker_of
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.state import FleetState, living
from amc.settings import BROKER_URL_VARIABLE, shared_dir


@dataclass(frozen=True)
class ProcessStatus:
    """One process of this machine's fleet; `pid` is 0 while it waits to be started again."""

    name: str
    pid: int
    uptime_s: float
    restarts: int
    log: str


@dataclass(frozen=True)
class RunningTrial:
    """A trial that a worker holds, on any machine."""

    experiment: str
    trial: int
    worker: str


@dataclass(frozen=True)
class FleetStatus:
    """Everything that `amc status` shows.

    Attributes:
        host: this machine.
        is_up: whether this machine has a fleet.
        broker: URL without its password.
        broker_answers: whether Redis answers; if not, what follows from it is empty.
        uptime_s: of the supervisor.
        processes: of this machine's fleet, in the order of starting.
        workers: every live worker, on any machine.
        queues: messages that wait in each live queue and in the driver's.
        running: every trial that is being trained.
    """

    host: str
    is_up: bool
    broker: str
    broker_answers: bool
    uptime_s: float = 0.0
    processes: tuple[ProcessStatus, ...] = ()
    workers: tuple[LiveWorker, ...] = ()
    queues: tuple[tuple[str, int], ...] = ()
    running: tuple[RunningTrial, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "queues": dict(self.queues)}


def status(*, shared: Path | None = None) -> FleetStatus:
    """Look at this machine's fleet and its broker.

    Args:
        shared: the directory that holds every experiment; `shared_dir()` if None.
    """
    paths = FleetPaths((shared or shared_dir()).absolute())
    state = living(paths.state)
    url = _broker_url(paths.shared, state)
    fleet: dict[str, Any] = {
        "host": paths.host,
        "is_up": state is not None,
        "broker": without_password(url),
    }
    if state is not None:
        fleet["uptime_s"] = time.monotonic() - state.started
        fleet["processes"] = _processes(paths, state)
    try:
        return FleetStatus(**fleet, broker_answers=True, **_seen_from_broker(url, paths.shared))
    except redis.RedisError:
        return FleetStatus(**fleet, broker_answers=False)


def _broker_url(shared: Path, state: FleetState | None) -> str:
    """What AMC_BROKER_URL says, else what the fleet was started with, else the embedded one's."""
    if state is None or os.environ.get(BROKER_URL_VARIABLE) or "***" in state.broker:
        return broker_of(shared).url
    return state.broker


def _processes(paths: FleetPaths, state: FleetState) -> tuple[ProcessStatus, ...]:
    now = time.monotonic()
    return tuple(
        ProcessStatus(
            name=process.name,
            pid=process.pid,
            uptime_s=now - process.started if process.pid else 0.0,
            restarts=process.restarts,
            log=str(paths.log(process.name)),
        )
        for process in state.processes
    )


def _seen_from_broker(url: str, shared: Path) -> dict[str, Any]:
    client = connect(url, shared)
    client.ping()
    workers = tuple(live_workers(client))
    names = {DRIVER_QUEUE, *(queue for worker in workers for queue in worker.queues)}
    lengths = client.lengths(sorted(names, key=in_number_order))
    held = leases.all_leases(client)
    running = tuple(
        RunningTrial(experiment, trial, held[experiment, trial].name)
        for experiment, trial in sorted(held, key=lambda key: (in_number_order(key[0]), key[1]))
    )
    return {"workers": workers, "queues": tuple(lengths.items()), "running": running}
