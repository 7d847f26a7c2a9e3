"""`amc logs`: what the workers said about an experiment.

Every line that `amc.logs` writes names its experiment, trial and attempt, so a worker's file, which
holds many experiments, can be taken apart again.
"""

import re
from collections.abc import Iterable, Iterator
from heapq import merge
from operator import itemgetter
from pathlib import Path

import click

from amc.cli.options import experiment_argument
from amc.cli.output import note, say
from amc.client import experiment as find
from amc.errors import LedgerError, UsageError
from amc.experiment_view import Experiment

_LINE = re.compile(
    r"(?P<time>\S+Z) (?P<level>[A-Z]+) \S+ (?P<experiment>\S+?)(?:/(?P<trial>\d+))?(?:#\d+)? \S+: "
)


@click.command()
@experiment_argument
@click.option("--trial", type=click.IntRange(min=0), metavar="N", help="Only this trial.")
def logs(*, experiment_id: str, trial: int | None) -> None:
    """Print what the workers said about an experiment so far, in the order of time.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default.
    """
    from amc.fleet.fleet_paths import log_files

    experiment = find(experiment_id)
    if trial is not None:
        _require(experiment, trial)
    files = log_files(experiment.directory.parent)
    found = [_said_in(file, experiment.id, trial) for file in files]
    for _, text in merge(*found, key=itemgetter(0)):
        say(text)
    if files and not any(found):
        note(f"No worker of this machine has said anything about {_name(experiment.id, trial)}.")
    if not files:
        note(
            "No fleet has written a log here; workers started by hand log where they were told to."
        )


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


def _said_in(file: Path, experiment: str, trial: int | None) -> list[tuple[str, str]]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        return list(said_about(lines, experiment, trial))


def said_about(
    lines: Iterable[str], experiment: str, trial: int | None = None
) -> Iterator[tuple[str, str]]:
    """The lines about an experiment, or one of its trials, each with its time.

    Lines that follow an error without a head of their own are its traceback, up to an empty line.
    """
    wanted = None if trial is None else str(trial)
    error_time = ""
    for line in lines:
        text = line.rstrip("\n")
        head = _LINE.match(text)
        if head is not None:
            is_meant = head["experiment"] == experiment and wanted in (None, head["trial"])
            error_time = head["time"] if is_meant and head["level"] == "ERROR" else ""
            if is_meant:
                yield head["time"], text
        elif not text:
            error_time = ""
        elif error_time:
            yield error_time, text
