"""How far a training in this process is: a bar on a terminal, a line per evaluation elsewhere.

Without evaluations there is a line per checkpoint.

Its door is `progress`. Everything goes to standard error.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from amc.cli.output import console, note

if TYPE_CHECKING:
    from amc.training.curve import Evaluation

_REFRESH_EVERY_S = 0.2


@dataclass(frozen=True)
class Hooks:
    """Where a training tells how it goes: hooks for its context."""

    mark: Callable[[str, int], None]
    evaluation: Callable[["Evaluation"], None]


@contextmanager
def progress(total_timesteps: int, *, evaluates: bool = True) -> Iterator[Hooks]:
    """Show how far a training is while the block runs."""
    view = console(stderr=True)
    if not view.is_terminal:
        lines = _Lines(total_timesteps)
        yield Hooks(_ignore if evaluates else lines.mark, lines.evaluation)
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} steps"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[score]}"),
        console=view,
        auto_refresh=False,
    )
    with bar:
        shown = _Bar(bar, total_timesteps)
        yield Hooks(shown.mark, shown.evaluation)


def _ignore(kind: str, steps: int) -> None:
    pass


class _Lines:
    def __init__(self, total_timesteps: int) -> None:
        self._total = total_timesteps

    def mark(self, kind: str, steps: int) -> None:
        if kind == "save":
            note(f"step {steps}/{self._total}  saved")

    def evaluation(self, evaluation: "Evaluation") -> None:
        note(f"step {evaluation.step}/{self._total}  {_score(evaluation)}")


class _Bar:
    """Redraws by itself, some times a second: marks come thousands of times a second."""

    def __init__(self, bar: Progress, total_timesteps: int) -> None:
        self._bar = bar
        self._task = bar.add_task("set-up", total=total_timesteps, score="")
        self._refresh_at = 0.0

    def mark(self, kind: str, steps: int) -> None:
        now = time.monotonic()
        if now >= self._refresh_at:
            self._refresh_at = now + _REFRESH_EVERY_S
            self._bar.update(self._task, description=kind, completed=steps, refresh=True)

    def evaluation(self, evaluation: "Evaluation") -> None:
        self._bar.update(
            self._task, completed=evaluation.step, score=_score(evaluation), refresh=True
        )


def _score(evaluation: "Evaluation") -> str:
    cut = f", {evaluation.cut} episodes cut off" if evaluation.cut else ""
    spread = f" ± {evaluation.std:.1f}" if evaluation.episodes else ""
    return f"score {evaluation.score:.1f}{spread}{cut}"
