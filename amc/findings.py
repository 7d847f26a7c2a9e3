"""What an experiment found: its agents, its data, its figures.

Its door is `Findings`, which `amc.experiment_view.Experiment` hands on. What it takes (torch,
matplotlib, pandas) is loaded when it is asked for.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.ledger import Ledger
from amc.trial_status import BestTrial, TrialStatus

if TYPE_CHECKING:
    from amc.playback import Agent


class Findings(ABC):
    """An experiment whose results can be used, seen and handed on, while it runs too."""

    _ledger: Ledger

    @property
    @abstractmethod
    def directory(self) -> Path:
        """The experiment's directory in the ledger."""

    @property
    @abstractmethod
    def config(self) -> ExperimentConfig:
        """The config as it was resolved when it was submitted."""

    @property
    @abstractmethod
    def best(self) -> BestTrial | None:
        """The best trial of the best suggestion so far, by the rule that decides at the end."""

    @abstractmethod
    def trials(self) -> list[TrialStatus]:
        """Every trial so far, in number order."""

    def agent(self, trial: int | None = None) -> "Agent":
        """What a trial has learned, ready to act.

        Args:
            trial: its number; None for the best one so far.

        Raises:
            UsageError: there is no such trial, or it has no checkpoint yet.
            CheckpointError: its checkpoint is damaged.
        """
        from amc import playback

        if trial is None:
            best = self.best
            if best is None:
                raise UsageError(
                    f"{self._ledger.id}: no trial has ended yet. Take one that runs: --trial N."
                )
            trial = best.number
        return playback.agent_of(self._ledger, trial)
