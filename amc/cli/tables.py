"""The tables of `watch`, `show` and `ls`."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from amc.cli import formatting
from amc.cli.overview import Overview, Summary, best_of, chosen_by, result_of
from amc.trial_status import TrialStatus

DAMAGED = "damaged"

ExperimentRow = tuple[Summary, str, float | None]
"""What is shown, what it trains, and when it was created (Unix time); None if that is unknown."""

# An id is typed again, so it is never cut, nor is what came of it: columns on the right give way.
_WHOLE = {"experiment", "state", "trials", "best"}
_STYLES = {
    DAMAGED: "red",
    "running": "cyan",
    "completed": "green",
    "halted": "yellow",
    "failed": "red",
    "cancelled": "yellow",
    "paused": "yellow",
    "waiting": "dim",
}


def _table(*columns: str, right: Sequence[str] = ()) -> Table:
    """A table whose last column is cut first where the terminal is narrow."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column != columns[-1],
            overflow="ellipsis",
        )
    return table


def _one_line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _state(state: str) -> Text:
    return Text(state, style=_STYLES.get(state, ""))


def trials_table(overview: Overview, *, max_rows: int | None = None) -> Table:
    """A row per trial.

    Args:
        overview: the experiment.
        max_rows: leave out what matters least if there are more: waiting trials, then old ones.
    """
    shown = _most_telling(overview, max_rows)
    # Where all are of the search, none is solved, halted or a copy, a column tells nothing.
    has_kinds = any(trial.kind != "search" for trial in shown)
    has_solved = any(trial.solved_at is not None for trial in shown)
    has_halted = any(trial.state == "halted" for trial in shown)
    has_copied = any(trial.copies for trial in shown)
    table = _table(
        *("trial", "kind", "state") if has_kinds else ("trial", "state"),
        *("score", "solved at") if has_solved else ("score",),
        *["halted at"] if has_halted else [],
        *("progress", "attempts", "worker"),
        *["weights from"] if has_copied else [],
        "hyperparameters",
        right=("trial", "score", "solved at", "halted at", "progress", "attempts"),
    )
    for trial in shown:
        is_best = overview.best is not None and trial.number == overview.best.number
        table.add_row(
            str(trial.number),
            *[trial.kind] if has_kinds else [],
            _state(trial.state),
            formatting.score(trial.score) + (" <- best" if is_best else ""),
            *["-" if trial.solved_at is None else f"{trial.solved_at:,}"] if has_solved else [],
            *[_halted_at(trial)] if has_halted else [],
            _progress(trial, trial.horizon or overview.total_timesteps),
            str(trial.attempts),
            trial.worker or "-",
            *[formatting.copies(trial.copies[-1:])] if has_copied else [],
            _one_line(formatting.hyperparameters(trial.hyperparameters)),
            style="bold" if is_best else "",
        )
    table.caption = "\n".join(_notes(overview, shown)) or None
    table.caption_justify = "left"
    return table


def _notes(overview: Overview, shown: Sequence[TrialStatus]) -> Iterator[str]:
    if len(shown) < len(overview.trials):
        yield f"{len(shown)} of {len(overview.trials)} trials shown; all of them: amc show --all"
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
    best = overview.best
    if best is not None and best.n_seeds > 1:
        with_interval = " with its 95 % interval" if best.interval else ""
        yield f"best: {best_of(best)}, the mean of {formatting.trials(best.mean_of)}{with_interval}"
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


def _progress(trial: TrialStatus, total_timesteps: int) -> str:
    if trial.state == "waiting":
        return "-"
    if trial.state == "running":
        share = min(1.0, trial.steps / total_timesteps)
        return f"{share:4.0%} {formatting.duration(trial.seconds)}"
    return formatting.duration(trial.seconds)


def _most_telling(overview: Overview, max_rows: int | None) -> list[TrialStatus]:
    if max_rows is None or len(overview.trials) <= max_rows:
        return list(overview.trials)
    best = None if overview.best is None else overview.best.number
    order = {"running": 1, "waiting": 3}

    def weight(trial: TrialStatus) -> tuple[int, int]:
        return (0 if trial.number == best else order.get(trial.state, 2), -trial.number)

    kept = sorted(overview.trials, key=weight)[: max(1, max_rows)]
    return sorted(kept, key=lambda trial: trial.number)


def experiments_table(rows: Sequence[ExperimentRow]) -> Table:
    """A row per experiment, also of those that cannot be read."""
    # Where none is solved, a column tells nothing.
    has_solved = any(_solved_at(summary) != "-" for summary, _, _ in rows)
    table = _table(
        *("experiment", "state", "trials", "best"),
        *("solved at", "trains", "created") if has_solved else ("trains", "created"),
        right=("trials", "best", "solved at"),
    )
    for summary, trains, created in rows:
        best = summary.best
        table.add_row(
            summary.id,
            _state(summary.state),
            "-" if created is None else f"{summary.n_ended}/{summary.n_planned}",
            result_of(best) if best else "-",
            *[_solved_at(summary)] if has_solved else [],
            trains,
            "-" if created is None else formatting.moment(created),
        )
    for column in table.columns:
        if column.header in _WHOLE:
            column.min_width = max(len(str(text)) for text in (column.header, *column.cells))
    return table


def _solved_at(summary: Summary) -> str:
    step = None if summary.best is None else summary.best.solved_at
    return "-" if step is None else f"{step:,}"
