"""The ledger room: an experiment's directory, the source of truth. Its door is `Ledger`.

It must not know what a worker, a queue or Redis is.
"""

from amc.ledger.history import History
from amc.ledger.ledger import Ledger, ledgers
from amc.ledger.records import (
    Attempt,
    AttemptEnd,
    Decision,
    Report,
    Request,
    Result,
    Segment,
    SegmentKey,
    Trial,
)

__all__ = [
    "Attempt",
    "AttemptEnd",
    "Decision",
    "History",
    "Ledger",
    "Report",
    "Request",
    "Result",
    "Segment",
    "SegmentKey",
    "Trial",
    "ledgers",
]
