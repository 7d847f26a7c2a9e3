"""Where things lie in an experiment's directory; the one place that knows the names."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrialPaths:
    """The directory of one trial."""

    directory: Path

    @property
    def trial(self) -> Path:
        """Hyperparameters and seed."""
        return self.directory / "trial.json"

    @property
    def result(self) -> Path:
        """The end of the trial, written once."""
        return self.directory / "result.json"

    @property
    def attempts(self) -> Path:
        """One file per attempt and one per attempt's end."""
        return self.directory / "attempts"

    def attempt(self, number: int) -> Path:
        """Who tries."""
        return self.attempts / f"{number:04}.json"

    def attempt_end(self, number: int) -> Path:
        """How it ended."""
        return self.attempts / f"{number:04}.end.json"

    def traceback(self, number: int) -> Path:
        """What the trial process left when it raised."""
        return self.attempts / f"{number:04}.traceback.txt"


@dataclass(frozen=True)
class ExperimentPaths:
    """The directory of one experiment."""

    directory: Path

    @property
    def experiment(self) -> Path:
        """The resolved config, versions and seed."""
        return self.directory / "experiment.json"

    @property
    def end(self) -> Path:
        """How the experiment ended, written once."""
        return self.directory / "end.json"

    @property
    def best(self) -> Path:
        """The winner's record; `best_files` holds its config and agent."""
        return self.directory / "best.json"

    @property
    def best_files(self) -> Path:
        """The winner's config and agent."""
        return self.directory / "best"

    @property
    def cancelled(self) -> Path:
        """Marker: the user wants no more of this experiment."""
        return self.directory / "cancelled"

    @property
    def paused(self) -> Path:
        """Marker: no trial runs until it is removed."""
        return self.directory / "paused"

    @property
    def tensorboard(self) -> Path:
        """Event files, one run per trial."""
        return self.directory / "tensorboard"

    def round(self, number: int) -> Path:
        """The trials of a round, written before any of them is dispatched."""
        return self.directory / "rounds" / f"{number:04}.json"

    def closed(self, number: int) -> Path:
        """What came of a round."""
        return self.directory / "rounds" / f"{number:04}.closed.json"

    def trial(self, number: int) -> TrialPaths:
        """The directory of a trial."""
        return TrialPaths(self.directory / "trials" / f"{number:04}")

    def tensorboard_run(self, number: int) -> Path:
        """The event files of a trial."""
        return self.tensorboard / f"{number:04}"
