"""The ledger: one experiment's directory, the source of truth.

Everything here may be called from several processes and machines at once: a record that may exist
only once is created, never overwritten, and the caller learns whether it was first.
"""

import logging
import re
import time
from collections import OrderedDict
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.errors import LedgerError
from amc.ledger import creation, files, format1, log, requests
from amc.ledger.history import History
from amc.ledger.paths import ExperimentPaths, checkpoint_files
from amc.ledger.records import (
    Attempt,
    AttemptEnd,
    Decision,
    End,
    EndState,
    ExperimentRecord,
    ExperimentState,
    Report,
    Request,
    Result,
    Segment,
    Trial,
)

_LOG = logging.getLogger(__name__)
_ATTEMPT = re.compile(r"(\d{4,6})\.json")
_Tried = TypeVar("_Tried", Attempt, AttemptEnd)
# Configs of experiments, by directory and identity: a worker asks for the same one at each trial.
_REMEMBERED = 16
_configs: OrderedDict[tuple[Path, str], ExperimentConfig] = OrderedDict()


class Ledger:
    """One experiment's records.

    Args:
        directory: `<shared_dir>/<experiment id>`; it must hold an experiment.json.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.id = directory.name
        self.paths = ExperimentPaths(directory)

    # -- the experiment

    @classmethod
    def create(
        cls, shared: Path, config: ExperimentConfig, *, created: float | None = None
    ) -> "Ledger":
        """Make a new experiment, named `<experiment_name>-<n>` with the first n never given.

        The directory appears whole or not at all.

        Args:
            shared: the directory that holds every experiment.
            config: what to train.
            created: Unix time; this machine's if None.
        """
        return cls(creation.make_directory(shared, config, created or time.time()))

    @property
    def record(self) -> ExperimentRecord:
        """experiment.json, read afresh.

        Raises:
            LedgerError: there is no experiment in this directory, or it cannot be read.
        """
        path = self.paths.experiment
        record = files.read(path)
        if record is None:
            raise LedgerError(f"{self.directory}: no experiment here (no experiment.json).")
        found = ExperimentRecord.from_json(record, path)
        if found.format > creation.FORMAT:
            raise LedgerError(
                f"{path}: written by a newer version of amc, in format {found.format}; this one "
                f"reads up to {creation.FORMAT}. Upgrade: pip install -U ai-mission-control"
            )
        return found

    @cached_property
    def identity(self) -> str:
        """What tells this experiment from another that had, or will have, its name."""
        return self.record.known_by

    @property
    def is_gone(self) -> bool:
        """Whether the directory was removed, or belongs to another experiment by now."""
        try:
            return not files.exists(self.paths.experiment) or self.record.known_by != self.identity
        except LedgerError:
            return False  # what cannot be read now may be there

    @cached_property
    def config(self) -> ExperimentConfig:
        """The config as it was resolved when the experiment was submitted.

        Raises:
            LedgerError: the record of the experiment cannot be read.
            ConfigError: what it holds is no config here, as where a plug-in is missing.
        """
        record, source = self.record, str(self.paths.experiment)
        key = self.directory, record.known_by
        if key not in _configs:
            _configs[key] = self._read_config(record, source)
            if len(_configs) > _REMEMBERED:
                _configs.popitem(last=False)
        return _configs[key]

    @staticmethod
    def _read_config(record: ExperimentRecord, source: str) -> ExperimentConfig:
        # Accepted once: another machine's memory or allow-list does not make it wrong.
        data = format1.config(record.config) if record.format == 1 else record.config
        config = ConfigLoader().from_mapping(data, source=source, accepted=True)
        if config.environment.backend != "auto" or config.has_own_trainer:
            return config
        # Who submits records a backend; who did not was of a version that had no compiled ones.
        environment = config.environment.model_copy(update={"backend": "gymnasium"})
        return config.model_copy(update={"environment": environment})

    @property
    def state(self) -> ExperimentState:
        """Where the experiment stands."""
        end = self.end
        if end is not None:
            return end.state
        if files.exists(self.paths.cancelled):
            return "cancelled"
        return "paused" if files.exists(self.paths.paused) else "running"

    @property
    def is_finished(self) -> bool:
        """Whether nothing will happen unless somebody asks for more."""
        return requests.is_finished(self.paths)

    def finish(self, state: EndState, error: str | None = None, *, handled: int = 0) -> bool:
        """Record how the experiment ended, so many requests dealt with; the first call counts."""
        end = asdict(End(state, error, time.time()))
        return files.create(self.paths.end(handled), end, point="end")

    @property
    def end(self) -> End | None:
        """How the experiment ended; None while it has not, or since it was asked to go on."""
        return requests.end(self.paths)

    def ask(self, request: Request) -> Request:
        """Record what a user asks for, under the next free number.

        Raises:
            LedgerError: the experiment was removed meanwhile.
        """
        self._require_here()
        return requests.ask(self.paths, request)

    def mark_cancelled(self) -> None:
        """Ask for the end: no new trial, running ones stop at the next step."""
        self.paths.cancelled.touch()

    def mark_paused(self, paused: bool) -> None:
        """Ask for a halt, or take that back."""
        if paused:
            self.paths.paused.touch()
        else:
            self.paths.paused.unlink(missing_ok=True)

    # -- decisions and reports

    def append(self, decision: Decision) -> bool:
        """Record the next decision, before anything is done about it.

        Returns:
            True if it is this one; False if somebody else's was first, so that all must be read
            afresh.
        """
        return log.append(self.paths, decision)

    @property
    def past(self) -> History:
        """Every decision so far, and nothing that is not decided yet.

        Decisions never change, so each is read from disk once per process.

        Raises:
            LedgerError: a record is damaged and its content stands nowhere else.
        """
        return log.fold(self.paths, self.record.known_by)

    def history(self) -> History:
        """Every decision so far, and the reports and requests that are there besides.

        Raises:
            LedgerError: a record is damaged and its content stands nowhere else.
        """
        past = self.past
        found = ((key, self.report(*key)) for key in past.open)
        return replace(
            past,
            fresh={key: report for key, report in found if report is not None},
            asked=requests.unhandled(self.paths, past.requests),
            is_cancelled=files.exists(self.paths.cancelled),
            is_paused=files.exists(self.paths.paused),
        )

    def trial(self, number: int) -> Trial:
        """A trial.

        Raises:
            LedgerError: the experiment has no trial of that number, or it cannot be read.
        """
        trial = self.past.trials.get(number)
        if trial is None:
            raise LedgerError(f"{self.id}: there is no trial {number}.")
        return trial

    def segment(self, trial: int) -> Segment:
        """The newest segment of a trial.

        Raises:
            LedgerError: the experiment has no trial of that number, or it cannot be read.
        """
        past = self.past
        if trial not in past.last:
            raise LedgerError(f"{self.id}: there is no trial {trial}.")
        return past.segments[trial, past.last[trial]]

    def report(self, trial: int, index: int = 0) -> Report | None:
        """What came of a segment; None while nothing has.

        Raises:
            LedgerError: its record is damaged.
        """
        path = self.paths.trial(trial).segment(index).report
        data = files.read(path)
        if data is None:
            return None if index else format1.report(self.paths, trial)
        report = Report.from_json(data, path)
        if report.key != (trial, index):
            raise LedgerError(f"{path}: is of segment {report.key}, not of {(trial, index)}.")
        return report

    def result(self, trial: int) -> Result | None:
        """How a trial ended; None while it has not.

        Raises:
            LedgerError: a record of it is damaged and its content stands nowhere else.
        """
        return self.history().result(trial)

    def write_report(self, report: Report) -> bool:
        """Record the end of a segment; the first writer wins.

        Raises:
            LedgerError: the experiment was removed meanwhile.
        """
        self._require_here()
        path = self.paths.trial(report.trial).segment(report.index).report
        return files.create(path, report.to_json(), point="report")

    def remove_checkpoints(self, trial: int, index: int) -> None:
        """Remove the checkpoints of a segment, where there are any."""
        for file in checkpoint_files(self.paths.trial(trial).segment(index).checkpoints):
            file.remove()

    # -- attempts

    def claim_attempt(
        self, trial: int, *, worker: str, queue: str, host: str, step: int = 0, segment: int = 0
    ) -> Attempt:
        """Record that somebody tries; the number of the attempt is the fencing token.

        Attempts are numbered over all segments of the trial.

        Raises:
            LedgerError: the experiment was removed meanwhile.
        """
        self._require_here()
        number = self._last_attempt(trial) + 1
        while True:
            attempt = Attempt(number, worker, queue, host, time.time(), step, segment)
            data = {key: value for key, value in asdict(attempt).items() if key != "end"}
            path = self.paths.trial(trial).attempt(number)
            if files.create(path, data, sync=False, point="attempt"):
                return attempt
            number += 1

    def end_attempt(self, trial: int, number: int, end: AttemptEnd) -> None:
        """Record how an attempt ended.

        Raises:
            LedgerError: the experiment was removed meanwhile.
        """
        self._require_here()
        path = self.paths.trial(trial).attempt_end(number)
        end = replace(end, ended=time.time())
        files.create(path, asdict(end), sync=False, point="attempt-end")

    def _require_here(self) -> None:
        # Whoever trains for a removed experiment must not write into its successor.
        if self.is_gone:
            raise LedgerError(f"{self.directory}: the experiment was removed.")

    def attempts(self, trial: int) -> list[Attempt]:
        """Every attempt at a trial, in order.

        These records are not synced, so a power cut may empty them: one that cannot be read counts
        as an attempt without an end, as does one whose end cannot be read.
        """
        return [self._attempt(trial, 1 + n) for n in range(self._last_attempt(trial))]

    def _last_attempt(self, trial: int) -> int:
        found = self.paths.trial(trial).attempts.glob("*.json")
        numbers = [int(match[1]) for path in found if (match := _ATTEMPT.fullmatch(path.name))]
        return max(numbers, default=0)

    def _attempt(self, trial: int, number: int) -> Attempt:
        paths = self.paths.trial(trial)
        attempt = _if_readable(Attempt, paths.attempt(number)) or Attempt(number, "", "")
        end = _if_readable(AttemptEnd, paths.attempt_end(number))
        return replace(attempt, number=number, end=end)


def _if_readable(kind: type[_Tried], path: Path) -> _Tried | None:
    try:
        data = files.read(path)
        return None if data is None else kind.from_json(data, path)
    except LedgerError as error:
        _LOG.warning("%s It counts as an attempt without an end.", error)
        return None


def ledgers(shared: Path) -> list[Ledger]:
    """Every experiment below a shared directory, newest first; those that cannot be read last."""
    try:
        found = [Ledger(entry) for entry in shared.iterdir() if not entry.name.startswith(".")]
    except FileNotFoundError:
        return []
    return sorted(filter(_is_there, found), key=_created, reverse=True)


def _is_there(ledger: Ledger) -> bool:
    try:
        return files.exists(ledger.paths.experiment)
    except LedgerError:
        return True  # to be told of: one that cannot be entered


def _created(ledger: Ledger) -> float:
    # One damaged directory must not hide the others.
    try:
        return ledger.record.created
    except LedgerError:
        return 0.0
