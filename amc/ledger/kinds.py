"""With what the trials of an experiment ran: what can change the bits that come out.

Its door is `kinds`. Between two kinds digests may differ, and nothing is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from amc.ledger.history import History
from amc.ledger.records import Report


@dataclass(frozen=True)
class Kind:
    """What a segment's weights came through.

    Attributes:
        amc: versions of amc; several where it was upgraded in between; empty if not recorded.
        kernel: with its version.
        environment: what really ran, with its version.
        cpu: types of CPU; several where another machine went on.
    """

    amc: tuple[str, ...]
    kernel: str
    environment: str
    cpu: tuple[str, ...]

    @classmethod
    def of(cls, report: Report) -> "Kind":
        """What a report tells of it."""
        return cls(report.amc, report.kernel, report.environment, report.cpu)

    @property
    def is_mixed(self) -> bool:
        """Whether the weights came through more than one kind."""
        return len(self.amc) > 1 or len(self.cpu) > 1

    def __str__(self) -> str:
        parts = (_joined("amc", self.amc), self.kernel, self.environment, _joined("", self.cpu))
        return ", ".join(part for part in parts if part)


def kinds(history: History) -> dict[Kind, list[int]]:
    """Every kind of which a segment was trained, and the trials that came through it."""
    found: dict[Kind, dict[int, None]] = {}
    for key in history.segments:
        report = history.report(key)
        if report is not None and report.environment:
            found.setdefault(Kind.of(report), {})[report.trial] = None
    return {kind: list(trials) for kind, trials in found.items()}


def _joined(word: str, values: Sequence[str]) -> str:
    return f"{word} {' then '.join(values)}".strip() if values else ""
