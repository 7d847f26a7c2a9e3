"""The records of an experiment: what is written once and never changed.

Every record turns into a plain JSON object with `to_json` and back with `from_json`.
"""

import json
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Literal, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError

from amc.errors import LedgerError

SegmentKey = tuple[int, int]
RequestKind = Literal["calls", "steps", "trial", "retry", "limits"]
EndState = Literal["completed", "failed", "cancelled"]
TrialKind = Literal["search", "finalist", "test"]
TrialState = Literal["completed", "halted", "failed", "cancelled"]
ExperimentState = Literal["running", "paused", "completed", "failed", "cancelled"]
AttemptOutcome = Literal[
    "result",
    "exception",
    "signal",
    "oom",
    "stall",
    "exit",
    "usage",
    "interrupted",
    "killed",
    "full disk",
]

# Only these ends are a trial's own doing and count toward `max_attempts`; the rest, and attempts
# without an end, are interruptions (design: "What counts"). `usage` would be the same every time.
OWN_DOING: frozenset[str] = frozenset({"exception", "signal", "oom", "stall", "exit"})


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


class Record:
    """What every record can do."""

    __pydantic_config__ = ConfigDict(strict=True, allow_inf_nan=False)

    @classmethod
    def from_json(cls, data: dict[str, Any], source: object) -> Self:
        """Rebuild a record from its JSON object; keys unknown to this version are left out.

        Args:
            data: the object.
            source: where it was read, for the error.

        Raises:
            LedgerError: it lacks a key, or a value is of another type.
        """
        # As text: only there a strict check takes an object for a dataclass. Half a character, as
        # an error may hold, becomes a question mark: no text has room for it.
        return cls.from_text(json.dumps(data, ensure_ascii=False).encode(errors="replace"), source)

    @classmethod
    def from_text(cls, text: str | bytes, source: object) -> Self:
        """Rebuild a record from its JSON text; see `from_json`."""
        try:
            record: Self = _adapter(cls).validate_json(text)  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or cls.__name__
            raise LedgerError(
                f"{source}: not a record of the ledger ({where}: {first['msg']})."
            ) from error
        return record

    def to_json(self) -> dict[str, Any]:
        """A plain JSON object: what differs from the defaults, so that records stay small."""
        return {
            item.name: _plain(value)
            for item in fields(self)  # type: ignore[arg-type]
            if (value := getattr(self, item.name)) != item.default
        }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.to_json() if isinstance(value, Record) else value


@dataclass(frozen=True)
class Trial(Record):
    """One suggestion with a seed and a number.

    Attributes:
        number: 0-based, unique in the experiment.
        hyperparameters: keys as the search space writes them; empty without a search.
        seed: the trial's own seed, 0 <= seed < 2**63.
        round: which of the decisions that opened trials this is from, 0-based.
        suggestion: number of the suggestion; trials of one suggestion differ in seed.
        kind: a trial of the search, a finalist on a further seed, or a test of the winner on a seed
            that had no part in choosing it.
        retry_of: number of the failed trial that this one repeats.
        request: number of the request that asked for it; None: the search, or its finalists did.
    """

    number: int
    hyperparameters: dict[str, Any]
    seed: int
    round: int = 0
    suggestion: int = 0
    kind: TrialKind = "search"
    retry_of: int | None = None
    request: int | None = None

    @property
    def goes_to_its_end(self) -> bool:
        """Whether it is trained to its end however good it is before; in the search it may stop."""
        return self.kind != "search"


@dataclass(frozen=True)
class Segment(Record):
    """A piece of a trial's training: what is leased, attempted and reported.

    Attributes:
        trial: the trial's number.
        index: 0-based within the trial; of a trial at most one segment is open.
        from_step: environment steps that were trained before it.
        until: it ends with the first iteration that reaches this many steps.
        horizon: where the trial is meant to end; schedules and the last rollout follow it alone, so
            that segments leave no trace in the weights.
        start: the segment whose final checkpoint it goes on from; None begins from nothing.
        hyperparameters: in place of the trial's own; None for these.
        reseed: forks every generator after the start was restored; None lets them go on.
        stop_below: pairs of step and score: it is halted at the first evaluation from that step on
            if its smoothed score is lower, unless it is spared.
        is_spared: whether it runs on where it would have been halted, so that it becomes known how
            often halting is wrong.
    """

    trial: int
    index: int
    from_step: int
    until: int
    horizon: int
    start: SegmentKey | None = None
    hyperparameters: dict[str, Any] | None = None
    reseed: int | None = None
    stop_below: tuple[tuple[int, float], ...] = ()
    is_spared: bool = False

    @property
    def key(self) -> SegmentKey:
        """Trial and index."""
        return self.trial, self.index


@dataclass(frozen=True)
class Report(Record):
    """What came of a segment; written once, by whichever attempt is first.

    Attributes:
        trial: the trial's number.
        index: of the segment in the trial.
        state: how it ended; `halted` where an evaluation was below the segment's `stop_below`.
        step: environment steps that the trial was trained in all when it ended.
        score: mean return of the last evaluation, higher is better; None if there was none.
        mean_evaluation: mean over all evaluations of the trial so far, which tells trials apart
            that end alike.
        curve: step and score of each evaluation that was made in this segment.
        attempt: the attempt that wrote it (0: none ran).
        seconds: wall-clock seconds of that attempt.
        worker: who ran it, `rl-worker-N`.
        digest: SHA-256 over the final parameters and counters, hexadecimal.
        start_digest: the digest of what it went on from; None from nothing.
        checkpoint: the final checkpoint, relative to the trial's directory.
        error: what went wrong, with the traceback; None unless failed.
        environment: what really ran, for example `gymnasium 1.4.0 LunarLander-v3`.
        solved_at: environment steps of the trial's first evaluation at or above the environment's
            reward threshold; None if there was none.
        amc: versions of amc that the weights came through; several after an upgrade.
        kernel: with its own version, such as `fast@1`; it never changes on the way.
        cpu: sets of vector instructions, such as `avx512`; several where another machine went on.
    """

    trial: int
    index: int
    state: TrialState
    step: int
    score: float | None = None
    mean_evaluation: float | None = None
    curve: tuple[tuple[int, float], ...] = ()
    attempt: int = 0
    seconds: float = 0.0
    worker: str = ""
    digest: str | None = None
    start_digest: str | None = None
    checkpoint: str | None = None
    error: str | None = None
    environment: str = ""
    solved_at: int | None = None
    amc: tuple[str, ...] = ()
    kernel: str = ""
    cpu: tuple[str, ...] = ()

    @property
    def key(self) -> SegmentKey:
        """Trial and index."""
        return self.trial, self.index


@dataclass(frozen=True)
class Request(Record):
    """A user's wish for an experiment that is recorded already; write-once, first come first.

    Attributes:
        number: 0-based, without a gap.
        kind: what is wanted:
            `calls`: so many more trials of the search;
            `steps`: that trials which have ended go on until they were trained so many steps;
            `trial`: a trial of the user's own;
            `retry`: failed trials once more;
            `limits`: other limits in place of the config's, where they are higher.
        calls: trials, on top of what was to be before.
        steps: environment steps of a trial, in all.
        of: whose: the winner's, every trial's, or those of `trials`.
        trials: numbers, of `steps` and `retry`.
        hyperparameters: of the trial; keys as the search space writes them.
        max_timesteps: environment steps over all trials.
        max_hours: since the experiment was submitted.
    """

    number: int
    kind: RequestKind
    calls: int = 0
    steps: int = 0
    of: Literal["winner", "all", "trials"] = "trials"
    trials: tuple[int, ...] = ()
    hyperparameters: dict[str, Any] | None = None
    max_timesteps: int | None = None
    max_hours: float | None = None


@dataclass(frozen=True)
class Decision(Record):
    """What the driver had learned, and what it opened; write-once, numbered without a gap.

    Attributes:
        number: 0-based.
        learned: reports that were new to the driver, copied whole: the log alone tells everything.
        trials: new ones, in number order.
        segments: opened now, in the order in which they are dispatched.
        finish: how the experiment ended here; None while it goes on.
        why: of a finish, or of what was opened, for people.
        requests: what users asked for and this decision did, or has no place for; copied whole.
        now: seconds since the experiment was submitted, by the clock of Redis; None where no limit
            of time needs it.
        amc: the version that made it; empty in a decision that was not recorded yet.
    """

    number: int
    learned: tuple[Report, ...] = ()
    trials: tuple[Trial, ...] = ()
    segments: tuple[Segment, ...] = ()
    finish: EndState | None = None
    why: str | None = None
    requests: tuple[Request, ...] = ()
    now: float | None = None
    amc: str = ""


@dataclass(frozen=True)
class Copy(Record):
    """Weights of another trial that a trial went on from.

    Attributes:
        trial: whose they were.
        step: environment steps that they had been trained.
    """

    trial: int
    step: int


@dataclass(frozen=True)
class Result(Record):
    """How a trial ended, all of its segments together.

    Attributes:
        number: the trial.
        state: how it ended; `halted`: before its end, since others were better there.
        score: mean return of the final evaluation, higher is better; None unless completed.
        mean_evaluation: mean over all evaluations, which tells trials apart that end alike.
        attempt: the attempt that ended it (0: none ran).
        steps: environment steps trained.
        seconds: wall-clock seconds of the attempts that wrote reports.
        worker: who ran the last of them, `rl-worker-N`.
        digest: SHA-256 over the final parameters and counters, hexadecimal.
        checkpoint: the final checkpoint, relative to the trial's directory.
        error: what went wrong, with the traceback; None unless failed.
        environment: what really ran, for example `gymnasium 1.4.0 LunarLander-v3`.
        solved_at: environment steps of the first evaluation at or above the environment's reward
            threshold; None if there was none.
        segments: in how many pieces it was trained.
    """

    number: int
    state: TrialState
    score: float | None = None
    mean_evaluation: float | None = None
    attempt: int = 0
    steps: int = 0
    seconds: float = 0.0
    worker: str = ""
    digest: str | None = None
    checkpoint: str | None = None
    error: str | None = None
    environment: str = ""
    solved_at: int | None = None
    segments: int = 1

    @property
    def attempts(self) -> int:
        """How many were needed; 1 where nothing went wrong, however many segments there were."""
        return self.attempt - self.segments + 1


@dataclass(frozen=True)
class ExperimentRecord(Record):
    """What was submitted.

    Attributes:
        experiment_id: the name of its directory.
        created: when (Unix time).
        config: as it was resolved, a plain JSON object.
        versions: of amc, Python and the packages that training depends on.
        identity: drawn at random; empty in records of older versions.
        format: of the ledger; 1 has rounds, 2 has decisions.
    """

    experiment_id: str
    created: float
    config: dict[str, Any]
    versions: dict[str, str]
    identity: str = ""
    format: int = 1

    @property
    def known_by(self) -> str:
        """What tells it from another experiment of the same name."""
        return self.identity or repr(self.created)


@dataclass(frozen=True)
class End(Record):
    """How an experiment ended.

    Attributes:
        state: `completed`, `failed` or `cancelled`.
        error: why it failed; None unless it did.
        finished: when (Unix time).
    """

    state: EndState
    error: str | None = None
    finished: float = 0.0


@dataclass(frozen=True)
class AttemptEnd(Record):
    """How an attempt ended, written by the living supervisor.

    Attributes:
        outcome: what ended it.
        detail: more of it, for people.
        ended: unix time by the clock of that machine, for the reader of the ledger; 0 in records of
            older versions.
    """

    outcome: AttemptOutcome
    detail: str = ""
    ended: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Attempt(Record):
    """One try at running a trial; its number is the fencing token.

    Attributes:
        number: 1-based.
        worker: `rl-worker-N`.
        queue: the queue that carried it.
        host: machine and process, for the reader of the ledger.
        started: unix time by the clock of that machine, for the reader of the ledger.
        step: of the checkpoint that was there when it began, 0 for none; and on top of it the
            steps of a lost start that were trained again by then.
        segment: index of the segment in the trial.
        end: how it ended; None while it runs or if its supervisor died.
    """

    number: int
    worker: str
    queue: str
    host: str = ""
    started: float = 0.0
    step: int = 0
    segment: int = 0
    end: AttemptEnd | None = field(default=None)
