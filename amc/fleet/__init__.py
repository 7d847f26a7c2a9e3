"""The fleet: this machine's Redis, driver, workers and dashboards, as processes.

Its doors are `up`, `down`, `clear`, `standing` and `status`, and `read` and `describe` for what to
start. They are loaded on first use: the supervisor starts the slowest of its processes before it
imports redis and pydantic. The fleet must not know what a trial does: it deals in processes, queues
and GPUs.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amc.fleet.description import Description, FleetFile, describe, read
    from amc.fleet.fleet_status import FleetStatus, status
    from amc.fleet.gpu import devices
    from amc.fleet.processes import (
        clear,
        down,
        flower_invitation,
        jupyter_invitation,
        standing,
        stay,
        up,
    )

__all__ = [
    "Description",
    "FleetFile",
    "FleetStatus",
    "clear",
    "describe",
    "devices",
    "down",
    "flower_invitation",
    "jupyter_invitation",
    "read",
    "standing",
    "status",
    "stay",
    "up",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'amc.fleet' has no attribute {name!r}")
    from amc.fleet import description, fleet_status, gpu, processes

    return next(
        getattr(module, name)
        for module in (processes, description, fleet_status, gpu)
        if hasattr(module, name)
    )
