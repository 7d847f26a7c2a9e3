"""A line for each worker: what it trains, how far that is, how fast, and the curve so far.

Its door is `WorkersTable`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from amc.cli import formatting
from amc.cli.aligning import at_the_point
from amc.cli.at_work import AtWork, WorkerAtWork
from amc.cli.fitted import Field, fit
from amc.cli.glyphs import Glyphs
from amc.cli.overview import Overview
from amc.trial_status import TrialStatus

if TYPE_CHECKING:
    from amc.training.curve import Evaluation

Curve = Callable[[int], Sequence["Evaluation"]]
"""A trial's evaluations so far, by its number."""

_NARROW, _BAR, _SPARK = 100, (12, 30), (12, 30)
_CURVE, _SPEED = 2.0, 1.0
_NAME = 24


@dataclass(frozen=True)
class WorkersTable:
    """The workers that train for an experiment first, then those of others, then the idle ones.

    Attributes:
        overview: the experiment.
        at_work: who trains what.
        curve: a running trial's evaluations so far.
        speeds: steps per second of running trials, where they are known.
        max_rows: how many workers are shown.
    """

    overview: Overview
    at_work: AtWork
    curve: Curve
    speeds: Mapping[int, float]
    max_rows: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for a width."""
        trials = {one.number: one for one in self.overview.trials if one.state == "running"}
        workers = _in_order(self._of_everybody(trials), self.overview.id)
        shown, more = workers[: self.max_rows], workers[self.max_rows :]
        if len(more) == 1:
            shown, more = workers, []
        if not shown:
            return
        at = [trials.get(_trial_of(one, self.overview.id)) for one in shown]
        fields = self._fields(shown, at, Glyphs.of(console), options.max_width)
        yield from fit(list(fields), options.max_width)[0]
        if more:
            yield Text(_summary(more, Glyphs.of(console)), style="dim")

    def _of_everybody(self, trials: Mapping[int, TrialStatus]) -> Iterator[WorkerAtWork]:
        """Also who trains for this experiment, though the last look at the fleet missed it."""
        known = {one.trial for one in self.at_work.workers if one.experiment == self.overview.id}
        names = {trial.worker for number, trial in trials.items() if number not in known}
        for number, trial in trials.items():
            if number not in known:
                yield WorkerAtWork(trial.worker, self.overview.id, number)
        for worker in self.at_work.workers:
            if worker.experiment != self.overview.id:
                if worker.name not in names:
                    yield worker
            elif worker.trial in trials:
                yield worker
            else:
                yield WorkerAtWork(worker.name)  # its trial has just ended

    def _fields(
        self,
        workers: Sequence[WorkerAtWork],
        trials: Sequence[TrialStatus | None],
        glyphs: Glyphs,
        width: int,
    ) -> Iterator[Field]:
        is_wide = width >= _NARROW
        curves = [[made.score for made in self.curve(one.number)] if one else [] for one in trials]
        yield Field("worker", [glyphs.shortened(one.name, _NAME) for one in workers])
        pairs = list(zip(workers, trials, strict=True))
        yield Field("trains", [_what(worker, trial, glyphs) for worker, trial in pairs])
        shares = [None if one is None else self._share(one) for one in trials]
        bars = ["" if one is None else glyphs.bar(one, _BAR[is_wide]) for one in shares]
        yield Field("progress", [Text(bar, style="cyan") for bar in bars])
        yield Field("", ["" if one is None else f"{one:.0%}" for one in shares], is_right=True)
        speeds = [self.speeds.get(one.number) if one else None for one in trials]
        texts = ["" if one is None else f"{one:,.0f}" for one in speeds]
        yield Field("steps/s", texts, _SPEED, is_right=True)
        lines = [glyphs.sparkline(curve, _SPARK[is_wide]) for curve in curves]
        if any(lines):
            yield Field("evaluations", lines, _CURVE)
            latest = [formatting.score(curve[-1]) if curve else "" for curve in curves]
            yield Field("latest", at_the_point(latest), _CURVE)

    def _share(self, trial: TrialStatus) -> float:
        return min(1.0, trial.steps / (trial.horizon or self.overview.total_timesteps))


def _trial_of(worker: WorkerAtWork, experiment: str) -> int:
    is_ours = worker.experiment == experiment and worker.trial is not None
    return worker.trial if is_ours and worker.trial is not None else -1


def _in_order(workers: Iterator[WorkerAtWork], experiment: str) -> list[WorkerAtWork]:
    def place(worker: WorkerAtWork) -> int:
        return 2 if worker.trial is None else int(worker.experiment != experiment)

    return sorted(workers, key=place)


def _what(worker: WorkerAtWork, trial: TrialStatus | None, glyphs: Glyphs) -> Text:
    if trial is not None:
        return Text(_name(trial))
    if worker.trial is None:
        return Text("idle", style="dim")
    return Text(f"{glyphs.shortened_id(worker.experiment, _NAME)}/{worker.trial}", style="dim")


def _name(trial: TrialStatus) -> str:
    return f"{'trial' if trial.kind == 'search' else trial.kind} {trial.number}"


def _summary(workers: Sequence[WorkerAtWork], glyphs: Glyphs) -> str:
    counts = Counter("idle" if one.trial is None else "at work" for one in workers)
    what = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{glyphs.cut} and {len(workers)} more workers: {what}"
