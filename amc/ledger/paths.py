"""Where things lie in an experiment's directory; the one place that knows the names."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_CHECKPOINT = re.compile(r"(\d{12})-(\d{4,})\.pt")


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint's file; the name carries the step and the attempt that wrote it.

    000000010240-0002.pt          step 10240, written by attempt 2
    000000010240-0002.pt.sha256   its digest, as `sha256sum --check` reads it; written first
    .000000010240-0002.pt.*.tmp   being written; never read
    """

    path: Path
    step: int
    attempt: int

    @classmethod
    def of(cls, directory: Path, step: int, attempt: int) -> Self:
        """The file for a step and an attempt in `directory`."""
        return cls(directory / f"{step:012d}-{attempt:04d}.pt", step, attempt)

    @classmethod
    def behind(cls, path: Path) -> Self | None:
        """The checkpoint that a file is, belongs to, or was to become; None if it is of none."""
        match = _CHECKPOINT.match(path.name.lstrip("."))
        return None if match is None else cls.of(path.parent, int(match[1]), int(match[2]))

    @property
    def digest_path(self) -> Path:
        """The file beside it that holds its SHA-256."""
        return digest_path(self.path)

    def remove(self) -> None:
        """Delete it: the checkpoint before its digest, so that a digest is never missing."""
        self.path.unlink(missing_ok=True)
        self.digest_path.unlink(missing_ok=True)


def digest_path(path: Path) -> Path:
    """The file beside a checkpoint, or a copy of one, that holds its SHA-256."""
    return path.with_name(f"{path.name}.sha256")


def checkpoint_files(directory: Path) -> list[CheckpointFile]:
    """Every checkpoint in `directory`, good or damaged, the newest first."""
    paths = (path for path in directory.glob("*.pt") if _CHECKPOINT.fullmatch(path.name))
    found = [file for file in map(CheckpointFile.behind, paths) if file is not None]
    return sorted(found, key=lambda file: (file.step, file.attempt), reverse=True)


@dataclass(frozen=True)
class ExchangePaths:
    """Where an attempt and a trainer of the user's own tell each other things."""

    directory: Path

    @property
    def trial(self) -> Path:
        """What the trainer is told."""
        return self.directory / "trial.json"

    @property
    def reports(self) -> Path:
        """What it tells, a line of JSON each."""
        return self.directory / "reports.jsonl"

    @property
    def stop(self) -> Path:
        """Marker: it is to save and end."""
        return self.directory / "stop"

    @property
    def output(self) -> Path:
        """What it prints, the middle of it left out where it is long."""
        return self.directory / "output.log"

    @property
    def checkpoint(self) -> Path:
        """The directory with what it goes on from."""
        return self.directory / "checkpoint"

    @property
    def saved(self) -> Path:
        """Copies of what it saves, until they are checkpoints."""
        return self.directory / "saved"


@dataclass(frozen=True)
class SegmentPaths:
    """The directory of one segment; a trial's first lies in the trial's own."""

    directory: Path

    @property
    def segment(self) -> Path:
        """A copy of what the log says of it; of the first segment in the trial's record."""
        return self.directory / "segment.json"

    @property
    def report(self) -> Path:
        """What came of it, written once."""
        return self.directory / "report.json"

    @property
    def checkpoints(self) -> Path:
        """Its checkpoints, and no other segment's."""
        return self.directory / "checkpoints"

    @property
    def metrics(self) -> Path:
        """The evaluations that were made in it."""
        return self.directory / "metrics"

    def curve(self, attempt: int) -> Path:
        """The evaluations that an attempt made."""
        return self.metrics / f"{attempt:04}.jsonl"

    def curves(self) -> list[Path]:
        """The evaluations of each attempt, the first attempt's first."""
        found = (path for path in self.metrics.glob("*.jsonl") if path.stem.isdecimal())
        return sorted(found, key=lambda path: int(path.stem))

    @property
    def files(self) -> Path:
        """What a trainer of the user's own writes for itself."""
        return self.directory / "files"

    def exchange(self, attempt: int) -> "ExchangePaths":
        """What an attempt and a trainer of the user's own tell each other."""
        return ExchangePaths(self.directory / "exchange" / f"{attempt:04}")

    def exchanges(self) -> "list[ExchangePaths]":
        """Those of each attempt, the first attempt's first."""
        found = (path for path in (self.directory / "exchange").glob("*") if path.name.isdecimal())
        return [ExchangePaths(path) for path in sorted(found, key=lambda path: int(path.name))]

    @property
    def start(self) -> Path:
        """Where what it starts from is trained again if that was lost."""
        return self.directory / "start"

    @property
    def tensorboard(self) -> Path:
        """Event files of what is trained outside an experiment."""
        return self.directory / "tensorboard"


@dataclass(frozen=True)
class RunPaths(SegmentPaths):
    """The directory of a config that was trained outside an experiment."""

    @property
    def config(self) -> Path:
        """The config as it was trained."""
        return self.directory / "config.json"

    @property
    def result(self) -> Path:
        """What came of it."""
        return self.directory / "result.json"


@dataclass(frozen=True)
class TrialPaths:
    """The directory of one trial."""

    directory: Path

    @property
    def trial(self) -> Path:
        """A copy of what the log says of the trial and its first segment."""
        return self.directory / "trial.json"

    @property
    def result(self) -> Path:
        """The end of the trial, as version 0.1 wrote it."""
        return self.directory / "result.json"

    def segment(self, index: int) -> SegmentPaths:
        """The directory of a segment."""
        if index == 0:
            return SegmentPaths(self.directory)
        return SegmentPaths(self.directory / "segments" / f"{index:02}")

    def segments(self) -> list[SegmentPaths]:
        """Those that have a directory, in order."""
        names = (path.name for path in (self.directory / "segments").glob("*"))
        return [
            self.segment(index) for index in sorted({0, *map(int, filter(str.isdecimal, names))})
        ]

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
    def requests(self) -> Path:
        """What users asked for since the experiment was submitted."""
        return self.directory / "requests"

    def request(self, number: int) -> Path:
        """One of them, written once."""
        return self.requests / f"{number:04}.json"

    @property
    def ends(self) -> Path:
        """How the experiment ended, each time that it did."""
        return self.directory / "ends"

    def end(self, requests: int) -> Path:
        """How it ended once so many requests had been dealt with, written once."""
        return self.ends / f"{requests:04}.json"

    @property
    def only_end(self) -> Path:
        """How an experiment ended that nobody could ask to go on, as earlier versions wrote it."""
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
    def best_config(self) -> Path:
        """The config that trains the winner again."""
        return self.best_files / "config.json"

    def best_agent(self, suffix: str) -> Path:
        """The winner's last checkpoint, and beside it its digest."""
        return self.best_files / f"agent{suffix}"

    @property
    def best_film(self) -> Path:
        """A film of the winner's agent, where somebody made one."""
        return self.best_files / "replay.mp4"

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

    def decision(self, number: int) -> Path:
        """What the driver had learned and what it opened, written before anything is dispatched."""
        return self.directory / "decisions" / f"{number:06}.json"

    def decision_copy(self, number: int) -> Path:
        """The same once more."""
        return self.directory / "decisions" / f"{number:06}.copy.json"

    def snapshot(self, number: int) -> Path:
        """A page of the log of decisions."""
        return self.directory / "snapshots" / f"{number:04}.jsonl"

    def round(self, number: int) -> Path:
        """The trials of a round, as version 0.1 wrote them."""
        return self.directory / "rounds" / f"{number:04}.json"

    def closed(self, number: int) -> Path:
        """What came of a round, as version 0.1 wrote it."""
        return self.directory / "rounds" / f"{number:04}.closed.json"

    def trial(self, number: int) -> TrialPaths:
        """The directory of a trial."""
        return TrialPaths(self.directory / "trials" / f"{number:04}")

    def trial_numbers(self) -> list[int]:
        """The trials that have a directory, in number order."""
        names = (path.name for path in (self.directory / "trials").glob("*"))
        return sorted(int(name) for name in names if name.isdecimal() and len(name) < 10)

    def tensorboard_run(self, number: int) -> Path:
        """The event files of a trial."""
        return self.tensorboard / f"{number:04}"
