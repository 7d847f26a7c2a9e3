"""What `amc watch` draws on a terminal: standing, best, time left, the workers and the trials.

Its door is `Screen`, which remembers between two looks what would be dear to find anew.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from amc.cli.at_work import AtWork
from amc.cli.glyphs import Glyphs
from amc.cli.overview import AT_WORK, Overview, best_of
from amc.cli.rank_correlation import importance
from amc.cli.remaining import remaining
from amc.cli.running_curves import RunningCurves
from amc.cli.speeds import Speeds
from amc.cli.trials_table import TrialsTable
from amc.cli.waiting import waits_for
from amc.cli.workers_table import WorkersTable
from amc.trial_status import TrialStatus

_LOOK_AT_WORKERS_EVERY_S = 1.0
_BAR = 20


class Screen:
    """Draws an experiment again and again.

    Args:
        directory: the experiment's.
    """

    def __init__(self, directory: Path) -> None:
        self._curves, self._speeds = RunningCurves(directory), Speeds()
        self._at_work = AtWork()
        self._look_at = 0.0
        self._weights: Mapping[str, float] = {}
        self._weighed: tuple[object, ...] = ()

    @property
    def at_work(self) -> AtWork:
        """Who trains what, not older than a second."""
        now = time.monotonic()
        if now >= self._look_at:
            self._at_work, self._look_at = AtWork.now(), now + _LOOK_AT_WORKERS_EVERY_S
        return self._at_work

    def draw(self, overview: Overview, console: Console) -> RenderableType:
        """As much as the console is high, less a line for the prompt."""
        speeds = self.speeds(overview)
        overview = self.up_to_date(overview)
        head = _head(overview, console, self.at_work, speeds)
        lines = console.height - 1
        parts: list[RenderableType] = [head]
        if overview.states.get("running") or overview.state == "running":
            rows = max(1, min(len(self.at_work.workers) or lines, lines // 3))
            parts.append(WorkersTable(overview, self.at_work, self._curves.of, speeds, rows))
        left = lines - len(console.render_lines(Group(*parts)))
        table = self._table(overview, console, left)
        return Group(*parts, *([table] if table else []))

    def speeds(self, overview: Overview) -> Mapping[int, float]:
        """Steps per second of running trials, where they are known."""
        return self._speeds.update(overview)

    def up_to_date(self, overview: Overview) -> Overview:
        """The same, with running and paused trials at least as far as they were evaluated.

        A worker tells every three seconds only, and of what is paused nobody does.
        """
        trials = tuple(
            self._evaluated(one) if one.state in AT_WORK and one.attempts else one
            for one in overview.trials
        )
        return replace(overview, trials=trials)

    def _evaluated(self, trial: TrialStatus) -> TrialStatus:
        curve = self._curves.of(trial.number)
        return replace(trial, steps=max(trial.steps, curve[-1].step)) if curve else trial

    def workers(self, overview: Overview, max_rows: int) -> WorkersTable:
        """The workers at one moment."""
        return WorkersTable(
            overview, self.at_work, self._curves.of, self.speeds(overview), max_rows
        )

    def _table(self, overview: Overview, console: Console, lines: int) -> RenderableType | None:
        """As many trials as there is room for, what stands around them included."""
        weights = self._weights_of(overview)
        # The blank line, two of headers and their rule.
        rows = min(lines - 4, len(overview.trials))
        while rows > 0:
            table = Group(Text(""), TrialsTable(overview, rows, weights, is_brief=True))
            excess = len(console.render_lines(table)) - lines
            if excess <= 0:
                return table
            rows -= excess
        return None

    def _weights_of(self, overview: Overview) -> Mapping[str, float]:
        ended = sum(count for state, count in overview.states.items() if state not in AT_WORK)
        if self._weighed != (key := (overview.id, ended)):
            self._weights = importance(overview.trials, overview.searched)
            self._weighed = key
        return self._weights


def _head(
    overview: Overview, console: Console, at_work: AtWork, speeds: Mapping[int, float]
) -> Text:
    """Three lines, none of which wraps: how it stands, how much is done, what it waits for."""
    glyphs, width = Glyphs.of(console), console.width
    standing = f": {overview.standing}"
    name = glyphs.shortened_id(overview.id, max(12, width - len(standing)))
    share = overview.n_ended / max(1, overview.n_planned)
    done = f"{glyphs.bar(share, _BAR)} {share:4.0%}"
    if overview.best is not None:
        done += f"  best {best_of(overview.best)}"
    found = Text(glyphs.shortened(name + standing, width), style="bold")
    found.append("\n" + glyphs.shortened(done, width), style="not bold")
    reason = waits_for(overview, at_work)
    if reason is not None:
        found.append("\n" + glyphs.shortened(reason, width), style="not bold yellow")
    elif overview.state == "running":
        left = remaining(overview, at_work.at(overview.id), speeds)
        found.append("\n" + glyphs.shortened(f"time left: {left}", width), style="not bold")
    return found
