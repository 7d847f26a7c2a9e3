"""The fleet: this machine's Redis, driver, workers and dashboards, as processes.

Its doors are `up`, `down`, `clear`, `standing` and `status`, and `read` and `describe` for what to
start. It must not know what a trial does: it deals in processes, queues and GPUs.
"""

from amc.fleet.description import Description, FleetFile, describe, read
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
from amc.fleet.status import FleetStatus, status

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
