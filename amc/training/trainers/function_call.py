"""Calling a Python function that trains. The door is `call_function`."""

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from amc.config.schema import ExperimentConfig
from amc.errors import TrainerError, UsageError
from amc.ledger import files
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
        TrainerError: it told what makes no sense, or failed.
    """
    source = Path(config.source or os.curdir).absolute()
    with (
        Printed(context.paths.exchange(context.attempt).output) as printed,
        _in_its_place(source),
        contextlib.redirect_stdout(_Lines(printed, context, account)) as lines,
        contextlib.redirect_stderr(lines),
    ):
        function = _function(config.trainer or "")
        return _called(function, _CalledTrial(dict(facts), account, context))


def _called(function: Any, trial: "_CalledTrial") -> bool:
    """Whether it came back by itself."""
    failure = ""
    try:
        function(trial)
    except _EndedError:
        return False
    except SystemExit as error:
        if error.code:  # as of a command, 0 and nothing say that all is well
            failure = f"the function ended by sys.exit({error.code!r})."
    except OSError as error:
        if not trial.found_no_room(error):
            raise
        failure = f"the function found no room on a disk of its own.\n{traceback.format_exc()}"
    finally:
        if not trial.is_in_its_process:
            # The function has forked: what comes next is done by the one it was called in.
            os._exit(1)
    if failure:
        raise TrainerError(failure)
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
    before, path = os.getcwd(), list(sys.path)
    os.chdir(source)
    # Last, so that it hides nothing that is installed.
    sys.path.append(str(source))
    try:
        yield
    finally:
        sys.path[:] = path
        os.chdir(before)


class _EndedError(BaseException):
    """Raised in a function that goes on though nothing is to be gained by it."""


class _CalledTrial(Trial):
    """A trial of the process that trains it."""

    def __init__(self, facts: dict[str, Any], account: Account, context: TrialContext) -> None:
        super().__init__(facts)
        self._account, self._context = account, context
        self._process, self._is_ended = os.getpid(), False

    @property
    def is_in_its_process(self) -> bool:
        """Whether this is the process in which the function was called."""
        return os.getpid() == self._process

    def found_no_room(self, error: OSError) -> bool:
        """Whether it was the function that met a full disk, and not the one that this writes to."""
        return files.is_full_disk(error) and files.has_room(self._context.directory)

    def should_stop(self) -> bool:
        return self._account.is_to_stop()

    def _tell(self, line: dict[str, Any]) -> None:
        if not self.is_in_its_process:
            raise RuntimeError(
                "report: it comes from a process that the function has forked. Send it to the one "
                "in which the function was called, and report there."
            )
        if not self._is_ended:
            self._account.tell(ReportLine.of(line, "report"), Path.cwd())
            self._is_ended = self._account.is_to_be_ended()
        if self._is_ended:
            # Who catches even this is not heard any more, and so stalls.
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
