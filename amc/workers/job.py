"""A trial, and who supervises it."""

from dataclasses import dataclass

from amc.broker.leases import Owner
from amc.ledger import Ledger


@dataclass(frozen=True)
class Job:
    """A trial, and who supervises it."""

    ledger: Ledger
    trial: int
    owner: Owner

    @property
    def is_stopped(self) -> bool:
        """Whether the user asked for a halt or the end."""
        paths = self.ledger.paths
        return paths.cancelled.exists() or paths.paused.exists()
