"""What an experiment found: its agents, its data, its figures.

Its door is `Findings`, which `amc.experiment_view.Experiment` hands on. What it takes (torch,
matplotlib, pandas) is loaded when it is asked for.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.ledger import Ledger
from amc.trial_status import BestTrial, TrialStatus

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

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

    def plot_history(self) -> "Figure":
        """Each trial's score in order, and the best so far."""
        from amc.reports.figures.optimization_history import draw

        return draw(self.trials(), self.best)

    def plot_curves(self) -> "Figure":
        """How trials learnt: the winner's seeds with their mean and band, the others faint."""
        from amc.reports.figures.learning_curves import draw
        from amc.reports.material import curves_of

        best, threshold = self.best, self.config.environment.reward_threshold
        winners = () if best is None else best.mean_of or (best.number,)
        return draw(curves_of(self._ledger, self._ledger.history()), winners, threshold=threshold)

    def plot_importance(self) -> "Figure":
        """How much each hyperparameter mattered; see `amc.reports.sensitivity`."""
        from amc.reports.figures.importances import draw
        from amc.reports.sensitivity import importance_of

        return draw(importance_of(self.config, self._ledger.history()))

    def plot_slice(self) -> "Figure":
        """The trials' scores along each hyperparameter."""
        from amc.reports.figures.slices import draw
        from amc.reports.material import space_of

        return draw(self.trials(), space_of(self.config), self.best)

    def plot_parallel(self) -> "Figure":
        """Each trial as a line over all hyperparameters and its score."""
        from amc.reports.figures.parallel_coordinates import draw
        from amc.reports.material import space_of

        return draw(self.trials(), space_of(self.config), self.best)

    def plot_timeline(self) -> "Figure":
        """Which worker was at which attempt when, and how attempts ended."""
        from amc.reports.figures.attempt_timeline import draw
        from amc.reports.stints import stints_of

        return draw(stints_of(self._ledger, self._ledger.history()))

    def report(self, *, film: bytes | None = None) -> str:
        """One page of HTML that says what was found, with every figure; needs nothing else.

        Args:
            film: the content of an MP4 file of its agent; None leaves it out.
        """
        from amc.reports.material import gather
        from amc.reports.page import page

        return page(gather(self._ledger, self.trials(), self.best), film=film)

    def methods(self) -> str:
        """How it was done, as a paper's methods section says it, paragraph by paragraph."""
        from amc.reports.material import gather
        from amc.reports.methods_section import methods_section

        return methods_section(gather(self._ledger, self.trials(), self.best))

    def trials_dataframe(self) -> "DataFrame":
        """A row per trial; docs/export.md says what the columns are.

        Raises:
            UsageError: pandas, which is an extra, is not installed.
        """
        from amc.reports.export_rows import PREFIX, TRIAL_COLUMNS, flat, names_of, trial_rows

        rows = trial_rows(self._ledger, self.trials())
        names = names_of(rows)
        columns = (*TRIAL_COLUMNS, *(PREFIX + name for name in names))
        return _dataframe([flat(row, names) for row in rows], columns, moments=("started", "ended"))

    def curves(self) -> "DataFrame":
        """A row per evaluation; docs/export.md says what the columns are.

        Raises:
            UsageError: pandas, which is an extra, is not installed.
        """
        from amc.reports.export_rows import EVALUATION_COLUMNS, evaluation_rows

        return _dataframe(evaluation_rows(self._ledger, self.trials()), EVALUATION_COLUMNS)

    def export_csv(self, directory: Path) -> list[Path]:
        """Write trials.csv and evaluations.csv into a directory, and say where they are."""
        from amc.reports.export_files import write_csv

        return write_csv(directory, self._ledger, self.trials())

    def export_json(self) -> dict[str, Any]:
        """The config, a row per trial and one per evaluation, as a plain JSON object."""
        from amc.reports.export_files import document

        return document(self._ledger, self.trials())

    def export_optuna(self, path: Path) -> None:
        """Write the experiment as an Optuna study into a journal file.

        Raises:
            UsageError: Optuna, which is an extra, is not installed.
        """
        from amc.reports.optuna_journal import write

        write(path, self._ledger, self.trials())


def _dataframe(
    rows: Iterable[Mapping[str, Any]], columns: Iterable[str], *, moments: Iterable[str] = ()
) -> "DataFrame":
    """A data frame; `moments` are columns of Unix times, which become dates in UTC."""
    try:
        import pandas
    except ImportError as error:
        raise UsageError(
            "Data frames need pandas, which is not installed here. "
            "Install it: pip install 'ai-mission-control[dataframe]'."
        ) from error
    frame = pandas.DataFrame(list(rows), columns=list(columns))
    for name in moments:
        frame[name] = pandas.to_datetime(frame[name], unit="s", utc=True)
    return frame
