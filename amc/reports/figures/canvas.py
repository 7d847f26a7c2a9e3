"""What all figures have in common: size, colours, what an axis looks like, and how they are saved.

The colours stand out from white and from a dark page alike. Ink, lines and grid have colours of
their own, which `amc.reports.svg` replaces by those of the page.
"""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

INK, MUTED, LINE = "#1f2329", "#6b7480", "#d3d9e0"
BLUE, ORANGE, GREEN, RED, PURPLE, GRAY = (
    *("#3b82c4", "#d9822b", "#2e9e6b", "#d64550", "#9a6dd7", "#8b949e"),
)
# A page beside others, and one that has the page's whole width; inches.
COLUMN, FULL = 5.2, 9.0
FONT = 10.0
# Beyond so many elements a figure is kept as pixels: a browser draws each element of an SVG.
MOST_ELEMENTS = 2500
PIXELS = 120
# The same figure is the same file, whenever it is written.
_UNDATED: dict[str, dict[str, Any]] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
# A score further below the others than this many of their quartile distances stands at the edge.
_FENCE = 6.0


class Picture(Figure):
    """A figure that a notebook shows as it is; it stands for itself, apart from pyplot."""

    def __init__(self, width: float = COLUMN, height: float = 3.2) -> None:
        # Where two panels stand side by side, the ends of their axes' labels must not meet.
        layout = ConstrainedLayoutEngine(wspace=0.06)
        super().__init__(figsize=(width, height), layout=layout, facecolor="white")

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=110)
        return file.getvalue()


def dress(axes: Axes, *, x: str = "", y: str = "", grid: str = "y") -> None:
    """Give axes the house's look, and say what they measure.

    Args:
        axes: of a figure.
        x: what runs to the right, with its unit.
        y: what runs upwards, with its unit.
        grid: `x`, `y`, `both` or nothing.
    """
    axes.set_facecolor("none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    axes.tick_params(colors=INK, labelsize=FONT, length=3, width=0.8, color=MUTED)
    axes.set_xlabel(x, color=INK, fontsize=FONT)
    axes.set_ylabel(y, color=INK, fontsize=FONT)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=LINE, linewidth=0.6)  # type: ignore[arg-type]


def whole_numbers(axes: Axes, axis: str) -> None:
    """Ticks of an axis at whole numbers alone."""
    chosen: Any = axes.xaxis if axis == "x" else axes.yaxis
    chosen.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))


def legend(axes: Axes, *, columns: int = 4) -> None:
    """A legend above the axes, where it covers nothing; none if nothing has a name."""
    handles, names = axes.get_legend_handles_labels()
    if handles:
        shown = axes.figure.legend(
            handles,
            names,
            loc="outside upper left",
            ncols=columns,
            frameon=False,
            fontsize=FONT,
            labelcolor=INK,
            handlelength=1.4,
            columnspacing=1.2,
        )
        for handle in shown.legend_handles:
            if isinstance(handle, Line2D):
                handle.set_alpha(0.9)  # many lines are faint, and a single one would not be seen


def note(axes: Axes, text: str, *, at: tuple[float, float] = (1.0, 0.0)) -> None:
    """A remark in small letters, by default in the lower right corner; `at` in axes' widths."""
    axes.text(
        *at,
        text,
        transform=axes.transAxes,
        ha="right" if at[0] > 0.5 else "left",
        va="bottom" if at[1] < 0.5 else "top",
        color=MUTED,
        fontsize=FONT - 1,
    )


def even_ticks(low: float, high: float, count: int = 5) -> list[tuple[float, str]]:
    """Round values between two bounds, and how each is written."""
    values = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [(float(value), f"{value:.6g}") for value in values if low <= value <= high]


def sentence(text: str, *, width: float = COLUMN) -> Picture:
    """In place of a figure: why there is none."""
    picture = Picture(width, 1.1)
    axes = picture.add_subplot()
    axes.set_axis_off()
    axes.text(0.0, 0.5, text, wrap=True, va="center", color=INK, fontsize=FONT)
    return picture


def limits(scores: Iterable[float]) -> tuple[float, float]:
    """The range of scores that a figure shows: all, unless a few lie far below the others."""
    known = np.asarray([score for score in scores if np.isfinite(score)], dtype=np.float64)
    if not len(known):
        return 0.0, 1.0
    lower, upper = np.percentile(known, [25, 75])
    low, high = float(known.min()), float(known.max())
    if upper > lower:
        low = max(low, float(lower - _FENCE * (upper - lower)))
    margin = 0.06 * (high - low) or 0.06 * abs(high) or 0.5
    return low - margin, high + margin


def clipped(scores: Sequence[float], low: float) -> tuple[list[float], int]:
    """Scores with those below the limit raised to it, and how many these are."""
    return [max(score, low) for score in scores], sum(score < low for score in scores)


def save(figure: Figure, path: Path, *, dpi: int = PIXELS) -> None:
    """Write a figure; the file's ending says as what. Texts stay texts.

    Args:
        figure: any.
        path: ending with `.png`, `.svg` or `.pdf`.
        dpi: pixels an inch, of what is kept as pixels.
    """
    # A PDF's Type 42 fonts can be searched and edited, and journals take no Type 3.
    with rc_context({"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": path.stem}):
        figure.savefig(path, dpi=dpi, metadata=_UNDATED.get(path.suffix.lower()))


def steps(step: float) -> str:
    """`25k`, `1.5M`."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(step) >= unit:
            return f"{step / unit:g}{name}"
    return f"{step:g}"
