"""Following an experiment: a screen that moves on a terminal, a line per event on a pipe.

Its door is `follow`.
"""

from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.segment import Segment

from amc.cli.events import Events
from amc.cli.interruption import ask_again
from amc.cli.overview import Overview
from amc.cli.screen import Screen
from amc.cli.waiting import waits_for
from amc.experiment_view import Experiment


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
    screen = Screen(experiment.directory)

    def look() -> None:
        ask_again()
        at_each_look()

    if not console.is_terminal:
        events = Events()

        def print_events(experiment: Experiment) -> None:
            look()
            overview = Overview.of(experiment)
            for line in events.until(overview, waits_for(overview, screen.at_work)):
                console.print(line, markup=False, soft_wrap=True)

        return experiment.wait(timeout_s, on_change=print_events)
    with Live(console=console, auto_refresh=False) as live:
        picture = _Picture(live, console, screen)

        def redraw(experiment: Experiment) -> None:
            look()
            picture.show(Overview.of(experiment))

        return experiment.wait(timeout_s, on_change=redraw)


class _Picture:
    """What stands on the terminal; written again only where something differs."""

    def __init__(self, live: Live, console: Console, screen: Screen) -> None:
        self._live, self._console, self._screen = live, console, screen
        self._shown: tuple[object, list[list[Segment]]] = None, []

    def show(self, overview: Overview) -> None:
        console = self._console
        drawn = self._screen.draw(overview, console)
        lines = console.render_lines(drawn, pad=False)[: console.height - 1]
        if self._shown != (now := (console.size, lines)):
            self._shown = now
            self._live.update(drawn, refresh=True)
