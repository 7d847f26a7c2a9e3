"""How much each hyperparameter mattered, with error bars. Its door is `draw`.

What the bars mean, and how they are computed, `amc.reports.sensitivity` says.
"""

from amc.reports.figures import canvas
from amc.reports.sensitivity import Importance

_BAR = 0.62


def draw(found: Importance) -> canvas.Picture:
    """The importance of the hyperparameters, the greatest first.

    Args:
        found: the shares; where there are none, the sentence that says why is drawn.
    """
    if not found.shares:
        return canvas.sentence(found.why)
    shares = sorted(found.shares, key=lambda share: share.total)
    picture = canvas.Picture(canvas.COLUMN, 0.9 + 0.42 * len(shares))
    axes = picture.add_subplot()
    canvas.dress(axes, x="share of the score's variance", grid="x")
    rows = range(len(shares))
    totals = [share.total for share in shares]
    axes.barh(
        *(rows, totals),
        height=_BAR,
        color=canvas.BLUE,
        alpha=0.4,
        label="with its interactions",
    )
    axes.barh(
        *(rows, [share.alone for share in shares]),
        height=_BAR / 2,
        color=canvas.BLUE,
        label="by itself",
    )
    low = [share.total - share.low for share in shares]
    high = [share.high - share.total for share in shares]
    axes.errorbar(
        *(totals, rows),
        xerr=(low, high),
        fmt="none",
        ecolor=canvas.ORANGE,
        elinewidth=1.4,
        capsize=3,
        label="95 %",
    )
    axes.set_yticks(rows, [share.name for share in shares])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlim(0.0, max(1.0, *(share.high for share in shares)))
    canvas.legend(axes)
    return picture
