"""What an experiment has come to, as plain values: the fold of its log, the input of the driver.

A history never changes: `after` makes the next one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

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
from amc.ledger.sorted_map import SortedMap

V = TypeVar("V")


class Aggregate(Protocol[V]):
    """What somebody needs to know of all trials together, so that nobody walks them each time.

    A rule, equal to another of the same settings. Its value is a pure function of the trials and of
    what is reported of them, and never changes.
    """

    def __hash__(self) -> int: ...

    def of(self, past: "History", trials: Iterable[int], before: V | None) -> V:
        """The value for a history.

        Args:
            past: the history.
            trials: those that may have changed since `before`.
            before: the value for an earlier history; None if there is none, and `trials` are all.
        """
        ...


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
        given: segments that give a trial which had ended more steps, as a user asked.
        suggestions: the trials of the search, by the number of their suggestion; one that is tried
            once more stands in for the one that failed.
        searched: how many trials the search opened; those that users asked for do not count.
        further: how many trials were opened on further seeds: finalists and tests.
        failed: the trials that failed and were not tried once more, in number order.
        rounds: how many decisions opened new trials.
        finish: how the experiment ended; None while it has not.
        why: what the decision that ended it said.
        requests: what users asked for and a decision has dealt with, by its number.
        trained: environment steps of all segments that were learned.
        clock: what the newest decision that knows the time says of it; see `Decision.now`.
        elapsed: seconds until then, less the time after an end and before it went on.
        made_by: number of a decision and version of amc, wherever the version changed.
        fresh: reports of open segments that are there.
        asked: requests that no decision has dealt with yet, in number order.
        now: seconds since the experiment was submitted; None where nobody looked.
        is_cancelled: whether the user wants no more of it.
        is_paused: whether nothing is to be started.
    """

    decisions: int = 0
    trials: SortedMap[int, Trial] = field(default_factory=SortedMap)
    segments: SortedMap[SegmentKey, Segment] = field(default_factory=SortedMap)
    learned: SortedMap[SegmentKey, Report] = field(default_factory=SortedMap)
    learned_in: SortedMap[SegmentKey, int] = field(default_factory=SortedMap)
    open: Mapping[SegmentKey, Segment] = field(default_factory=dict)
    last: SortedMap[int, int] = field(default_factory=SortedMap)
    given: SortedMap[SegmentKey, None] = field(default_factory=SortedMap)
    suggestions: SortedMap[int, tuple[int, ...]] = field(default_factory=SortedMap)
    searched: int = 0
    further: int = 0
    failed: SortedMap[int, None] = field(default_factory=SortedMap)
    rounds: int = 0
    finish: EndState | None = None
    why: str | None = None
    requests: Mapping[int, Request] = field(default_factory=dict)
    trained: int = 0
    clock: float = 0.0
    elapsed: float = 0.0
    made_by: tuple[tuple[int, str], ...] = ()
    fresh: Mapping[SegmentKey, Report] = field(default_factory=dict)
    asked: tuple[Request, ...] = ()
    now: float | None = None
    is_cancelled: bool = False
    is_paused: bool = False
    # The rules are shared by all that come of one history, the values belong to each: what is asked
    # of a draft of the next one is carried by the next one too.
    _rules: dict[Any, None] = field(default_factory=dict, compare=False, repr=False)
    _aggregates: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    _results: dict[SegmentKey, Result] = field(default_factory=dict, compare=False, repr=False)

    def after(self, *decisions: Decision) -> "History":
        """The history that the next decisions, in order, lead to; nothing is fresh in it.

        It costs what they hold and what is open, however much was before.

        Raises:
            LedgerError: one of them does not follow from what was before.
        """
        fold = _Fold(self)
        for decision in decisions:
            fold.apply(decision)
        past = fold.history()
        for rule in self._rules:
            past._aggregates[rule] = rule.of(past, fold.touched, self._of_learned(rule))
        return past

    def aggregate(self, rule: Aggregate[V]) -> V:
        """An aggregate over what is reported; asked for once, it is carried on from then on."""
        self._rules[rule] = None
        learned = self._of_learned(rule)
        return rule.of(self, {trial for trial, _ in self.fresh}, learned) if self.fresh else learned

    def _of_learned(self, rule: Aggregate[V]) -> V:
        if rule not in self._aggregates:
            self._aggregates[rule] = rule.of(self.seen({}), self.trials, None)
        found: V = self._aggregates[rule]
        return found

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
        """How a trial ended, all of its segments together.

        Returns:
            None while one of them is at work, or nobody has decided whether another one follows.
        """
        newest = trial, self.last[trial]
        return None if self.report(newest) is None else self._result(*self.standing(trial))

    def ended(self, trial: int) -> Result | None:
        """How a trial has ended, even while it is trained further; None while it has not."""
        return self._result(*self.standing(trial))

    def standing(self, trial: int) -> SegmentKey:
        """The segment that says how a trial stands: its newest, unless that takes it further.

        More steps for a trial that has ended take nothing away: while they are trained, and where
        they failed or were cancelled, it stands as it had ended before.
        """
        index = self.last[trial]
        while (trial, index) in self.given and not self._has_ended_well(trial, index):
            index -= 1
        return trial, index

    def of_search(self, trial: int) -> SegmentKey:
        """The newest segment of a trial before it was given more steps than it was meant to have.

        Suggestions are compared by what they came to there.
        """
        index = self.last[trial]
        while self.segments[trial, index].horizon > self.segments[trial, 0].horizon:
            index -= 1
        return trial, index

    def result_of_search(self, trial: int) -> Result | None:
        """How a trial ended before it was given more steps; None while it has not."""
        return self._result(*self.of_search(trial))

    def _has_ended_well(self, trial: int, index: int) -> bool:
        report = self.report((trial, index))
        return report is not None and report.state in {"completed", "halted"}

    def _result(self, trial: int, last: int) -> Result | None:
        key = trial, last
        known = self._results.get(key)
        if known is not None:
            return known
        result = self._found(trial, last)
        if result is not None and key in self.learned:
            self._results[key] = result  # what was learned never changes
        return result

    def _found(self, trial: int, last: int) -> Result | None:
        keys = [(trial, index) for index in range(last + 1)]
        reports = [report for key in keys if (report := self.report(key)) is not None]
        if len(reports) < len(keys):
            return None
        end = reports[-1]
        is_short = _is_short(self.segments[end.key], end)
        if is_short and end.key in self.open:
            return None
        return Result(
            trial,
            "halted" if is_short else end.state,
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
        newest = self.newest(trial)
        report = self.report(newest.key)
        return report is not None and _is_short(newest, report)

    def newest(self, trial: int) -> Segment:
        """A trial's newest segment."""
        return self.segments[trial, self.last[trial]]

    def hyperparameters(self, segment: Segment) -> dict[str, Any]:
        """What a segment is trained with: in a population trials have other ones each time."""
        own = segment.hyperparameters
        return self.trials[segment.trial].hyperparameters if own is None else own

    def curve(self, trial: int) -> list[tuple[int, float]]:
        """Step and score of the evaluations of a trial, as far as its segments have reported."""
        newest = self.segments[trial, self.last[trial]]
        reports = (self.report(one.key) for one in (*self.lineage(newest), newest))
        return [point for report in reports if report is not None for point in report.curve]

    def finished(self) -> Iterator[tuple[Trial, Result]]:
        """Every trial that has ended, with how, in number order."""
        for number, trial in self.trials.items():
            if (result := self.ended(number)) is not None:
                yield trial, result


class _Fold:
    """What decisions add to a history."""

    def __init__(self, start: History) -> None:
        self._start = start
        self._decisions, self._rounds = start.decisions, start.rounds
        self._trials: dict[int, Trial] = {}
        self._segments: dict[SegmentKey, Segment] = {}
        self._learned: dict[SegmentKey, Report] = {}
        self._learned_in: dict[SegmentKey, int] = {}
        self._open = dict(start.open)
        self._last: dict[int, int] = {}
        self._given: dict[SegmentKey, None] = {}
        self._suggestions: dict[int, tuple[int, ...]] = {}
        self._finish, self._why = start.finish, start.why
        self._requests, self._trained = dict(start.requests), start.trained
        self._clock, self._elapsed = start.clock, start.elapsed
        self._made_by = start.made_by

    def apply(self, decision: Decision) -> None:
        if decision.number != self._decisions:
            raise _fault(decision, "it is not the next one")
        self._tick(decision)
        if decision.amc not in {"", *(version for _, version in self._made_by[-1:])}:
            self._made_by += ((decision.number, decision.amc),)
        for request in decision.requests:
            if request.number in self._requests:
                raise _fault(decision, f"request {request.number} was dealt with before")
            self._requests[request.number] = request
        for report in decision.learned:
            key = report.key
            if key not in self._open:
                raise _fault(decision, f"{key} was not open")
            self._learned[key] = report
            self._trained += report.step - self._open.pop(key).from_step
            self._learned_in[key] = decision.number
        for trial in decision.trials:
            self._begin(trial, decision)
        for segment in decision.segments:
            self._add(segment, decision)
        if any(request.kind == "steps" for request in decision.requests):
            # They are given once nothing else is left, so the decision opens nothing besides.
            self._given |= {segment.key: None for segment in decision.segments}
        self._decisions += 1
        self._rounds += bool(decision.trials)
        self._finish, self._why = decision.finish, decision.why

    def _tick(self, decision: Decision) -> None:
        if decision.now is None:
            return
        if self._finish is None:
            self._elapsed += max(0.0, decision.now - self._clock)
        self._clock = decision.now

    def _begin(self, trial: Trial, decision: Decision) -> None:
        if trial.number != self._n_trials:
            raise _fault(decision, f"trial {trial.number} is not the next one")
        self._trials[trial.number] = trial
        if trial.kind == "search":
            others = _newest(self._suggestions, self._start.suggestions, trial.suggestion, ())
            kept = (other for other in others if other != trial.retry_of)
            self._suggestions[trial.suggestion] = (*kept, trial.number)

    def _add(self, segment: Segment, decision: Decision) -> None:
        trial, index = key = segment.key
        before = _newest(self._last, self._start.last, trial, -1)
        is_next = index == before + 1 and (trial, before) not in self._open
        if not is_next or trial >= self._n_trials:
            raise _fault(decision, f"segment {key} is not the next one of its trial")
        self._segments[key] = self._open[key] = segment
        self._last[trial] = index

    @property
    def _n_trials(self) -> int:
        return len(self._start.trials) + len(self._trials)

    @property
    def touched(self) -> list[int]:
        """Trials of which something was learned or opened."""
        return sorted({trial for trial, _ in [*self._learned, *self._segments]})

    def history(self) -> History:
        start = self._start
        past = replace(
            start,
            decisions=self._decisions,
            trials=start.trials.changed(self._trials),
            segments=start.segments.changed(self._segments),
            learned=start.learned.changed(self._learned),
            learned_in=start.learned_in.changed(self._learned_in),
            open=self._open,
            last=start.last.changed(self._last),
            given=start.given.changed(self._given),
            suggestions=start.suggestions.changed(self._suggestions),
            searched=start.searched + sum(map(_is_of_search, self._trials.values())),
            further=start.further + sum(one.kind != "search" for one in self._trials.values()),
            rounds=self._rounds,
            finish=self._finish,
            why=self._why,
            requests=self._requests,
            trained=self._trained,
            clock=self._clock,
            elapsed=self._elapsed,
            made_by=self._made_by,
            fresh={},
            asked=tuple(one for one in self._start.asked if one.number not in self._requests),
            _aggregates={},
        )
        again = {trial.retry_of for trial in self._trials.values() if trial.retry_of is not None}
        failed = dict.fromkeys(n for n in self.touched if n not in again and _has_failed(past, n))
        gone = again.union(self.touched) - failed.keys()
        return replace(past, failed=start.failed.changed(failed, gone=gone))


def _is_short(segment: Segment, report: Report) -> bool:
    is_there = report.state == "completed" and report.step >= segment.until
    return is_there and report.step < segment.horizon


def _fault(decision: Decision, fault: str) -> LedgerError:
    return LedgerError(f"decision {decision.number}: does not follow: {fault}.")


def _is_of_search(trial: Trial) -> bool:
    return trial.kind == "search" and trial.request is None


def _has_failed(past: History, trial: int) -> bool:
    report = past.learned.get(past.standing(trial))
    return report is not None and report.state == "failed"


def _newest(added: Mapping[int, V], before: Mapping[int, V], key: int, otherwise: V) -> V:
    """What belongs to a key, where some was added."""
    return added[key] if key in added else before.get(key, otherwise)
