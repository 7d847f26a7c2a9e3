"""How trials learnt: the winner's curves with their mean and band, the others faint.

Its doors are `draw` and `mean_curve`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from amc.ledger.interval import half_width
from amc.reports.figures import canvas

Points = Sequence[tuple[int, float]]
"""Step and score of a trial's evaluations."""


@dataclass(frozen=True)
class MeanPoint:
    """The mean of several curves at one step.

    Attributes:
        step: environment steps.
        mean: of the scores there.
        half: half the width of its 95 % interval; None for a single curve.
        n: how many curves.
    """

    step: int
    mean: float
    half: float | None
    n: int


def mean_curve(curves: Sequence[Points]) -> list[MeanPoint]:
    """The mean of curves with its 95 % interval (Student's t), as far as all of them go.

    At a step where one of them was not evaluated it counts as on the straight line between its
    neighbors: evaluations wait for the end of an iteration, so steps differ a little.
    """
    curves = [curve for curve in curves if curve]
    if not curves:
        return []
    first = max(curve[0][0] for curve in curves)
    last = min(curve[-1][0] for curve in curves)
    steps = sorted({step for curve in curves for step, _ in curve if first <= step <= last})
    rows = [
        np.interp(steps, [step for step, _ in curve], [score for _, score in curve]).tolist()
        for curve in curves
    ]
    return [_mean_point(step, scores) for step, *scores in zip(steps, *rows, strict=True)]


def _mean_point(step: int, scores: Sequence[float]) -> MeanPoint:
    n, half = len(scores), None
    if n > 1:
        half = half_width(stdev(scores) / n**0.5, n)
    return MeanPoint(step, fmean(scores), half, n)


def draw(
    curves: Mapping[int, Points], winners: Sequence[int] = (), *, threshold: float | None = None
) -> canvas.Picture:
    """The learning curves.

    Args:
        curves: of each trial, by its number.
        winners: the trials that say what the winner is worth.
        threshold: the mean return at which the task counts as solved; None draws no line.
    """
    others = [curve for number, curve in curves.items() if curve and number not in winners]
    chosen = [curves[number] for number in winners if curves.get(number)]
    if not others and not chosen:
        return canvas.sentence("No trial was evaluated yet.")
    picture = canvas.Picture()
    axes = picture.add_subplot()
    canvas.dress(axes, x="environment steps", y="score")
    _faint(axes, others)
    if threshold is not None:
        axes.axhline(threshold, color=canvas.MUTED, linewidth=0.9, linestyle=":", label="solved")
    _winner(axes, chosen)
    axes.autoscale_view()
    scores = [score for curve in (*others, *chosen) for _, score in curve]
    axes.set_ylim(*canvas.limits([*scores, *([] if threshold is None else [threshold])]))
    axes.xaxis.set_major_formatter(lambda step, _: canvas.steps(step))
    canvas.legend(axes, columns=2)
    return picture


def _faint(axes: Axes, curves: Sequence[Points]) -> None:
    points = sum(map(len, curves))
    lines = LineCollection(
        [np.asarray(curve, dtype=np.float64) for curve in curves],
        colors=canvas.GRAY,
        linewidths=0.7,
        # Of a thousand lines each must be fainter than of ten, or they are one blot.
        alpha=float(np.clip(6.0 / (len(curves) or 1), 0.06, 0.45)),
        rasterized=points > canvas.MOST_ELEMENTS,
        label="other trials" if curves else "",
    )
    axes.add_collection(lines)


def _winner(axes: Axes, curves: Sequence[Points]) -> None:
    mean = mean_curve(curves)
    if not mean:
        return
    steps = [point.step for point in mean]
    name = f"mean of {len(curves)} seeds" if len(curves) > 1 else "best trial"
    if len(curves) > 1:
        for curve in curves:
            axes.plot(*zip(*curve, strict=True), color=canvas.ORANGE, linewidth=0.6, alpha=0.6)
        low = [point.mean - (point.half or 0.0) for point in mean]
        high = [point.mean + (point.half or 0.0) for point in mean]
        axes.fill_between(
            *(steps, low, high),
            color=canvas.ORANGE,
            alpha=0.2,
            linewidth=0,
            label="its 95 % interval",
        )
    means = [point.mean for point in mean]
    mark = "o" if len(mean) == 1 else ""
    axes.plot(steps, means, color=canvas.ORANGE, linewidth=1.8, marker=mark, label=name)
