"""Calling a Python function that trains. The door is `call_function`."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.plugins import resolve
from amc.training.trainers.account import Account
from amc.training.trainers.printed import Printed
from amc.training.trainers.report_lines import ReportLine
from amc.training.trial import TrialContext
from amc.trial import Trial

GROUP = "amc.trainers"


def call_function(
    config: ExperimentConfig,
    context: TrialContext,
    account: Account,
    facts: Mapping[str, Any],
) -> bool:
    """Call the function of a config with its trial.

    Args:
        config: with the segment's hyperparameters applied.
        context: the attempt.
        account: told what the function tells.
        facts: what it is told.

    Returns:
        Whether it came back by itself; False if it was ended, being told to stop.

    Raises:
        UsageError: there is no such function, or its module is not allowed here.
        TrainerError: it told what makes no sense.
    """
    source = Path(config.source or os.curdir).absolute()
    with (
        Printed(context.paths.exchange(context.attempt).output) as printed,
        _in_its_place(source),
        contextlib.redirect_stdout(_Lines(printed, context, account)) as lines,
        contextlib.redirect_stderr(lines),
    ):
        function = _function(config.trainer or "")
        trial = _CalledTrial(dict(facts), account, context)
        try:
            function(trial)
        except _EndedError:
            return False
    return True


def _function(name: str) -> Any:
    try:
        found = resolve(name, built_in={}, group=GROUP, kind="trainer")
    except AttributeError as error:
        raise UsageError(f"trainer: {name!r}: {error}. Name a function of that module.") from error
    if not callable(found):
        raise UsageError(f"trainer: {name!r} is {found!r}, which cannot be called.")
    return found


@contextlib.contextmanager
def _in_its_place(source: Path) -> Iterator[None]:
    """Imports and relative paths begin where the function's code is."""
    if not source.is_dir():
        raise UsageError(
            f"source: {source} is no directory on this machine. Name one that every worker has."
        )
    before = os.getcwd()
    os.chdir(source)
    # Last, so that it hides nothing that is installed.
    sys.path.append(str(source))
    try:
        yield
    finally:
        sys.path.remove(str(source))
        os.chdir(before)


class _EndedError(BaseException):
    """Raised in a function that goes on though nothing is to be gained by it."""


class _CalledTrial(Trial):
    """A trial of the process that trains it."""

    def __init__(self, facts: dict[str, Any], account: Account, context: TrialContext) -> None:
        super().__init__(facts)
        self._account, self._context = account, context

    def should_stop(self) -> bool:
        return self._account.is_to_stop()

    def _tell(self, line: dict[str, Any]) -> None:
        self._account.tell(ReportLine.of(line, "report"), Path.cwd())
        if self._account.is_to_be_ended():
            raise _EndedError


class _Lines(io.TextIOBase):
    """Where a function prints."""

    def __init__(self, printed: Printed, context: TrialContext, account: Account) -> None:
        self._printed, self._context, self._account = printed, context, account

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._printed.write(text.encode(errors="replace"))
        self._context.mark("output", self._account.step)
        return len(text)
