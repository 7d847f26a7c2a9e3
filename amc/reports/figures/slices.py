"""Scores along each hyperparameter, one panel each. Its door is `draw`."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from amc.config.search.dimension import Dimension
from amc.reports.figures import canvas, scales
from amc.trial_status import TrialStatus

_COLUMNS = 2
_HEIGHT = 1.9
_MANY = 300
# Width of a choice's column over which its points are spread, so that equal ones show.
_JITTER = 0.5


def draw(
    trials: Sequence[TrialStatus], space: Mapping[str, Dimension], best: TrialStatus | None = None
) -> canvas.Picture:
    """The score of each trial of the search over each of its hyperparameters.

    Args:
        trials: in number order.
        space: the search space.
        best: the trial that is marked; None for none.
    """
    searched = [one for one in trials if one.kind == "search" and one.score is not None]
    names = [name for name, dimension in space.items() if not dimension.is_constant]
    if not names:
        return canvas.sentence("Nothing was searched, so there is nothing to slice.")
    if not searched:
        return canvas.sentence("No trial of the search has a score yet.")
    rows = -(-len(names) // _COLUMNS)
    picture = canvas.Picture(canvas.COLUMN, 0.4 + _HEIGHT * rows)
    panels = picture.subplots(rows, min(_COLUMNS, len(names)), sharey=True, squeeze=False)
    flat = list(panels.flat)
    low, high = canvas.limits(one.score for one in searched if one.score is not None)
    for axes, name in zip(flat, names, strict=False):
        canvas.dress(axes, x=name, grid="both")
        axes.set_ylim(low, high)
        _panel(axes, searched, (name, space[name]), best)
    for axes in flat[len(names) :]:
        axes.set_axis_off()
    for row in panels:
        row[0].set_ylabel("score", color=canvas.INK, fontsize=canvas.FONT)
    canvas.legend(flat[0])
    return picture


def _panel(
    axes: Axes,
    trials: Sequence[TrialStatus],
    named: tuple[str, Dimension],
    best: TrialStatus | None,
) -> None:
    name, dimension = named
    low = axes.get_ylim()[0]
    size = 6 if len(trials) > _MANY else 16
    for state, color, label in (
        ("completed", canvas.BLUE, "trial of the search"),
        ("halted", canvas.GRAY, "halted early"),
    ):
        found = _placed([one for one in trials if one.state == state], name, dimension)
        if found:
            numbers, places, scores = zip(*found, strict=True)
            axes.scatter(
                np.add(places, _jitter(numbers, dimension)),
                canvas.clipped(scores, low)[0],
                *(size, color),
                alpha=0.7,
                linewidths=0,
                label=label,
                rasterized=len(trials) > canvas.MOST_ELEMENTS // 4,
            )
    for _, place, _ in _placed([best] if best is not None else [], name, dimension):
        axes.axvline(place, color=canvas.ORANGE, linewidth=1.2, label="winner")
    axes.set_xlim(-0.03, 1.03)
    marks = scales.ticks(dimension)
    axes.set_xticks([at for at, _ in marks], [text for _, text in marks])


def _placed(
    trials: Sequence[TrialStatus], name: str, dimension: Dimension
) -> list[tuple[int, float, float]]:
    """Number, place and score of the trials that have a value there."""
    found = (
        (one.number, scales.place(one.hyperparameters, name, dimension), one.score)
        for one in trials
    )
    return [
        (number, place, score)
        for number, place, score in found
        if place is not None and score is not None
    ]


def _jitter(numbers: Sequence[int], dimension: Dimension) -> np.ndarray:
    """Small shifts among choices, the same each time."""
    if dimension.choices is None:
        return np.zeros(len(numbers))
    # The golden ratio's multiples spread evenly, however many there are.
    shares = np.mod(np.asarray(numbers) * 0.6180339887, 1.0) - 0.5
    return np.asarray(shares * _JITTER / len(dimension.choices))
