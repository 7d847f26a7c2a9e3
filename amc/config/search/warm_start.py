"""What a search knows before its first trial: points of another experiment, and their scores.

A config names the experiment; the points are copied from it when the config is submitted, so that
what is recorded needs no other experiment any more.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue

from amc.config.fields import StrictModel

# Whoever reads the experiment reads them too; the model looks at 300.
MOST_KNOWN = 1000


class KnownPoint(StrictModel):
    """A point whose score is known."""

    hyperparameters: dict[str, JsonValue]
    """By search key; what it does not name has its value in this config."""
    score: float
    """Its score; higher is better."""


class WarmStart(StrictModel):
    """Where a search begins from."""

    experiment: str
    """The experiment's id, a unique beginning of it, or latest."""
    points: Annotated[tuple[KnownPoint, ...], Field(strict=False, max_length=MOST_KNOWN)] | None = (
        None
    )
    """What it knows from there; null: every point that lies in the search space."""


def _named(value: Any) -> Any:
    return {"experiment": value} if isinstance(value, str) else value


AnyWarmStart = Annotated[WarmStart, BeforeValidator(_named)]
"""An experiment's id, or an object with the id and the points."""
