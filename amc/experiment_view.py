"""The view of one experiment: where it and its trials stand, and what may be asked of it.

Its door is `Experiment`, which `amc.client` hands out. It reads the ledger and sends tasks by name;
it loads neither torch nor gymnasium. Redis is asked only for what may be lost: who is alive, and
how far a running trial is.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import redis
from kombu.exceptions import OperationalError

from amc.broker import hints, leases
from amc.broker.connection import check, connect
from amc.celery import send_wake
from amc.config.schema import ExperimentConfig
from amc.continuing import Continuable
from amc.errors import BrokerError, LedgerError
from amc.findings import Findings
from amc.ledger import History, Report, Result, Segment, Trial, files
from amc.ledger.ancestry import config_of, copies, generation
from amc.ledger.kinds import Kind, kinds
from amc.ledger.pruning import Pruned, pruned, ranks
from amc.ledger.records import ExperimentState
from amc.ledger.winner import Winner, winner
from amc.trial_status import BestTrial, TrialStatus, best_trial, finished

_POLL_S = 0.2
_MOST_POLL_S = 1.0
# Of a core, which trains besides; of 16 trials a look takes 8 ms.
_SHARE_OF_LOOKING = 0.01
_END_POLL_S = 0.05


class Experiment(Continuable, Findings):
    """A submitted config. Every property is read afresh from the ledger."""

    @cached_property
    def _ended(self) -> dict[int, tuple[Result, TrialStatus]]:
        # Who follows an experiment looks up to five times a second, and most trials have ended.
        return {}

    def __repr__(self) -> str:
        return f"<Experiment {self.id} {self.state}>"

    @property
    def id(self) -> str:
        """`<experiment_name>-<n>`."""
        return self._ledger.id

    @property
    def directory(self) -> Path:
        """The experiment's directory in the ledger."""
        return self._ledger.directory

    @property
    def config(self) -> ExperimentConfig:
        """The config as it was resolved when it was submitted."""
        return self._ledger.config

    @property
    def created(self) -> float:
        """When it was submitted (Unix time)."""
        return self._ledger.record.created

    @property
    def state(self) -> ExperimentState:
        """`running`, `paused`, `completed`, `failed` or `cancelled`."""
        return self._ledger.state

    @property
    def is_finished(self) -> bool:
        """Whether nothing will happen unless more is asked of it."""
        return self._ledger.is_finished

    @property
    def error(self) -> str | None:
        """Why the experiment failed; None unless it did."""
        end = self._ledger.end
        return None if end is None else end.error

    def trials(self) -> list[TrialStatus]:
        """Every trial so far, in number order."""
        history = self._ledger.history()
        running = _running(self.id, [segment.trial for segment in history.outstanding])
        found = [self._status(trial, history, running) for trial in history.trials.values()]
        halted = ranks(self.config, history)
        return [
            replace(one, **vars(halted[one.number])) if one.number in halted else one
            for one in found
        ]

    def trial_states(self) -> dict[str, int]:
        """How many trials are in each state: of many this is quicker than to look at each."""
        history = self._ledger.history()
        running = _running(self.id, [segment.trial for segment in history.outstanding])
        counts: Counter[str] = Counter()
        for number in history.trials:
            result = history.result(number)
            at_work = "running" if number in running else "waiting"
            counts[at_work if result is None else result.state] += 1
        return dict(counts)

    def _status(
        self, trial: Trial, history: History, running: Mapping[int, dict[str, Any]]
    ) -> TrialStatus:
        result, segment = history.result(trial.number), history.newest(trial.number)
        known, status = self._ended.get(trial.number, (None, None))
        if status is not None and known is result:
            return status
        if segment.hyperparameters is not None:
            trial = replace(trial, hyperparameters=segment.hyperparameters)
        came_through = copies(history, segment)
        if result is None:
            before = history.report(segment.start) if segment.start else None
            latest = history.report(segment.key) or before
            found = self._unfinished(trial, segment, latest, running.get(trial.number))
            return replace(found, copies=came_through)
        found = finished(trial, result, came_through, segment.horizon)
        self._ended[trial.number] = result, found
        return found

    def _unfinished(
        self,
        trial: Trial,
        segment: Segment,
        latest: Report | None,
        progress: dict[str, Any] | None,
    ) -> TrialStatus:
        """A trial at work at a segment, or about to be; `latest` is what came of its last one."""
        attempts = self._ledger.attempts(trial.number)
        return TrialStatus(
            trial.number,
            "waiting" if progress is None else "running",
            None if latest is None else latest.score,
            trial.hyperparameters,
            trial.seed,
            # Each segment that has ended had an attempt of its own.
            max(0, len(attempts) - segment.index),
            int((progress or {}).get("steps", 0 if latest is None else latest.step)),
            _seconds((progress or {}).get("seconds")),
            str((progress or {}).get("worker", "")),
            kind=trial.kind,
            round=trial.round,
            suggestion=trial.suggestion,
            horizon=segment.horizon,
            request=trial.request,
            retry_of=trial.retry_of,
        )

    @property
    def pruned(self) -> Pruned | None:
        """What its pruner halted and saved, and how often it was wrong; None without a pruner."""
        return pruned(self.config, self._ledger.history())

    @property
    def generation(self) -> tuple[int, int] | None:
        """The number, from 1 on, of a population's generation, and how many there are."""
        return generation(self.config, self._ledger.history())

    @property
    def best(self) -> BestTrial | None:
        """The best trial of the best suggestion so far, by the rule that decides at the end."""
        stored = self._stored_best() if self.is_finished else None
        best = stored or winner(self.config, self._ledger.history())
        return None if best is None else best_trial(best)

    def _stored_best(self) -> Winner | None:
        path = self._ledger.paths.best
        try:
            stored = files.read(path)
            return None if stored is None else Winner.from_json(stored, path)
        except LedgerError:
            return None  # the trials' own records say the same

    @property
    def best_config(self) -> ExperimentConfig | None:
        """The config that trains the best trial again: its hyperparameters, seed and schedule."""
        best = self.best
        if best is None:
            return None
        return config_of(self.config, self._ledger.history(), best.number)

    @property
    def ran_with(self) -> dict[Kind, list[int]]:
        """Every kind of machine and software that trials came through, and these trials."""
        return kinds(self._ledger.history())

    @property
    def made_by(self) -> tuple[tuple[int, str], ...]:
        """Which versions of amc decided, each with the number of its first decision."""
        return self._ledger.history().made_by

    def wait(
        self,
        timeout_s: float | None = None,
        on_change: Callable[["Experiment"], None] | None = None,
    ) -> ExperimentState:
        """Block until the experiment is finished.

        Args:
            timeout_s: give up after so many seconds; None waits for ever.
            on_change: called up to five times a second while it runs, once a second at least, the
                less often the longer it takes; and once at the end.

        Raises:
            TimeoutError: it was not finished in time; it goes on.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            began = time.monotonic()
            finished = self.is_finished
            if on_change is not None:
                on_change(self)
            if finished:
                return self.state
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"{self.id} was not finished after {timeout_s:g} s; it goes on.")
            look = time.monotonic() + _pause(time.monotonic() - began)
            if deadline is not None:
                look = min(look, deadline)
            while time.monotonic() < look and not self.is_finished:
                time.sleep(_END_POLL_S)

    def cancel(self) -> bool:
        """Start no new trial and stop the running ones; the ledger keeps everything.

        Returns:
            False if no broker answers; it is recorded all the same.
        """
        self._ledger.mark_cancelled()
        return self.wake()

    def pause(self) -> bool:
        """Stop the running trials with a checkpoint and start none until `resume`.

        Returns:
            False if no broker answers; it is recorded all the same.
        """
        self._ledger.mark_paused(True)
        return self.wake()

    def resume(self) -> bool:
        """Go on after `pause`, or after everything else was lost: wake the driver.

        Returns:
            False if no broker answers; it is recorded all the same, and the next workers go on.
        """
        self._ledger.mark_paused(False)
        return self.wake()

    def wake(self) -> bool:
        """Ask its driver to look at it now.

        Returns:
            False if no broker answers. What counts is in the ledger already; the clock of the next
            driver reads it.
        """
        try:
            check(connect())
            send_wake(self.id)
        except (BrokerError, OperationalError):
            return False
        return True

    def to_json(self) -> dict[str, Any]:
        """A plain JSON object: where it stands, what is best, what was spent, and every trial."""
        best, pruned = self.best, self.pruned
        return {
            "experiment_id": self.id,
            "state": self.state,
            "best": None if best is None else best.to_json(),
            "pruned": None if pruned is None else pruned.to_json(),
            "limits": {
                name: {"spent": spent, "most": most} for name, (spent, most) in self.limits.items()
            },
            "ran_with": [
                {**asdict(kind), "n_trials": len(trials)} for kind, trials in self.ran_with.items()
            ],
            "made_by": [{"decision": n, "amc": version} for n, version in self.made_by],
            "trials": [trial.to_json() for trial in self.trials()],
        }


def _pause(taken_s: float) -> float:
    """Seconds until the next look at an experiment, where the last one took so many."""
    return min(max(_POLL_S, taken_s / _SHARE_OF_LOOKING), _MOST_POLL_S)


def _seconds(told: Any) -> float:
    """As the worker measured them: another machine's clock may be set otherwise."""
    is_number = isinstance(told, int | float) and math.isfinite(told)
    return max(0.0, float(told)) if is_number else 0.0


def _running(experiment: str, trials: list[int]) -> dict[int, dict[str, Any]]:
    """Which of these trials run now; none if the broker does not answer."""
    if not trials:
        return {}
    try:
        held = leases.holders(connect(), experiment, trials)
        told = hints.progress_of(connect(), experiment, trials)
    except redis.RedisError:
        return {}
    return {
        # What was told may be of an earlier attempt; the lease is of this one.
        trial: {**told.get(trial, {}), "worker": holder.worker}
        for trial, holder in held.items()
    }
