"""The table of `amc ls`. Its door is `ExperimentsTable`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult

from amc.cli import formatting
from amc.cli.aligning import at_the_point
from amc.cli.fitted import ALWAYS, GAP, Field, fit
from amc.cli.glyphs import Glyphs
from amc.cli.overview import Summary, mean_of, seeds_of
from amc.cli.styles import styled

ExperimentRow = tuple[Summary, str, float | None]
"""What is shown, what it trains, and when it was created (Unix time); None if that is unknown."""

_CREATED, _TRAINS, _SOLVED, _SEEDS = 1.0, 2.0, 1.5, 1.8
# An id is typed again, of which a unique beginning is enough: beside what came of it, it gives way.
_SHORTEST_ID = 12


@dataclass(frozen=True)
class ExperimentsTable:
    """A row per experiment, also of those that cannot be read; what does not fit is left out."""

    rows: Sequence[ExperimentRow]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for a width."""
        glyphs, fields = Glyphs.of(console), list(self._fields())
        room = options.max_width - sum(one.width + GAP for one in fields if one.weight == ALWAYS)
        ids = [summary.id for summary, _, _ in self.rows]
        short = [glyphs.shortened_id(one, max(_SHORTEST_ID, room)) for one in ids]
        every = [Field("experiment", short), *fields]
        yield from fit(every, options.max_width, rule=glyphs.empty)[0]

    def _fields(self) -> Iterator[Field]:
        summaries = [summary for summary, _, _ in self.rows]
        best = [summary.best for summary in summaries]
        yield Field("state", [styled(one.state) for one in summaries])
        counts = [
            "-" if created is None else f"{one.n_ended}/{one.n_planned}"
            for one, _, created in self.rows
        ]
        yield Field("trials", counts, is_right=True)
        yield Field("best", at_the_point(["-" if one is None else mean_of(one) for one in best]))
        # Where none is solved, or nothing was tried on several seeds, a column tells nothing.
        seeds = ["-" if one is None else seeds_of(one) or "-" for one in best]
        if any(text != "-" for text in seeds):
            yield Field("mean of", seeds, _SEEDS)
        steps = [None if one is None else one.solved_at for one in best]
        if any(step is not None for step in steps):
            texts = ["-" if one is None else f"{one:,}" for one in steps]
            yield Field("solved at", texts, _SOLVED, is_right=True)
        yield Field("trains", [trains for _, trains, _ in self.rows], _TRAINS)
        moments = [created for _, _, created in self.rows]
        texts = ["-" if one is None else formatting.moment(one) for one in moments]
        yield Field("created", texts, _CREATED)
