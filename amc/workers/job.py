"""A segment of a trial, and who supervises it."""

from dataclasses import dataclass

from amc.broker.keys import Holder
from amc.ledger import Attempt, Ledger, Report, Segment


@dataclass(frozen=True)
class Job:
    """A segment of a trial, and who supervises it."""

    ledger: Ledger
    segment: Segment
    holder: Holder

    @property
    def trial(self) -> int:
        """The trial's number."""
        return self.segment.trial

    @property
    def report(self) -> Report | None:
        """What came of the segment; None while nothing has."""
        return self.ledger.report(*self.segment.key)

    def attempts(self) -> list[Attempt]:
        """Every attempt at the segment, in order."""
        every = self.ledger.attempts(self.trial)
        return [attempt for attempt in every if attempt.segment == self.segment.index]

    @property
    def is_stopped(self) -> bool:
        """Whether the user asked for a halt or the end."""
        paths = self.ledger.paths
        return paths.cancelled.exists() or paths.paused.exists()
