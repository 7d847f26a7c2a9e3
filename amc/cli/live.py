"""Following an experiment: a table that moves on a terminal, a line per change on a pipe.

Its door is `follow`.
"""

from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from amc.cli.interruption import ask_again
from amc.cli.overview import Overview, changes
from amc.cli.tables import trials_table
from amc.experiment_view import Experiment

# Headline, the table's head and its caption, and the prompt's line.
_LINES_AROUND_THE_TABLE = 7


def follow(
    experiment: Experiment,
    console: Console,
    *,
    timeout_s: float | None = None,
    at_each_look: Callable[[], None] = lambda: None,
) -> str:
    """Show an experiment until it ends.

    Args:
        experiment: what to follow.
        console: where to show it; a terminal gets a table, anything else lines.
        timeout_s: give up after so many seconds; None waits for ever.
        at_each_look: called some times a second.

    Returns:
        The state in which it ended.

    Raises:
        TimeoutError: it was not finished in time; it goes on.
    """
    lines = _Lines(console)

    def look() -> None:
        ask_again()
        at_each_look()

    def print_changes(experiment: Experiment) -> None:
        look()
        lines.update(experiment)

    if not console.is_terminal:
        return experiment.wait(timeout_s, on_change=print_changes)
    with Live(console=console, auto_refresh=False) as live:

        def redraw(experiment: Experiment) -> None:
            look()
            live.update(view(Overview.of(experiment), console), refresh=True)

        return experiment.wait(timeout_s, on_change=redraw)


def view(overview: Overview, console: Console) -> Group:
    """The headline and as much of the table as the console is high."""
    max_rows = max(1, console.height - _LINES_AROUND_THE_TABLE)
    drawn = _drawn(overview, max_rows)
    # What stands below the table takes more lines where the console is narrow.
    excess = len(console.render_lines(drawn)) - (console.height - 1)
    return drawn if excess <= 0 else _drawn(overview, max(1, max_rows - excess))


def _drawn(overview: Overview, max_rows: int) -> Group:
    headline = Text(overview.headline, style="bold")
    return Group(headline, trials_table(overview, max_rows=max_rows))


class _Lines:
    """Prints what changed since the last look."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: Overview | None = None

    def update(self, experiment: Experiment) -> None:
        overview = Overview.of(experiment)
        for line in changes(self._last, overview):
            self._console.print(line, markup=False, soft_wrap=True)
        self._last = overview
