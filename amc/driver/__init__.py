"""The next decision, and how much there will be: pure functions of config and history."""

from amc.driver.budget import Budget, budget
from amc.driver.planning import plan
from amc.driver.seeds import trial_seed
from amc.driver.wanted import released

__all__ = ["Budget", "budget", "plan", "released", "trial_seed"]
