"""Small pictures of numbers: curves in a line of blocks, bars, and where a text was cut.

In Unicode, or in ASCII where the encoding of the stream has no more. Its door is `Glyphs`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import cell_len, set_cell_size
from rich.console import Console


@dataclass(frozen=True)
class Glyphs:
    """What to draw with.

    Attributes:
        levels: from the lowest to the highest.
        full: of a bar, where it is done.
        empty: of a bar, where it is not; and what rules are made of.
        cut: stands where a text was cut.
    """

    levels: str
    full: str
    empty: str
    cut: str

    @classmethod
    def of(cls, console: Console) -> "Glyphs":
        """Those that a console can show."""
        return UNICODE if console.encoding.lower().startswith("utf") else ASCII

    def sparkline(self, values: Sequence[float], width: int) -> str:
        """The curve of some values, the last one on the right; of many the mean of neighbours.

        From the lowest level at their minimum to the highest at their maximum; in the middle where
        all are the same.
        """
        means = _means(values, width)
        if not means:
            return ""
        low, high = min(means), max(means)
        top = len(self.levels) - 1
        if not high > low:
            return self.levels[top // 2] * len(means)
        # Halved, because the difference of two finite numbers may be none.
        half = high / 2 - low / 2
        return "".join(self.levels[round((one / 2 - low / 2) / half * top)] for one in means)

    def bar(self, share: float, width: int) -> str:
        """A bar of that width; `share` is from 0 to 1."""
        done = round(min(1.0, max(0.0, share)) * width)
        return self.full * done + self.empty * (width - done)

    def shortened(self, text: str, width: int) -> str:
        """A text in at most so many cells, its end cut if it is longer."""
        if cell_len(text) <= width:
            return text
        return set_cell_size(text, max(0, width - cell_len(self.cut))) + self.cut

    def shortened_id(self, experiment: str, width: int) -> str:
        """An experiment's id in at most so many cells; what is cut is not the number at its end."""
        name, dash, number = experiment.rpartition("-")
        if cell_len(experiment) <= width or not dash:
            return self.shortened(experiment, width)
        tail = f"{self.cut}-{number}"
        return set_cell_size(name, max(1, width - cell_len(tail))) + tail


UNICODE = Glyphs("▁▂▃▄▅▆▇█", "━", "─", "…")
ASCII = Glyphs("_.-=+*#", "#", "-", "...")


def _means(values: Sequence[float], width: int) -> list[float]:
    count = min(len(values), width)
    edges = [round(index * len(values) / count) for index in range(count + 1)] if count else []
    pairs = pairwise(edges)
    # The sum of finite numbers may be none.
    return [sum(one / (high - low) for one in values[low:high]) for low, high in pairs]
