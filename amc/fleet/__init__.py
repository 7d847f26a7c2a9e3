"""The fleet: this machine's Redis, driver, workers and dashboards, as processes.

Its doors are `up`, `down`, `standing` and `status`, and `read` and `describe` for what to start. It
must not know what a trial does: it deals in processes, queues and GPUs.
"""

from amc.fleet.description import Description, FleetFile, describe, read
from amc.fleet.gpu import devices
from amc.fleet.processes import down, flower_invitation, standing, stay, up
from amc.fleet.status import FleetStatus, status

__all__ = [
    "Description",
    "FleetFile",
    "FleetStatus",
    "describe",
    "devices",
    "down",
    "flower_invitation",
    "read",
    "standing",
    "status",
    "stay",
    "up",
]
