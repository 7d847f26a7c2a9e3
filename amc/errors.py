"""Every error that amc raises on purpose.

    AmcError                     base; exit code 1
    |- UsageError                exit code 2: the user's words are off
    |  '- ConfigError            a config file, all of its faults at once
    |- BrokerError               exit code 3: no broker, or no worker for a queue
    |- LedgerError               the experiment directory is missing, damaged or not ours
    |- CheckpointError           a checkpoint is missing, damaged or cannot be written
    |- EnvironmentFault          an environment cannot be made or breaks its contract
    |- SearchError               a search of a plug-in raises or breaks its contract
    |- ShapeError                arrays that should agree in shape do not
    '- TrainingError             training itself cannot go on (a loss that is not finite)
       '- TrainerError           a trainer of the user's own failed, or tells what makes no sense
          '- TrainerKilledError  a signal ended the command that trains

A message reads: where: what was wrong, with the value. What is allowed or meant. What to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_LONGEST = 1000


def said(error: BaseException) -> str:
    """What code that is not ours raised, in one line: its type, and as much as a sentence bears."""
    kind = type(error).__name__
    try:
        text = " ".join(str(error).split()).rstrip(".")
    except Exception:
        return kind
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return f"{kind}: {text}" if text else kind


class AmcError(Exception):
    """Base of every error that amc raises on purpose."""

    exit_code = 1


class UsageError(AmcError):
    """Raised when the user asked for something impossible; printed without a traceback."""

    exit_code = 2


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a config.

    Attributes:
        path: dotted field (`training.eval_freq`), `<root>` for syntax, `<file>` for the file.
        message: what was wrong, what is allowed, what to do.
        source: file name or command-line option that holds the value; empty if unknown.
        line: 1-based line, 0 if unknown.
        column: 1-based column, 0 if unknown.
        excerpt: the line of the source, with a caret line below; empty if unknown.
    """

    path: str
    message: str
    source: str = ""
    line: int = 0
    column: int = 0
    excerpt: str = ""

    def __str__(self) -> str:
        position = f":{self.line}:{self.column}" if self.line else ""
        where = f"{self.source}{position}: " if self.source else ""
        tail = f"\n{self.excerpt}" if self.excerpt else ""
        return f"{where}{self.path}: {self.message}{tail}"


class ConfigError(UsageError):
    """Raised when a config is unreadable, malformed or impossible; carries the faults found.

    Attributes:
        faults: in the order of the file; not endlessly many.
        more: how many others there are.
    """

    def __init__(self, faults: Sequence[Fault], more: int = 0) -> None:
        self.faults = tuple(faults)
        self.more = more
        lines = [str(fault) for fault in self.faults]
        super().__init__("\n".join([*lines, f"... and {more} more."] if more else lines))


class BrokerError(AmcError):
    """Raised when there is no broker, or no live worker for what was asked."""

    exit_code = 3


class LedgerError(AmcError):
    """Raised when an experiment's directory is missing, damaged or not one of ours."""


class CheckpointError(AmcError):
    """Raised when a checkpoint is missing, damaged or cannot be written."""


class EnvironmentFault(AmcError):
    """Raised when an environment cannot be made or breaks its contract."""


class SearchError(AmcError):
    """Raised when a search of a plug-in raises, or suggests what is not in the search space."""


class ShapeError(AmcError):
    """Raised when arrays that should agree in shape do not."""


class TrainingError(AmcError):
    """Raised when training cannot go on, for example when a loss is not finite."""


class TrainerError(TrainingError):
    """Raised when a trainer of the user's own fails; its message says all there is to say."""


class TrainerKilledError(TrainerError):
    """Raised when a signal ended the command that trains.

    Attributes:
        number: the signal's.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number
