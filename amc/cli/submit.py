"""`amc submit`: hand a config to the workers that are up."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from amc.cli.options import config_options, json_option, smoke_option
from amc.cli.outcome import await_end, tell_of_narrow_window, timeout_option
from amc.cli.output import console, print_json, say
from amc.cli.reading import describe, describe_known, read_config
from amc.client import submit as enqueue
from amc.errors import UsageError


@click.command()
@config_options
@click.option(
    "--warm-start",
    "warm_start",
    metavar="ID",
    help="An experiment whose scores the search knows from the start.",
)
@click.option(
    "--dry-run",
    "is_dry_run",
    is_flag=True,
    help="Record nothing: say what would be tried first, and how long all of it would take.",
)
@smoke_option
@click.option("--wait", is_flag=True, help="Stay until it ends; the exit code says how.")
@timeout_option
@json_option
def submit(
    *,
    config_path: Path,
    overrides: Mapping[str, Any],
    overlays: tuple[Path, ...],
    warm_start: str | None,
    is_dry_run: bool,
    is_smoke: bool,
    wait: bool,
    timeout_s: float | None,
    as_json: bool,
) -> None:
    """Hand CONFIG to the workers that are up, and print the experiment's id.

    Exit codes: 0 done, 1 the experiment failed, 2 the config is wrong, 3 no broker or no worker,
    4 cancelled, 5 timed out. --timeout waits as --wait does.
    """
    if warm_start is not None:
        overrides = {**overrides, "hyperparameter_optimizer.warm_start": warm_start}
    config = read_config(config_path, overrides, overlays)
    if is_dry_run and is_smoke:
        raise UsageError("--dry-run, --smoke: the one trains nothing, the other a trial. Give one.")
    if is_dry_run:
        from amc.cli.dry_run import dry_run

        dry_run(config_path, config, as_json=as_json)
        return
    if is_smoke:
        from amc.cli.smoke import smoke

        sys.exit(smoke(config, as_json=as_json, timeout_s=timeout_s))
    describe(config)
    experiment = enqueue(config)
    describe_known(experiment.config)
    tell_of_narrow_window(config)
    if not as_json:
        say(experiment.id)
    code = 0
    if wait or timeout_s is not None:
        code = await_end(experiment, console(stderr=True), timeout_s)
    if as_json:
        print_json(experiment.to_json())
    sys.exit(code)
