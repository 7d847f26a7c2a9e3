"""`amc logs`: what the workers said about an experiment, so far or as they go on.

Every line that `amc.logs` writes names its experiment, trial and attempt, so a worker's file, which
holds many experiments, can be taken apart again. What a command printed that trained a trial is in
files of the trial's own.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from operator import itemgetter
from pathlib import Path

import click

from amc.cli.options import experiment_argument
from amc.cli.output import note, say
from amc.client import experiment as find
from amc.errors import LedgerError, UsageError
from amc.experiment_view import Experiment
from amc.ledger.paths import ExperimentPaths

_LINE = re.compile(
    r"(?P<time>\S+Z) (?P<level>[A-Z]+) \S+ (?P<experiment>\S+?)(?:/(?P<trial>\d+))?(?:#\d+)? \S+: "
)
# What was said about the end is written once the end is recorded.
_LAST_WORDS_S = 1.0


@click.command()
@experiment_argument
@click.option("--trial", type=click.IntRange(min=0), metavar="N", help="Only this trial.")
@click.option(
    "--follow", "-f", "follows", is_flag=True, help="Go on with what they say, until it ends."
)
def logs(*, experiment_id: str, trial: int | None, follows: bool) -> None:
    """Print what the workers said about an experiment so far, in the order of time.

    With --trial also what the trial's command printed, if one trains it.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default. Ctrl-C
    stops the following, not the experiment.
    """
    from amc.fleet.fleet_paths import log_files

    experiment = find(experiment_id)
    if trial is not None:
        _require(experiment, trial)
    shared = experiment.directory.parent
    reader = Reader(
        lambda: log_files(shared), experiment.id, trial, lambda: _printed(experiment, trial)
    )
    count = _print(reader)
    if follows:
        count += _follow(experiment, reader)
    if reader.files and not count:
        note(f"No worker of this machine has said anything about {_name(experiment.id, trial)}.")
    if not reader.files:
        note(
            "No fleet has written a log here; workers started by hand log where they were told to."
        )


def _printed(experiment: Experiment, trial: int | None) -> list[Path]:
    """Where the command of a trial has printed, a file for each attempt."""
    if trial is None:
        return []
    paths = ExperimentPaths(experiment.directory).trial(trial)
    places = (exchange.output for one in paths.segments() for exchange in one.exchanges())
    return [path for path in places if path.exists()]


def _print(reader: "Reader") -> int:
    lines = reader.read()
    for text in lines:
        say(text)
    return len(lines)


def _follow(experiment: Experiment, reader: "Reader") -> int:
    """Print what is said from now on, until the experiment is over and all of it is printed."""
    counts: list[int] = []
    experiment.wait(on_change=lambda _: counts.append(_print(reader)))
    time.sleep(_LAST_WORDS_S)
    return sum(counts) + _print(reader)


class Reader:
    """What was said about an experiment, or one of its trials, since it was asked before.

    Args:
        files: which logs there are; asked anew each time, for workers may be started later.
        experiment: its id.
        trial: the trial's number; None for all.
        printed: files of which every line is meant, and begins with its time.
    """

    def __init__(
        self,
        files: Callable[[], list[Path]],
        experiment: str,
        trial: int | None = None,
        printed: Callable[[], list[Path]] = list,
    ) -> None:
        self._list, self._list_printed = files, printed
        self._about = experiment, trial
        self.files: dict[Path, _File] = {}

    def read(self) -> list[str]:
        """Lines in the order of time, as far as they are whole."""
        for path in self._list():
            if path not in self.files:
                self.files[path] = _File(path, Sieve(*self._about).sift)
        for path in self._list_printed():
            if path not in self.files:
                self.files[path] = _File(path, _timed)
        found = [list(file.read()) for file in self.files.values()]
        return [text for _, text in merge(*found, key=itemgetter(0))]


_Sift = Callable[[Iterable[str]], Iterator[tuple[str, str]]]
"""Takes lines, and gives those that are meant, each with its time."""


def _timed(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if line:
            yield line.partition(" ")[0], line


class _File:
    """A log that grows; one that was begun anew is read from its beginning."""

    def __init__(self, path: Path, sift: "_Sift") -> None:
        self._path, self._sift = path, sift
        self._position = 0

    def read(self) -> Iterator[tuple[str, str]]:
        try:
            with self._path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._position:
                    self._position = 0
                file.seek(self._position)
                whole, newline, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return
        self._position += len(whole) + len(newline)
        yield from self._sift(whole.decode(errors="replace").split("\n") if newline else [])


def _require(experiment: Experiment, trial: int) -> None:
    try:
        numbers = {item.number for item in experiment.trials()}
    except LedgerError as error:
        note(f"{experiment.id}: {error}")  # the logs may say more of it
        return
    if trial not in numbers:
        raise UsageError(f"{experiment.id} has no trial {trial}; it has {len(numbers)} so far.")


def _name(experiment: str, trial: int | None) -> str:
    return experiment if trial is None else f"trial {trial} of {experiment}"


class Sieve:
    """Takes the lines about an experiment, or one of its trials, out of a log.

    Lines that follow an error without a head of their own are its traceback, up to an empty line.
    """

    def __init__(self, experiment: str, trial: int | None = None) -> None:
        self._experiment = experiment
        self._trial = None if trial is None else str(trial)
        self._error_time = ""

    def sift(self, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Those of further lines that are meant, each with its time."""
        for line in lines:
            text = line.rstrip("\n")
            head = _LINE.match(text)
            if head is not None:
                is_meant = self._is_meant(head)
                is_error = is_meant and head["level"] == "ERROR"
                self._error_time = head["time"] if is_error else ""
                if is_meant:
                    yield head["time"], text
            elif not text:
                self._error_time = ""
            elif self._error_time:
                yield self._error_time, text

    def _is_meant(self, head: re.Match[str]) -> bool:
        is_trial = self._trial is None or head["trial"] == self._trial
        return head["experiment"] == self._experiment and is_trial
