"""What must happen next, and how much there will be: pure functions of config and history."""

from amc.driver.budget import Budget, budget
from amc.driver.planning import (
    Action,
    Cancel,
    CloseRound,
    Dispatch,
    Finish,
    Hold,
    OpenRound,
    plan,
    trial_seed,
)

__all__ = [
    "Action",
    "Budget",
    "Cancel",
    "CloseRound",
    "Dispatch",
    "Finish",
    "Hold",
    "OpenRound",
    "budget",
    "plan",
    "trial_seed",
]
