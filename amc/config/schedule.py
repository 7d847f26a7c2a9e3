"""Hyperparameters that change in the middle of a training: what a config writes, and what it means.

    "schedule": [{"from_step": 20000, "hyperparameters": {"learning_rate": 0.0004}, "reseed": 7}]

Up to the first `from_step` the config holds as it stands; from there on what the change names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, JsonValue

from amc.config.fields import INTEGRAL, Count, StrictModel

MOST_CHANGES = 1000


class ScheduledChange(StrictModel):
    """What changes at a step."""

    from_step: Count
    """Environment steps after which it holds, from the next iteration on."""
    hyperparameters: dict[str, JsonValue] = Field(default_factory=dict)
    """Settings by search key; what is not named stays as it was."""
    reseed: Annotated[int, Field(ge=0, le=2**63 - 1), INTEGRAL] | None = None
    """A seed from which every draw begins anew there, episodes too; null: draws go on."""


@dataclass(frozen=True)
class Stage:
    """A piece of training in which nothing changes.

    Attributes:
        until: it ends with the first iteration that reaches this many steps.
        hyperparameters: what has changed until then, by search key.
        reseed: forks every generator where it begins; None lets them go on.
    """

    until: int
    hyperparameters: Mapping[str, Any]
    reseed: int | None = None


def stages(changes: Iterable[ScheduledChange], total_timesteps: int) -> tuple[Stage, ...]:
    """The pieces of a training, from its first step to its last; a single one without changes."""
    found, values, reseed = list[Stage](), dict[str, Any](), None
    for change in changes:
        found.append(Stage(change.from_step, values, reseed))
        values, reseed = {**values, **change.hyperparameters}, change.reseed
    return (*found, Stage(total_timesteps, values, reseed))
