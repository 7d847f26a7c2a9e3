"""Who worked when: a lane per worker, attempts as bars by how they ended. Its door is `draw`."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.ticker import MaxNLocator

from amc.reports.figures import canvas
from amc.reports.stints import Stint

_BAR = 0.7
_LANE = 0.32
_INTERRUPTED = "////"
_GROUPS = {
    "result": ("ended with a result", canvas.BLUE, ""),
    "own doing": ("failed", canvas.RED, ""),
    "interruption": ("interrupted", canvas.ORANGE, _INTERRUPTED),
    "running": ("under way", canvas.GREEN, "\\\\"),
}
# Unit of the axis by the length of the whole, seconds.
_UNITS = ((3 * 86400, 86400, "days"), (3 * 3600, 3600, "hours"), (180, 60, "minutes"))


def draw(stints: Sequence[Stint]) -> canvas.Picture:
    """The timeline of an experiment's attempts.

    Args:
        stints: the attempts, in any order.
    """
    if not stints:
        return canvas.sentence("No attempt was recorded.")
    lanes = lanes_of(stints)
    first = min(stint.started for stint in stints)
    length = max(stint.ended for stint in stints) - first
    unit, name = next(
        ((unit, name) for least, unit, name in _UNITS if length >= least), (1, "seconds")
    )
    picture = canvas.Picture(canvas.FULL, 1.1 + _LANE * max(2, len(lanes)))
    axes = picture.add_subplot()
    canvas.dress(axes, x=f"{name} since the first attempt", grid="x")
    for group, look in _GROUPS.items():
        own = [stint for stint in stints if stint.group == group]
        _bars(axes, own, lanes, (first, unit), look, len(stints))
    axes.set_yticks(range(len(lanes)), list(lanes))
    axes.set_ylim(len(lanes) - 0.4, -0.6)
    axes.set_xlim(0.0, max(length / unit, 1e-9) * 1.01)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7))
    axes.tick_params(axis="y", length=0)
    canvas.legend(axes, columns=4)
    return picture


def lanes_of(stints: Sequence[Stint]) -> dict[str, int]:
    """The workers and the row of each; with their machine where there is more than one."""
    names = {(stint.machine, stint.worker): stint for stint in stints}
    has_machines = len({machine for machine, _ in names}) > 1
    found = sorted({_lane(stint, has_machines) for stint in names.values()}, key=_in_number_order)
    return {name: row for row, name in enumerate(found)}


def _lane(stint: Stint, has_machines: bool) -> str:
    worker = stint.worker or "unknown"
    return f"{stint.machine}: {worker}" if has_machines and stint.machine else worker


def _in_number_order(name: str) -> tuple[str, int]:
    word, _, number = name.rpartition("-")
    return (word, int(number)) if number.isdecimal() else (name, 0)


def _bars(
    axes: Axes,
    stints: Sequence[Stint],
    lanes: dict[str, int],
    scale: tuple[float, float],
    look: tuple[str, str, str],
    n_in_all: int,
) -> None:
    if not stints:
        return
    (first, unit), (label, color, hatch) = scale, look
    has_machines = any(": " in lane for lane in lanes)
    spans = [
        (
            lanes[_lane(stint, has_machines)],
            (stint.started - first) / unit,
            (stint.ended - first) / unit,
        )
        for stint in stints
    ]
    half = _BAR / 2
    bars = PolyCollection(
        [
            ((begin, row - half), (begin, row + half), (end, row + half), (end, row - half))
            for row, begin, end in spans
        ],
        facecolors=color,
        # A hatch tells bars apart without colors, too.
        hatch=hatch,
        edgecolors="white",
        linewidths=0.4,
        label=label,
        rasterized=n_in_all > canvas.MOST_ELEMENTS,
    )
    axes.add_collection(bars)
    if hatch == _INTERRUPTED:
        # However short it was, it is to be seen.
        ends, rows = [end for _, _, end in spans], [row for row, _, _ in spans]
        axes.plot(ends, rows, "|", color=color, markersize=13, markeredgewidth=2, clip_on=False)
