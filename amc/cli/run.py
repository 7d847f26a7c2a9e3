"""`amc run`: workers up, submit, watch, result, workers down."""

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from amc.cli.options import allow_option, config_options, fleet_options, json_option, smoke_option


@click.command()
@config_options
@fleet_options
@smoke_option
@allow_option
@json_option
def run(
    *,
    config_path: Path,
    overrides: Mapping[str, Any],
    overlays: tuple[Path, ...],
    is_smoke: bool,
    is_allowed: bool,
    as_json: bool,
    **wanted: Any,
) -> None:
    """Train CONFIG here: start workers, submit, show the trials, print the best, stop the workers.

    If workers are up already in this shared directory they are used, and left up. Ctrl-C, SIGTERM,
    SIGHUP or SIGQUIT let the trials write a checkpoint; the experiment stays in the ledger and can
    go on later.
    """
    from amc.fleet.ahead import Ahead

    # What workers need takes longest to import, so that begins before this process's own imports.
    with Ahead.unless_up() or nullcontext() as ahead:
        from amc.cli.running import run_here

        code = run_here(
            config_path,
            overrides,
            overlays,
            is_smoke=is_smoke,
            as_json=as_json,
            ahead=ahead,
            wanted=wanted,
            is_allowed=is_allowed,
        )
    sys.exit(code)
