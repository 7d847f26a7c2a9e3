"""The table of trials of `watch` and `show`. Its door is `TrialsTable`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from amc.cli import formatting
from amc.cli.aligning import at_the_point, written
from amc.cli.fitted import Field, fit
from amc.cli.glyphs import Glyphs
from amc.cli.overview import Overview, best_of, chosen_by
from amc.cli.rank_correlation import importance
from amc.cli.styles import styled
from amc.trial_status import TrialStatus

# What hyperparameters weigh, above these and below those of the trial itself: 1 to 2.
_WORKER, _ATTEMPTS, _SOLVED, _TIME, _HALTED, _COPIED = 0.5, 0.6, 1.5, 2.5, 2.6, 2.7


@dataclass(frozen=True)
class TrialsTable:
    """A row per trial, in as many columns as the console is wide.

    Attributes:
        overview: the experiment.
        max_rows: leave out what matters least if there are more: waiting trials, then old ones.
        weights: of hyperparameters, as `importance` finds them; looked for if not given.
        is_brief: whether only what every look needs stands below the table.
    """

    overview: Overview
    max_rows: int | None = None
    weights: Mapping[str, float] | None = None
    is_brief: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for a width."""
        shown = _most_telling(self.overview, self.max_rows)
        best = None if self.overview.best is None else self.overview.best.number
        styles = ["bold" if trial.number == best else "" for trial in shown]
        names = _names(shown, self.overview.searched)
        weights = importance(self.overview.trials, names) if self.weights is None else self.weights
        fields = [*_of_trials(self.overview, shown), *_hyperparameters(shown, names, weights)]
        glyphs = Glyphs.of(console)
        lines, hidden = fit(fields, options.max_width, styles, rule=glyphs.empty)
        yield from lines
        for note in _left_out(self.overview, shown, hidden):
            text = glyphs.shortened(note, options.max_width) if self.is_brief else note
            yield Text(text, style="dim")
        for note in [] if self.is_brief else _notes(self.overview, shown):
            yield Text(note, style="dim")


def _of_trials(overview: Overview, shown: Sequence[TrialStatus]) -> Iterator[Field]:
    """What is told of trials; where all are of the search, or none is solved, no column says so."""
    best = None if overview.best is None else overview.best.number
    numbers = [f"{trial.number}{'*' if trial.number == best else ' '}" for trial in shown]
    yield Field("trial ", numbers, is_right=True)
    if any(trial.kind != "search" for trial in shown):
        yield Field("kind", [trial.kind for trial in shown], _TIME)
    yield Field("state", [styled(_state(trial, overview)) for trial in shown])
    yield Field("score", at_the_point([formatting.score(trial.score) for trial in shown]))
    if any(trial.solved_at is not None for trial in shown):
        steps = ["-" if one.solved_at is None else f"{one.solved_at:,}" for one in shown]
        yield Field("solved at", steps, _SOLVED, is_right=True)
    if any(trial.state == "halted" for trial in shown):
        yield Field("halted at", [_halted_at(trial) for trial in shown], _HALTED, is_right=True)
    took = [_took(trial, trial.horizon or overview.total_timesteps) for trial in shown]
    yield Field("time", took, _TIME, is_right=True)
    yield Field("attempts", [str(one.attempts) for one in shown], _ATTEMPTS, is_right=True)
    yield Field("worker", [trial.worker or "-" for trial in shown], _WORKER)
    if any(trial.copies for trial in shown):
        copies = [formatting.copies(trial.copies[-1:]) for trial in shown]
        yield Field("weights from", copies, _COPIED)


def _names(shown: Sequence[TrialStatus], searched: Sequence[str]) -> list[str]:
    """Of every hyperparameter: those that are searched first, then what users added."""
    others = (name for trial in shown for name in trial.hyperparameters)
    return list(dict.fromkeys([*searched, *others]))


def _hyperparameters(
    shown: Sequence[TrialStatus], names: Sequence[str], weights: Mapping[str, float]
) -> Iterator[Field]:
    for name in names:
        values = written([trial.hyperparameters.get(name) for trial in shown])
        yield Field(name, values, 1 + weights.get(name, 0.0), may_break=True)


def _state(trial: TrialStatus, overview: Overview) -> str:
    """What has begun and stands still because the experiment does was not lost: it is paused."""
    has_begun = trial.attempts > 0 or trial.steps > 0
    return "paused" if overview.is_halted_by_user(trial) and has_begun else trial.state


def _left_out(
    overview: Overview, shown: Sequence[TrialStatus], hidden: Sequence[str]
) -> Iterator[str]:
    if len(shown) < len(overview.trials):
        yield f"{len(shown)} of {len(overview.trials)} trials shown; all of them: amc show --all"
    if hidden:
        yield f"too narrow for: {', '.join(hidden)}"


def _notes(overview: Overview, shown: Sequence[TrialStatus]) -> Iterator[str]:
    if any(trial.kind == "finalist" for trial in shown):
        yield "finalist: a good suggestion again, on another seed"
    for trial in shown:
        if trial.retry_of is not None:
            yield f"trial {trial.number}: trial {trial.retry_of} once more, which failed"
        elif trial.request is not None:
            yield f"trial {trial.number}: asked for by a user"
    yield from _trained_longer(shown, overview.total_timesteps)
    if any(trial.kind == "test" for trial in shown):
        yield "test: the winner again, on a seed that had no part in choosing it"
    yield from _of_best(overview)


def _of_best(overview: Overview) -> Iterator[str]:
    best = overview.best
    if best is not None and best.n_seeds > 1:
        means = formatting.trials(best.mean_of)
        with_interval = " with its 95 % interval" if best.interval else ""
        yield f"* best: {best_of(best)}, the mean of {means}{with_interval}"
    if best is not None and best.chosen_by is not None:
        yield f"chosen by: {chosen_by(best)}, {formatting.trials(best.chosen_by.mean_of)}"


def _trained_longer(shown: Sequence[TrialStatus], total_timesteps: int) -> Iterator[str]:
    longer: dict[int, list[int]] = {}
    for trial in shown:
        if trial.horizon is not None and trial.horizon > total_timesteps:
            longer.setdefault(trial.horizon, []).append(trial.number)
    for horizon, numbers in longer.items():
        yield f"{formatting.trials(numbers)}: to step {horizon:,} in place of {total_timesteps:,}"


def _halted_at(trial: TrialStatus) -> str:
    if trial.state != "halted":
        return "-"
    return f"{trial.steps:,}, {formatting.rank(trial.rank, trial.compared)}"


def _took(trial: TrialStatus, total_timesteps: int) -> str:
    if trial.state == "running":
        share = min(1.0, trial.steps / total_timesteps)
        # Its worker tells every three seconds, at first nothing.
        return (
            f"{share:4.0%} {formatting.duration(trial.seconds)}"
            if trial.seconds
            else f"{share:4.0%}"
        )
    if trial.state == "waiting":
        return f"{min(1.0, trial.steps / total_timesteps):4.0%}" if trial.steps else "-"
    return formatting.duration(trial.seconds)


def _most_telling(overview: Overview, max_rows: int | None) -> list[TrialStatus]:
    if max_rows is None or len(overview.trials) <= max_rows:
        return list(overview.trials)
    best = None if overview.best is None else overview.best.number
    order = {"running": 1, "waiting": 3}

    def weight(trial: TrialStatus) -> tuple[int, int]:
        return (0 if trial.number == best else order.get(trial.state, 2), -trial.number)

    kept = nsmallest(max(1, max_rows), overview.trials, key=weight)
    return sorted(kept, key=lambda trial: trial.number)
