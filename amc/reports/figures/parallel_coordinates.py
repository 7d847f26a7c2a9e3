"""Every trial of the search as a line over all hyperparameters and its score. Its door is `draw`.

Axes are of the same length, scaled as they were searched. A trial without one of the
hyperparameters, whose condition did not hold, passes below its axis.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from amc.config.search.dimension import Dimension
from amc.reports.figures import canvas, scales
from amc.trial_status import TrialStatus

_ABSENT = -0.12
_BEST_SHARE = 0.1
_MANY = 150


def draw(
    trials: Sequence[TrialStatus], space: Mapping[str, Dimension], best: TrialStatus | None = None
) -> canvas.Picture:
    """The parallel coordinates of a search.

    Args:
        trials: in number order.
        space: the search space.
        best: the trial whose line is marked; None for none.
    """
    searched = [one for one in trials if one.kind == "search" and one.score is not None]
    axes_of = {name: one for name, one in space.items() if not one.is_constant}
    if not axes_of:
        return canvas.sentence("Nothing was searched, so there are no coordinates.")
    if not searched:
        return canvas.sentence("No trial of the search has a score yet.")
    picture = canvas.Picture(canvas.FULL, 3.6)
    axes = picture.add_subplot()
    low, high = canvas.limits(one.score for one in searched if one.score is not None)
    ranked = sorted(searched, key=lambda one: (one.score or 0.0, -one.number))
    n_best = max(1, round(_BEST_SHARE * len(ranked)))
    for group, color, width, alpha, label in (
        (ranked[:-n_best], canvas.GRAY, 0.7, 0.35, "trials of the search"),
        (ranked[-n_best:], canvas.BLUE, 1.1, max(0.3, 0.9 - n_best / 150), "best tenth"),
        ([best] if best is not None else [], canvas.ORANGE, 2.2, 1.0, "winner"),
    ):
        lines = [_line(one, axes_of, (low, high)) for one in group]
        if lines:
            collection = LineCollection(
                lines, colors=color, linewidths=width, alpha=alpha, label=label
            )
            collection.set_rasterized(len(lines) > _MANY)
            axes.add_collection(collection)
    some_are_absent = any(name not in one.hyperparameters for one in ranked for name in axes_of)
    axes.set_ylim((_ABSENT if some_are_absent else 0.0) - 0.2, 1.05)
    _frame(axes, axes_of, (low, high))
    canvas.legend(axes)
    return picture


def _line(
    trial: TrialStatus, space: Mapping[str, Dimension], limits: tuple[float, float]
) -> np.ndarray:
    low, high = limits
    heights = [_height(trial, name, dimension) for name, dimension in space.items()]
    score = max(trial.score if trial.score is not None else low, low)
    return np.column_stack([range(len(heights) + 1), [*heights, (score - low) / (high - low)]])


def _height(trial: TrialStatus, name: str, dimension: Dimension) -> float:
    place = scales.place(trial.hyperparameters, name, dimension)
    return _ABSENT if place is None else place


def _frame(axes: Axes, space: Mapping[str, Dimension], limits: tuple[float, float]) -> None:
    low, high = limits
    axes.set_axis_off()
    axes.set_xlim(-0.35, len(space) + 0.35)
    below = axes.get_ylim()[0]
    scores = [((at - low) / (high - low), text) for at, text in canvas.even_ticks(low, high)]
    columns = [(name, scales.ticks(dimension)) for name, dimension in space.items()]
    for index, (name, marks) in enumerate([*columns, ("score", scores)]):
        axes.plot((index, index), (0, 1), color=canvas.MUTED, linewidth=0.9)
        # Names of neighbors stand at two heights, so that long ones do not meet.
        axes.text(
            *(index, below + 0.12 - 0.09 * (index % 2), name),
            ha="center",
            va="top",
            color=canvas.INK,
            fontsize=canvas.FONT,
        )
        for at, text in marks:
            axes.plot((index - 0.02, index), (at, at), color=canvas.MUTED, linewidth=0.8)
            axes.text(
                *(index - 0.04, at, text),
                ha="right",
                va="center",
                color=canvas.INK,
                fontsize=canvas.FONT - 1,
            )
