"""Train a config on workers of one's own, or on those that are up. Its door is `run_here`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from amc import fleet
from amc.cli.consent import permit
from amc.cli.interruption import as_ctrl_c, ask_again
from amc.cli.live import follow
from amc.cli.outcome import await_end, exit_code, print_result, tell_of_narrow_window
from amc.cli.output import console, note
from amc.cli.reading import describe, describe_known, read_config
from amc.cli.smoke import smoke
from amc.client import submit as enqueue
from amc.errors import BrokerError
from amc.experiment_view import Experiment
from amc.fleet.ahead import Ahead
from amc.fleet.description import Description


def run_here(
    config_path: Path,
    overrides: Mapping[str, Any],
    overlays: tuple[Path, ...],
    *,
    is_smoke: bool,
    as_json: bool,
    ahead: Ahead | None,
    wanted: Mapping[str, Any],
    is_allowed: bool,
) -> int:
    """Start workers unless some are up, submit, show the trials, print the best, stop the workers.

    Args:
        config_path: the config.
        overrides: dotted keys to values that replace the config's.
        overlays: configs that hold only what differs.
        is_smoke: whether a single tiny trial is all, which does not stay.
        as_json: whether the result is printed as JSON.
        ahead: a supervisor that waits to be told what to run, if one was started.
        wanted: workers, gpus and fleet_file, as `fleet_options` gives them.
        is_allowed: whether the user has agreed to what the config may name to be run.

    Returns:
        The exit code that says how the experiment ended.
    """
    config = read_config(config_path, overrides, overlays)
    if not is_smoke:
        describe(config)
    if fleet.standing() != "up":  # workers that are up have allow-lists of their own
        permit(config, is_agreed=is_allowed)
    with as_ctrl_c(), _workers(ahead, **wanted) as keep_up:
        if is_smoke:
            return smoke(config, as_json=as_json, at_each_look=_looking(keep_up))
        experiment = enqueue(config)
        note(f"experiment {experiment.id}")
        describe_known(experiment.config)
        tell_of_narrow_window(config)
        if keep_up is None:
            code = await_end(experiment, console(stderr=True))
        else:
            code = _follow_own(experiment, keep_up)
    print_result(experiment, as_json=as_json)
    return code


def _looking(keep_up: Callable[[], None] | None) -> Callable[[], None]:
    def look() -> None:
        ask_again()
        if keep_up is not None:
            keep_up()

    return look


def _follow_own(experiment: Experiment, keep_up: Callable[[], None]) -> int:
    view = console(stderr=True)
    try:
        return exit_code(experiment, follow(experiment, view, at_each_look=keep_up))
    except (KeyboardInterrupt, BrokerError):
        note(
            f"{experiment.id} stays in the ledger: the next amc up or amc run goes on with it, "
            f"amc cancel {experiment.id} ends it."
        )
        raise


@contextmanager
def _workers(
    ahead: Ahead | None,
    *,
    workers: int | None,
    gpus: tuple[int, ...] | None,
    fleet_file: Path | None,
) -> Iterator[Callable[[], None] | None]:
    """Workers for as long as the block runs.

    Yields:
        What keeps them up, to be called now and then; None if they are not ours.
    """
    is_any_asked_for = (workers, gpus, fleet_file) != (None, None, None)
    if not is_any_asked_for and fleet.status().is_up:
        note("Using the workers that are up; they stay up.")
        yield None
        return
    description = fleet.describe(
        fleet.read(fleet_file, workers=workers, gpus=gpus), fleet.devices()
    )
    is_ours = fleet.up(description, is_tied=True, ahead=ahead, say=note)
    try:
        yield partial(_keep_up, description) if is_ours else None
    finally:
        if is_ours:
            _stop()


def _keep_up(description: Description) -> None:
    """Start a fleet again whose supervisor was killed; one that was stopped stays down.

    Raises:
        BrokerError: it was stopped, or cannot be started again.
    """
    standing = fleet.standing()
    if standing == "killed":
        note("The workers' supervisor was killed; starting everything again.")
        fleet.up(description, is_tied=True, say=note)
    elif standing == "down":
        raise BrokerError("The workers were stopped, by amc down or a signal.")


def _stop() -> None:
    note("Stopping the workers, once they have saved what they train (once more: at once).")
    try:
        fleet.down()
    except KeyboardInterrupt:
        fleet.down(at_once=True)
        raise
