"""The numbers behind the figures, as tables that can be read without seeing them.

Its doors are `table`, and `folded` for one that opens at a click; the others fill them.
"""

from collections.abc import Iterable, Sequence

from amc.inference import interquartile_mean
from amc.reports import wording
from amc.reports.figures.learning_curves import MeanPoint
from amc.reports.markup import Markup, element, joined
from amc.reports.material import Contender
from amc.reports.sensitivity import Importance
from amc.reports.stints import Stint
from amc.trial_status import BestTrial, TrialStatus

# A table of more rows scrolls by itself.
_LONG = 30


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numbers: Iterable[str] = (),
    marked: Sequence[bool] = (),
) -> Markup:
    """A table.

    Args:
        caption: what it holds.
        columns: their names.
        rows: as many cells each as there are columns; the first one names its row.
        numbers: the columns that are numbers, which stand to the right.
        marked: for each row whether it is of the best; none if left out.
    """
    kinds = ["n" if column in set(numbers) else None for column in columns]
    head = element(
        "tr",
        *(
            element("th", name, scope="col", class_=kind)
            for name, kind in zip(columns, kinds, strict=True)
        ),
    )
    body = [
        element(
            "tr",
            *(_cell(cell, kind, is_first=not at) for at, (cell, kind) in enumerate(cells)),
            class_="best" if marked and marked[index] else None,
        )
        for index, row in enumerate(rows)
        if (cells := list(zip(row, kinds, strict=True)))
    ]
    whole = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *(joined((row, "\n")) for row in body)),
    )
    return element(
        "div",
        whole,
        class_="scroll long" if len(body) > _LONG else "scroll",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def _cell(content: object, kind: str | None, *, is_first: bool) -> Markup:
    if is_first:
        return element("th", content, scope="row", class_=kind)
    is_long = isinstance(content, str) and len(content) > 40
    return element("td", content, class_=kind or ("text" if is_long else None))


def folded(summary: str, content: Markup) -> Markup:
    """What opens at a click, or at the Enter key."""
    return element("details", element("summary", summary), content)


def trials_table(trials: Sequence[TrialStatus], best: BestTrial | None) -> Markup:
    """A row per trial, with a column per hyperparameter."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.hyperparameters))
    numbers = ["trial", "suggestion", "score", "solved at", "steps", "seconds", "attempts", *names]
    rows = [
        (
            *(trial.number, trial.kind, trial.suggestion, trial.state),
            *(wording.score(trial.score), _count(trial.solved_at)),
            *(
                wording.value(trial.hyperparameters[name]) if name in trial.hyperparameters else "-"
                for name in names
            ),
            *(_count(trial.steps), f"{trial.seconds:.1f}", trial.attempts, trial.seed),
            trial.worker or "-",
            wording.first_line(trial.error or ""),
        )
        for trial in trials
    ]
    return table(
        "Every trial; the winner's agent in bold",
        (
            *("trial", "kind", "suggestion", "state", "score", "solved at", *names),
            *("steps", "seconds", "attempts", "seed", "worker", "error"),
        ),
        rows,
        numbers=numbers,
        marked=[best is not None and trial.number == best.number for trial in trials],
    )


def curve_table(points: Sequence[MeanPoint]) -> Markup:
    """The winner's mean curve."""
    return table(
        "The winner's mean score by step, with its 95 % interval",
        ("step", "mean", "low", "high", "seeds"),
        (
            (
                f"{point.step:,}",
                wording.score(point.mean),
                wording.score(None if point.half is None else point.mean - point.half),
                wording.score(None if point.half is None else point.mean + point.half),
                point.n,
            )
            for point in points
        ),
        numbers=("step", "mean", "low", "high", "seeds"),
    )


def importance_table(found: Importance) -> Markup:
    """The shares of variance."""
    shares = sorted(found.shares, key=lambda share: -share.total)
    return table(
        "Share of the score's variance over the search space",
        ("hyperparameter", "by itself", "with its interactions", "95 % low", "95 % high"),
        (
            (one.name, *(f"{part:.2f}" for part in (one.alone, one.total, one.low, one.high)))
            for one in shares
        ),
        numbers=("by itself", "with its interactions", "95 % low", "95 % high"),
    )


def stints_table(stints: Sequence[Stint]) -> Markup:
    """A row per attempt."""
    first = min((stint.started for stint in stints), default=0.0)
    return table(
        "Every attempt, by when it began",
        ("trial", "attempt", "worker", "machine", "began after", "took", "ended"),
        (
            (
                *(stint.trial, stint.attempt, stint.worker or "-", stint.machine or "-"),
                wording.duration(stint.started - first),
                wording.duration(stint.ended - stint.started)
                + ("" if stint.is_end_known else " at most"),
                "under way" if stint.group == "running" else stint.outcome or "nobody knows how",
            )
            for stint in stints
        ),
        numbers=("trial", "attempt", "began after", "took"),
    )


def contenders_table(contenders: Sequence[Contender]) -> Markup:
    """A row per suggestion that was trained on several seeds."""
    rows = []
    for one in contenders:
        found = interquartile_mean({"": one.scores})
        rows.append(
            (
                *(one.suggestion, one.kind, f"{len(one.scores)} of {len(one.trials)}"),
                wording.score(sum(one.scores) / len(one.scores)),
                wording.spanned(found.value, found.low, found.high),
                ", ".join(map(wording.score, one.scores)),
                wording.hyperparameters(one.hyperparameters),
            )
        )
    return table(
        "What was trained on several seeds; the winner in bold",
        (
            *("suggestion", "trials", "completed", "mean", "IQM [95 %]"),
            *("scores", "hyperparameters"),
        ),
        rows,
        numbers=("suggestion", "completed", "mean", "IQM [95 %]"),
        marked=[one.is_winner for one in contenders],
    )


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
