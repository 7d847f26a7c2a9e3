"""What an experiment has come to, as plain values: the fold of its log, the input of the driver.

A history never changes: `after` makes the next one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from amc.errors import LedgerError
from amc.ledger.records import (
    Decision,
    EndState,
    Report,
    Request,
    Result,
    Segment,
    SegmentKey,
    Trial,
)


@dataclass(frozen=True)
class History:
    """Every decision so far, folded, and the reports that no decision has learned yet.

    Attributes:
        decisions: how many there were; the number of the next one.
        trials: every trial by its number, in number order.
        segments: every segment by its key.
        learned: the reports that a decision has learned.
        learned_in: the number of that decision.
        open: segments whose report no decision has learned, in the order in which they were opened.
        last: the index of each trial's newest segment.
        rounds: how many decisions opened new trials.
        finish: how the experiment ended; None while it has not.
        why: what the decision that ended it said.
        requests: what users asked for and a decision has dealt with, by its number.
        trained: environment steps of all segments that were learned.
        clock: what the newest decision that knows the time says of it; see `Decision.now`.
        elapsed: seconds until then, less the time after an end and before it went on.
        fresh: reports of open segments that are there.
        asked: requests that no decision has dealt with yet, in number order.
        now: seconds since the experiment was submitted; None where nobody looked.
        is_cancelled: whether the user wants no more of it.
        is_paused: whether nothing is to be started.
    """

    decisions: int = 0
    trials: Mapping[int, Trial] = field(default_factory=dict)
    segments: Mapping[SegmentKey, Segment] = field(default_factory=dict)
    learned: Mapping[SegmentKey, Report] = field(default_factory=dict)
    learned_in: Mapping[SegmentKey, int] = field(default_factory=dict)
    open: Mapping[SegmentKey, Segment] = field(default_factory=dict)
    last: Mapping[int, int] = field(default_factory=dict)
    rounds: int = 0
    finish: EndState | None = None
    why: str | None = None
    requests: Mapping[int, Request] = field(default_factory=dict)
    trained: int = 0
    clock: float = 0.0
    elapsed: float = 0.0
    fresh: Mapping[SegmentKey, Report] = field(default_factory=dict)
    asked: tuple[Request, ...] = ()
    now: float | None = None
    is_cancelled: bool = False
    is_paused: bool = False

    def after(self, *decisions: Decision) -> "History":
        """The history that the next decisions, in order, lead to; nothing is fresh in it.

        Raises:
            LedgerError: one of them does not follow from what was before.
        """
        fold = _Fold(self)
        for decision in decisions:
            fold.apply(decision)
        return fold.history()

    def seen(self, fresh: Mapping[SegmentKey, Report]) -> "History":
        """The same, with these reports of open segments."""
        return replace(self, fresh=fresh)

    @property
    def outstanding(self) -> tuple[Segment, ...]:
        """Open segments without a report, in the order in which they were opened."""
        return tuple(segment for key, segment in self.open.items() if key not in self.fresh)

    def report(self, key: SegmentKey) -> Report | None:
        """What came of a segment; None while nothing has."""
        return self.fresh.get(key) or self.learned.get(key)

    def lineage(self, segment: Segment) -> tuple[Segment, ...]:
        """The segments that a segment's weights came through, the first one first; not itself."""
        found = []
        while segment.start is not None:
            segment = self.segments[segment.start]
            found.append(segment)
        return tuple(reversed(found))

    def result(self, trial: int) -> Result | None:
        """How a trial ended, all of its segments together; None while one of them is at work."""
        keys = [(trial, index) for index in range(self.last[trial] + 1)]
        reports = [report for key in keys if (report := self.report(key)) is not None]
        if len(reports) < len(keys):
            return None
        end = reports[-1]
        return Result(
            trial,
            "halted" if self.is_short(trial) else end.state,
            score=end.score,
            mean_evaluation=end.mean_evaluation,
            attempt=end.attempt,
            steps=end.step,
            seconds=sum(report.seconds for report in reports),
            worker=end.worker,
            digest=end.digest,
            checkpoint=end.checkpoint,
            error=end.error,
            environment=end.environment,
            solved_at=end.solved_at,
            segments=len(reports),
        )

    def is_short(self, trial: int) -> bool:
        """Whether a trial stands at a rung: as far as it was sent, and not at its own end.

        What ended before that is complete: it had reached the reward threshold.
        """
        segment = self.segments[trial, self.last[trial]]
        report = self.report(segment.key)
        is_there = report is not None and report.state == "completed"
        return is_there and segment.until <= report.step < segment.horizon  # type: ignore[union-attr]

    def curve(self, trial: int) -> list[tuple[int, float]]:
        """Step and score of the evaluations of a trial, as far as its segments have reported."""
        newest = self.segments[trial, self.last[trial]]
        reports = (self.report(one.key) for one in (*self.lineage(newest), newest))
        return [point for report in reports if report is not None for point in report.curve]

    def finished(self) -> Iterator[tuple[Trial, Result]]:
        """Every trial that has ended, with how, in number order."""
        for number, trial in self.trials.items():
            result = self.result(number)
            if result is not None:
                yield trial, result


class _Fold:
    """A history that is being added to."""

    def __init__(self, start: History) -> None:
        self._start = start
        self._decisions, self._rounds = start.decisions, start.rounds
        self._trials, self._segments = dict(start.trials), dict(start.segments)
        self._learned, self._open = dict(start.learned), dict(start.open)
        self._learned_in = dict(start.learned_in)
        self._last = dict(start.last)
        self._finish, self._why = start.finish, start.why
        self._requests, self._trained = dict(start.requests), start.trained
        self._clock, self._elapsed = start.clock, start.elapsed

    def apply(self, decision: Decision) -> None:
        self._require(decision.number == self._decisions, decision, "it is not the next one")
        self._tick(decision)
        for request in decision.requests:
            is_new = request.number not in self._requests
            self._require(is_new, decision, f"request {request.number} was dealt with before")
            self._requests[request.number] = request
        for report in decision.learned:
            self._require(report.key in self._open, decision, f"{report.key} was not open")
            self._learned[report.key] = report
            self._trained += report.step - self._open[report.key].from_step
            self._learned_in[report.key] = decision.number
            del self._open[report.key]
        for trial in decision.trials:
            is_next = trial.number == len(self._trials)
            self._require(is_next, decision, f"trial {trial.number} is not the next one")
            self._trials[trial.number] = trial
        for segment in decision.segments:
            self._add(segment, decision)
        self._decisions += 1
        self._rounds += bool(decision.trials)
        self._finish, self._why = decision.finish, decision.why

    def _tick(self, decision: Decision) -> None:
        if decision.now is None:
            return
        if self._finish is None:
            self._elapsed += max(0.0, decision.now - self._clock)
        self._clock = decision.now

    def _add(self, segment: Segment, decision: Decision) -> None:
        known = segment.trial in self._trials
        index = self._last.get(segment.trial, -1) + 1
        is_next = known and segment.index == index and (segment.trial, index - 1) not in self._open
        self._require(is_next, decision, f"segment {segment.key} is not the next one of its trial")
        self._segments[segment.key] = self._open[segment.key] = segment
        self._last[segment.trial] = index

    @staticmethod
    def _require(holds: bool, decision: Decision, fault: str) -> None:
        if not holds:
            raise LedgerError(f"decision {decision.number}: does not follow: {fault}.")

    def history(self) -> History:
        return replace(
            self._start,
            decisions=self._decisions,
            trials=self._trials,
            segments=self._segments,
            learned=self._learned,
            learned_in=self._learned_in,
            open=self._open,
            last=self._last,
            rounds=self._rounds,
            finish=self._finish,
            why=self._why,
            requests=self._requests,
            trained=self._trained,
            clock=self._clock,
            elapsed=self._elapsed,
            fresh={},
            asked=tuple(one for one in self._start.asked if one.number not in self._requests),
        )
