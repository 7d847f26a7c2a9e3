"""What was found where something was looked at. Its door is `Finding`."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "warning", "fault"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what, in a word or two.
        state: `ok`; `warning`, where something is slower or less than it could be; `fault`, where
            something does not work.
        told: what was found.
        advice: what to do about it; empty where nothing is.
    """

    check: str
    state: State
    told: str
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
