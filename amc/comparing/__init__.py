"""Experiments side by side: which is better, by how much, and how sure that is.

    comparison = compare([entrant("ppo", [ledger]), entrant("ddpg", [other])])

The doors are `entrant` and `compare`; figures, a page and a paper's files are made of what they
give.
"""

from amc.comparing.entrants import Entrant, entrant
from amc.comparing.verdicts import Comparison, compare

__all__ = ["Comparison", "Entrant", "compare", "entrant"]
