"""The colours of states, the same wherever they are shown. Its door is `styled`."""

from rich.text import Text

DAMAGED = "damaged"
# Red is what went wrong, yellow what ended early; what was paused goes on.
_STYLES = {
    DAMAGED: "red",
    "running": "cyan",
    "completed": "green",
    "halted": "yellow",
    "failed": "red",
    "cancelled": "yellow",
    "paused": "blue",
    "waiting": "dim",
}


def styled(state: str) -> Text:
    """The word for a state, in its colour."""
    return Text(state, style=_STYLES.get(state, ""))
