"""A segment of a trial, and who supervises it."""

from dataclasses import dataclass

from amc.broker.leases import Owner
from amc.ledger import Ledger, Report, Segment


@dataclass(frozen=True)
class Job:
    """A segment of a trial, and who supervises it."""

    ledger: Ledger
    segment: Segment
    owner: Owner

    @property
    def trial(self) -> int:
        """The trial's number."""
        return self.segment.trial

    @property
    def report(self) -> Report | None:
        """What came of the segment; None while nothing has."""
        return self.ledger.report(*self.segment.key)

    @property
    def is_stopped(self) -> bool:
        """Whether the user asked for a halt or the end."""
        paths = self.ledger.paths
        return paths.cancelled.exists() or paths.paused.exists()
