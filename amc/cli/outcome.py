"""How an experiment ended: told on standard output, and as an exit code.

0 completed, 1 failed, 4 cancelled, 5 not finished in time
"""

import math

import click
import redis
from rich.console import Console

from amc.cli import formatting
from amc.cli.live import follow
from amc.cli.output import note, print_json, say, shown
from amc.cli.overview import best_of, chosen_by, result_of
from amc.config.schema import ExperimentConfig
from amc.experiment_view import Experiment
from amc.ledger.paths import ExperimentPaths
from amc.ledger.pruning import Pruned

EXIT_CODES = {"completed": 0, "failed": 1, "cancelled": 4}
TIMED_OUT = 5
_WINDOW_PER_WORKER = 1.5

timeout_option = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait at most this long, then exit with 5; the experiment goes on.",
)


def await_end(experiment: Experiment, console: Console, timeout_s: float | None = None) -> int:
    """Follow an experiment that others run; whoever stops waiting is told that it goes on.

    Returns:
        The exit code that says how it ended.
    """
    try:
        state = follow(experiment, console, timeout_s=timeout_s)
    except TimeoutError as error:
        note(f"amc: {error} See: amc watch {experiment.id}")
        return TIMED_OUT
    except KeyboardInterrupt:
        note(f"{experiment.id} goes on. See: amc watch {experiment.id}, amc cancel {experiment.id}")
        raise
    return exit_code(experiment, state)


def tell_of_no_worker() -> None:
    """Say so where no worker is up, so that nothing will move."""
    if _live_workers() == 0:
        note("No worker is up: nothing will move until one is. Start them: amc up")


def tell_of_narrow_window(config: ExperimentConfig) -> None:
    """Say so where fewer trials may be under way than keep the workers that are up busy."""
    search, workers = config.hyperparameter_optimizer, _live_workers()
    # The oldest trial is awaited: so many keep 4 workers 92 % busy where times vary (sigma 0.5).
    if search is None or config.has_rounds or search.window >= _WINDOW_PER_WORKER * workers:
        return
    wanted = math.ceil(_WINDOW_PER_WORKER * workers)
    note(
        f"window: {search.window} trials under way keep {workers} workers less busy than they "
        f"could be. Set hyperparameter_optimizer.window to {wanted} or more."
    )


def _live_workers() -> int:
    from amc.broker import heartbeats
    from amc.broker.connection import connect
    from amc.broker.keys import is_trial_queue

    try:
        live = heartbeats.live_queues(connect())
    except redis.RedisError:
        return 0
    return sum(count for queue, count in live.items() if is_trial_queue(queue))


def exit_code(experiment: Experiment, state: str) -> int:
    """The exit code for the end of an experiment; standard error says why where it is not 0."""
    if state == "failed":
        reason = formatting.error(experiment.error or "no reason recorded")
        note(f"amc: {experiment.id} failed: {reason} See: amc show {experiment.id}")
    elif state == "cancelled":
        note(f"amc: {experiment.id} was cancelled.")
    return EXIT_CODES[state]


def print_result(experiment: Experiment, *, as_json: bool) -> None:
    """Print the best score, its hyperparameters and where everything is stored."""
    if as_json:
        print_json(experiment.to_json())
        return
    best = experiment.best
    if best is not None:
        is_tested = best.chosen_by is not None
        is_alone = best.n_seeds == 1 and not is_tested
        print_row("best score", best_of(best) if is_alone else result_of(best))
        if best.interval is not None:
            on = ", on seeds that had no part in choosing it" if is_tested else ""
            print_row("", f"the mean and its 95 % interval{on}")
        if is_tested:
            print_row("chosen by", chosen_by(best))
        if not is_alone:
            is_searched = experiment.config.hyperparameter_optimizer is not None
            kind = f", {best.kind}" if is_searched else ""
            score = formatting.score(best.score)
            saved = ExperimentPaths(experiment.directory).best_files.glob("*.pt")
            has_agent = experiment.config.is_segmented or any(saved)
            print_row(
                "its agent" if has_agent else "its best",
                f"trial {best.number}{kind}, score {score}",
            )
        for index, (key, value) in enumerate(best.hyperparameters.items()):
            print_row("" if index else "hyperparameters", f"{key} = {value}")
        if best.copies:
            print_row("weights from", formatting.copies(best.copies))
            print_row("", "what they were trained with until then: amc best --as-config")
    print_pruned(experiment.pruned)
    print_row("stored in", shown(experiment.directory))


def print_state(experiment: Experiment, *, as_json: bool) -> None:
    """Print where an experiment stands once it was asked for something."""
    if as_json:
        print_json(experiment.to_json())
    else:
        say(f"{experiment.id} {experiment.state}")


def print_pruned(pruned: Pruned | None) -> None:
    """A row on what was halted, where there is a pruner."""
    if pruned is not None:
        print_row("pruning", formatting.pruned(pruned))


def print_row(label: str, text: str) -> None:
    """A label and what belongs to it, in two columns."""
    say(f"{label:<16} {text}")
