"""Running a command that trains, and listening to it. The door is `run_command`."""

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from amc.config.own_trainer import filled
from amc.config.schema import ExperimentConfig
from amc.errors import TrainerError, TrainerKilledError, UsageError
from amc.lifeline import name_of_signal, tied_to_this_thread
from amc.training.trainers.account import Account
from amc.training.trainers.event_files import EventFiles
from amc.training.trainers.printed import Printed
from amc.training.trainers.report_lines import ReportFile, ReportLine
from amc.training.trainers.variables import variables
from amc.training.trial import TrialContext

_LOOK_EVERY_S = 0.05
_LOOK_AT_EVENTS_EVERY_S = 0.5
_CHUNK_BYTES = 1 << 16
# Before its reports are looked at again; no pipe holds more than that.
_MOST_CHUNKS = 16
# From SIGTERM to SIGKILL.
_LAST_GRACE_S = 2.0


def run_command(
    config: ExperimentConfig,
    context: TrialContext,
    account: Account,
    facts: Mapping[str, Any],
) -> bool:
    """Run the command of a config to its end.

    Args:
        config: with the segment's hyperparameters applied.
        context: the attempt.
        account: told what the command tells.
        facts: what it is told.

    Returns:
        Whether it ended by itself, and well; False if it was ended, being told to stop.

    Raises:
        UsageError: there is no such program, or no such directory.
        TrainerError: it failed, or told what makes no sense.
        TrainerKilledError: a signal ended it.
    """
    exchange = context.paths.exchange(context.attempt)
    with Printed(exchange.output) as printed:
        run = _Run(config, context, account, printed)
        with _started(config, context, facts) as process:
            try:
                run.listen(process)
            finally:
                _end(process)
            run.hear_the_rest(process)
        if process.returncode == 0 or run.was_ended:
            return process.returncode == 0
        raise _failure(process.returncode, printed.last_lines())


@contextlib.contextmanager
def _started(
    config: ExperimentConfig, context: TrialContext, facts: Mapping[str, Any]
) -> Iterator["subprocess.Popen[bytes]"]:
    values = {**config.algorithm_config.model_dump(mode="json"), **facts}
    directory = working_directory(config, context)
    environment = variables(config, context.paths.exchange(context.attempt))
    command = filled(config.command or (), values)
    _require_program(command[0], directory, environment["PATH"])
    tied, preexec = tied_to_this_thread(command)
    try:
        process = subprocess.Popen(
            tied,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Signals of a terminal are for whoever waits for the command.
            start_new_session=True,
            preexec_fn=preexec,
        )
    except (OSError, ValueError) as error:  # a format that is no program's, a zero byte
        raise UsageError(f"command: {command[0]!r} cannot be run: {error}.") from error
    with process:
        yield process


def _require_program(program: str, directory: Path, path: str) -> None:
    """Refuse what cannot be started, with the sentence that says where it was looked for."""
    if not directory.is_dir():
        raise UsageError(
            f"source: {directory} is no directory on this machine. Name one that every worker has, "
            "as on a shared disk."
        )
    place = str(directory / program) if os.sep in program else program
    if shutil.which(place, path=path) is None:
        raise UsageError(
            f"command: {program!r} cannot be run: there is no such program, or it may not be "
            f"executed. It is looked for on the worker's PATH; with a slash, in {directory}."
        )


def working_directory(config: ExperimentConfig, context: TrialContext) -> Path:
    """Where a trainer runs."""
    if config.working_directory == "trial":
        return context.paths.files
    return Path(config.source or os.curdir)


class _Run:
    """What is heard of a process that trains.

    Attributes:
        was_ended: whether it was ended for being told to stop.
    """

    def __init__(
        self, config: ExperimentConfig, context: TrialContext, account: Account, printed: Printed
    ) -> None:
        self._context, self._account, self._printed = context, account, printed
        self._exchange = context.paths.exchange(context.attempt)
        self._directory = working_directory(config, context)
        self._reports = ReportFile(self._exchange.reports)
        self._events = EventFiles(context.paths.files)
        self._score_tag = config.score_from and config.score_from.tensorboard
        self._look_at_events_at = 0.0
        self._kill_at: float | None = None
        self.was_ended = False

    def listen(self, process: "subprocess.Popen[bytes]") -> None:
        """Hear what it prints and reports, until it has ended."""
        with selectors.DefaultSelector() as selector, _handle(process) as handle:
            assert process.stdout is not None
            os.set_blocking(process.stdout.fileno(), False)
            selector.register(process.stdout, selectors.EVENT_READ)
            if handle is not None:
                selector.register(handle, selectors.EVENT_READ)
            while process.poll() is None:
                for key, _ in selector.select(_LOOK_EVERY_S):
                    if key.fileobj is process.stdout and not self._hear(process):
                        selector.unregister(process.stdout)
                self._look()
                self._stop(process)

    def hear_the_rest(self, process: "subprocess.Popen[bytes]") -> None:
        """What it printed and reported last."""
        self._hear(process)
        self._look(is_over=not self.was_ended)

    def _hear(self, process: "subprocess.Popen[bytes]") -> bool:
        """Whether it may print more; what never ends leaves room for something else."""
        assert process.stdout is not None
        for _ in range(_MOST_CHUNKS):
            try:
                data = os.read(process.stdout.fileno(), _CHUNK_BYTES)
            except BlockingIOError:
                return True
            if not data:
                return False
            self._printed.write(data)
            self._context.mark("output", self._account.step)
        return True

    def _look(self, *, is_over: bool = False) -> None:
        for told in self._reports.read(is_over=is_over):
            self._account.tell(told, self._directory)
        now = time.monotonic()
        if is_over or now >= self._look_at_events_at:
            self._look_at_events_at = now + _LOOK_AT_EVENTS_EVERY_S
            self._look_at_events(is_over)

    def _look_at_events(self, is_over: bool) -> None:
        for step, tag, value in self._events.read(is_over=is_over):
            if tag == self._score_tag and step >= self._account.step:
                told = ReportLine.of(
                    {"step": step, "score": value}, f"score_from {tag}, step {step}"
                )
                self._account.tell(told, self._directory)
            self._account.show(step, tag, value)

    def _stop(self, process: "subprocess.Popen[bytes]") -> None:
        """Tell it to stop once it is to, and end it if it does not."""
        if self._account.is_to_stop():
            self._tell_to_stop()
        now = time.monotonic()
        if self._kill_at is None and self._account.is_to_be_ended():
            self.was_ended = True
            self._kill_at = now + _LAST_GRACE_S
            _send(process, signal.SIGTERM)
        elif self._kill_at is not None and now > self._kill_at:
            _send(process, signal.SIGKILL)

    def _tell_to_stop(self) -> None:
        try:
            self._exchange.stop.touch()
        except FileNotFoundError as error:
            raise TrainerError(
                f"the trainer has removed {self._exchange.directory}, by which it is told to stop. "
                "A trial may do as it likes in its own `directory`, and nowhere beside it."
            ) from error


@contextlib.contextmanager
def _handle(process: "subprocess.Popen[bytes]") -> Iterator[int | None]:
    """What is readable once it has ended; None on a Mac, where that is seen at the next look."""
    if not hasattr(os, "pidfd_open"):
        yield None
        return
    handle = os.pidfd_open(process.pid)
    try:
        yield handle
    finally:
        os.close(handle)


def _send(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    # What has become another user's (sudo) and is left of a group cannot be ended from here.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it, if it has not, and what it started and left behind in its group."""
    _send(process, signal.SIGKILL)
    process.wait()


def _failure(code: int, last_lines: str) -> TrainerError:
    said = f" The last that it printed:\n{last_lines}" if last_lines else " It printed nothing."
    if code > 0:
        return TrainerError(f"the command ended with exit code {code}.{said}")
    name = name_of_signal(-code)
    return TrainerKilledError(f"the command was ended by {name}.{said}", -code)
