"""`amc show`: one experiment and its trials."""

from textwrap import wrap

import click

from amc.cli import formatting
from amc.cli.options import experiment_argument, json_option
from amc.cli.outcome import print_pruned, print_row
from amc.cli.output import console, print_json, say, shown
from amc.cli.overview import Overview
from amc.cli.remaining import remaining
from amc.cli.screen import Screen
from amc.cli.trials_table import TrialsTable
from amc.cli.waiting import waits_for
from amc.client import experiment as find
from amc.experiment_view import Experiment

# More than anybody reads; a table of 10,000 rows takes seven seconds to lay out.
_MOST_ROWS = 200


@click.command()
@experiment_argument
@click.option("--all", "shows_all", is_flag=True, help="Every trial, where there are many.")
@json_option
def show(*, experiment_id: str, shows_all: bool, as_json: bool) -> None:
    """Show one experiment and its trials.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default.
    """
    experiment = find(experiment_id)
    if as_json:
        print_json(experiment.to_json())
        return
    overview = Overview.of(experiment)
    _print_head(experiment, overview)
    if not experiment.is_finished:
        screen = Screen(experiment.directory)
        overview = screen.up_to_date(overview)
        _print_what_runs(screen, overview)
    if overview.trials:
        console().print(TrialsTable(overview, max_rows=None if shows_all else _MOST_ROWS))
    for trial in overview.trials:
        if trial.error:
            say(f"trial {trial.number} failed: {formatting.error(trial.error)}")


def _print_head(experiment: Experiment, overview: Overview) -> None:
    config = experiment.config
    # Broken at words where it is longer than the terminal is wide.
    say("\n".join(wrap(overview.headline, console().width, subsequent_indent="  ")))
    if experiment.error:
        print_row("error", formatting.error(experiment.error))
    print_row("trains", f"{config.trains}, seed {config.seed}")
    print_row("steps a trial", f"{config.training.total_timesteps:,}")
    print_pruned(overview.pruned)
    for name, (spent, most) in experiment.limits.items():
        print_row(name, f"{round(spent, 2):,} of {most:,} spent")
    _print_what_ran(experiment)
    print_row("created", formatting.moment(experiment.created, "%Y-%m-%d %H:%M:%S"))
    print_row("stored in", shown(experiment.directory))


def _print_what_runs(screen: Screen, overview: Overview) -> None:
    """What it waits for or how long it will take, and how far each worker is."""
    reason, speeds = waits_for(overview, screen.at_work), screen.speeds(overview)
    if reason is not None:
        print_row("stands still", reason)
    else:
        left = remaining(overview, screen.at_work.at(overview.id), speeds)
        print_row("time left", str(left))
    if overview.states.get("running"):
        console().print(screen.workers(overview, _MOST_ROWS), "")


def _print_what_ran(experiment: Experiment) -> None:
    """With what trials ran; where that was not the same all along, what came of which."""
    ran_with = experiment.ran_with
    for index, (kind, trials) in enumerate(ran_with.items()):
        which = f": {formatting.trials(trials)}" if len(ran_with) > 1 else ""
        print_row("" if index else "ran with", f"{kind}{which}")
    if len(ran_with) > 1 or any(kind.is_mixed for kind in ran_with):
        print_row("", "not the same all along, so bits may differ")
    first, *later = experiment.made_by or [(0, "")]
    if later:
        upgrades = ", ".join(f"from decision {number} on {version}" for number, version in later)
        print_row("decided by", f"amc {first[1]}, {upgrades}: it may decide otherwise")
