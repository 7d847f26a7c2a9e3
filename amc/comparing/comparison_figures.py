"""The figures of a comparison: curves, intervals, performance profiles.

Its doors are `curves`, `intervals` and `profiles`; each makes a figure of plain data.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from amc.comparing.verdicts import Comparison
from amc.inference import performance_profile
from amc.reports.figures import canvas
from amc.reports.figures.learning_curves import mean_curve

_COLORS = (canvas.BLUE, canvas.ORANGE, canvas.GREEN, canvas.PURPLE, canvas.RED, canvas.GRAY)
# Told apart in black and white, too.
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1)))
_THRESHOLDS = 201


def curves(comparison: Comparison, task: str, *, width: float = canvas.COLUMN) -> canvas.Picture:
    """Mean scores over the steps of training, with the 95 % interval of each mean.

    Args:
        comparison: what was found.
        task: in which environment.
        width: of the figure, inches.
    """
    picture = canvas.Picture(width)
    axes = picture.add_subplot()
    canvas.dress(axes, x="environment steps", y="score")
    if comparison.threshold is not None:
        axes.axhline(comparison.threshold, color=canvas.MUTED, linewidth=0.9, linestyle=":")
    shown: list[float] = []
    for index, entrant in enumerate(comparison.entrants):
        points = mean_curve([run.curve for run in entrant.runs[task]])
        steps, means = [one.step for one in points], [one.mean for one in points]
        halves = [one.half or 0.0 for one in points]
        ends = list(zip(means, halves, strict=True))
        low, high = [mean - half for mean, half in ends], [mean + half for mean, half in ends]
        axes.fill_between(steps, low, high, color=_color(index), alpha=0.18, linewidth=0)
        axes.plot(steps, means, label=entrant.name, **_line(index))
        shown += means
    axes.set_ylim(*canvas.limits(shown))
    axes.xaxis.set_major_formatter(lambda step, _: canvas.steps(step))
    canvas.legend(axes, columns=2)
    return picture


def intervals(comparison: Comparison, *, width: float = canvas.COLUMN) -> canvas.Picture:
    """The interquartile mean of each with its interval, and the scores that it is of."""
    rows = comparison.rows
    picture = canvas.Picture(width, 0.8 + 0.4 * len(rows))
    axes = picture.add_subplot()
    canvas.dress(axes, x=f"interquartile mean of {_what(comparison)}", grid="x")
    for index, (row, scores) in enumerate(zip(rows, comparison.scores, strict=True)):
        every = [score for own in scores.values() for score in own]
        axes.plot(every, [index] * len(every), "|", color=canvas.MUTED, markersize=9)
        if row.iqm.low is not None and row.iqm.high is not None:
            axes.plot([row.iqm.low, row.iqm.high], [index] * 2, color=_color(index), linewidth=5)
        axes.plot([row.iqm.value], [index], "o", color=canvas.INK, markersize=4)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    return picture


def profiles(comparison: Comparison, *, width: float = canvas.COLUMN) -> canvas.Picture:
    """The share of runs that score higher than each value, with its interval."""
    picture = canvas.Picture(width)
    axes = picture.add_subplot()
    canvas.dress(axes, x=_what(comparison), y="share of runs above it")
    every = [score for scores in comparison.scores for own in scores.values() for score in own]
    thresholds = np.linspace(*_widened(every), _THRESHOLDS)
    for index, (entrant, scores) in enumerate(
        zip(comparison.entrants, comparison.scores, strict=True)
    ):
        share, low, high = performance_profile(scores, thresholds)
        axes.fill_between(thresholds, low, high, color=_color(index), alpha=0.15, linewidth=0)
        axes.plot(thresholds, share, label=entrant.name, **_line(index))
    _as_share(axes)
    canvas.legend(axes, columns=2)
    return picture


def _color(index: int) -> str:
    return _COLORS[index % len(_COLORS)]


def _line(index: int) -> dict[str, Any]:
    return {"color": _color(index), "linestyle": _DASHES[index % len(_DASHES)], "linewidth": 1.6}


def _what(comparison: Comparison) -> str:
    return "score" if len(comparison.tasks) == 1 else "normalised score"


def _widened(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.03 * (high - low) or 0.5
    return low - margin, high + margin


def _as_share(axes: Axes) -> None:
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks([0.0, 0.5, 1.0])
