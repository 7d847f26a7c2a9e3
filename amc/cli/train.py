"""`amc train`: one config, trained once in this process, without a broker.

Results on standard output, progress on standard error. Ctrl-C, SIGTERM, SIGHUP and SIGQUIT save a
checkpoint at the next iteration boundary; a second one leaves at once, and even then no more is
lost than what was done since the last checkpoint.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

import click

from amc.cli.consent import permit
from amc.cli.interruption import ENDING, Interruption, respected
from amc.cli.options import COUNT, allow_option, config_options, json_option
from amc.cli.output import claim_stdout, note, say
from amc.cli.reading import read_config
from amc.cli.train_progress import Hooks, progress
from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.ledger import Result, files
from amc.ledger.paths import RunPaths

if TYPE_CHECKING:
    from amc.training.trial import TrialOutcome

RUNS_DIRECTORY = Path("runs")


@click.command()
@config_options
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Instead of the config's seed.")
@click.option(
    "--out",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where checkpoints, curves and the result go.  [default: runs/<experiment_name>]",
)
@click.option(
    "--resume", is_flag=True, help="Go on from the last good checkpoint in DIR, if there is one."
)
@click.option(
    "--timesteps",
    type=COUNT,
    metavar="N",
    help="Steps in all, instead of the config's; with --resume a run that is done goes on.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Train it on N seeds, side by side, as an experiment: amc run, without the search.",
)
@allow_option
@json_option
def train(
    config_path: Path,
    *,
    overrides: dict[str, Any],
    overlays: tuple[Path, ...],
    seed: int | None,
    directory: Path | None,
    resume: bool,
    timesteps: int | None,
    seeds: int | None,
    is_allowed: bool,
    as_json: bool,
) -> None:
    """Train CONFIG once in this process and print its score.

    A search in CONFIG is left out: its hyperparameters keep their fixed values. A run that goes on
    for longer than it was to says whether that is as one run of that length would have been.
    """
    if timesteps is not None:
        overrides = {**overrides, "training.total_timesteps": timesteps}
    if seed is not None:
        overrides = {**overrides, "seed": seed}
    if seeds is not None:
        _refuse_directory(directory, resume)
        overrides = {**overrides, "seeds": seeds, "hyperparameter_optimizer": None}
        raise SystemExit(
            _run(config_path, overrides, overlays, as_json=as_json, is_allowed=is_allowed)
        )
    config = read_config(config_path, overrides, overlays)
    if config.seeds > 1:
        note(
            f"seeds: this trains one of {config.seeds}, seed {config.seed}. "
            f"All of them, with the mean of their scores: add --seeds {config.seeds}"
        )
    directory = directory or RUNS_DIRECTORY / config.experiment_name
    if not resume:
        _require_unused(directory)
    permit(config, is_agreed=is_allowed)
    place = directory.absolute()  # while it trains, an environment may change the directory
    out = claim_stdout()
    with _ending_what_it_starts():
        outcome, stop = _train(config, place)
    if outcome.state == "interrupted":
        _leave_interrupted(outcome, stop, goes_on=config.is_segmented)
    result = _result(place, outcome)
    _record(place, config, result)
    _print(result, directory, as_json, out)


def _run(
    config_path: Path,
    overrides: dict[str, Any],
    overlays: tuple[Path, ...],
    *,
    as_json: bool,
    is_allowed: bool,
) -> int:
    """Train several seeds as an experiment, on workers of one's own or on those that are up."""
    from amc.cli.running import run_here

    wanted = {"workers": None, "gpus": None, "fleet_file": None}
    return run_here(
        config_path,
        overrides,
        overlays,
        as_json=as_json,
        is_smoke=False,
        ahead=None,
        wanted=wanted,
        is_allowed=is_allowed,
    )


def _refuse_directory(directory: Path | None, resume: bool) -> None:
    """Refuse what belongs to a run in a directory of its own.

    Raises:
        UsageError: it was asked for.
    """
    if directory is not None or resume:
        raise UsageError(
            f"{'--resume' if resume else '--out'}: with --seeds it is an experiment, which lies in "
            "the shared directory and goes on by itself. Leave it out."
        )


def _require_unused(directory: Path) -> None:
    """Refuse to write over an earlier run.

    Raises:
        UsageError: there is something in `directory`.
    """
    if directory.exists() and any(directory.iterdir()):
        raise UsageError(
            f"{directory}: not empty; an earlier run may be there. Go on with it: --resume. "
            "Or keep it and write elsewhere: --out DIR."
        )


class _Stop:
    """Which signal asked this process to stop; 0 while none has."""

    number = 0

    def request(self, number: int, frame: FrameType | None) -> None:
        # A closed terminal sends SIGHUP twice, by the shell and by the kernel.
        if self.number and number != signal.SIGHUP:
            raise Interruption(number)
        self.number = number

    def is_requested(self) -> bool:
        return self.number != 0


@contextmanager
def _listening() -> Iterator[_Stop]:
    """Turns the signals that ask for an end into a request while the block runs."""
    stop = _Stop()
    numbers = respected(ENDING)
    before = {number: signal.signal(number, stop.request) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _ending_what_it_starts() -> Iterator[None]:
    """Ends what an environment started in the block and left behind, detached or not."""
    if sys.platform != "linux":  # elsewhere nobody tells what has detached itself
        yield
        return
    from amc import lifeline

    before = lifeline.children()
    lifeline.adopt_orphans()
    try:
        yield
    finally:
        lifeline.end_children(spared=before)
        lifeline.adopt_orphans(False)


def _progress(config: ExperimentConfig) -> AbstractContextManager[Hooks]:
    training = config.training
    return progress(training.total_timesteps, evaluates=training.eval_freq is not None)


def _train(config: ExperimentConfig, directory: Path) -> tuple["TrialOutcome", _Stop]:
    from amc import logs
    from amc.training.trial import TrialContext
    from amc.workers.threads import limit_threads

    # Before torch is loaded: the numerical libraries read these variables once.
    limit_threads(config.training.threads)
    logs.configure(os.environ.get("AMC_LOG_LEVEL", "WARNING"))
    context = TrialContext.standalone(config.seed, directory)
    with _listening() as stop, _progress(config) as watcher:
        context = replace(
            context,
            mark=watcher.mark,
            on_evaluation=watcher.evaluation,
            should_stop=stop.is_requested,
        )
        # Loads torch, which takes its time: a signal that comes in meanwhile is a request, too.
        from amc.workers.base import BaseWorker

        return BaseWorker(0, config, directory, trial=context).run(), stop


def _result(directory: Path, outcome: "TrialOutcome") -> Result:
    return Result(
        number=0,
        state="completed",
        score=outcome.score,
        attempt=outcome.attempt,
        steps=outcome.steps,
        seconds=outcome.seconds,
        digest=outcome.digest,
        checkpoint=_below(directory, outcome.checkpoint),
        environment=outcome.environment,
        solved_at=outcome.solved_at,
    )


def _below(directory: Path, checkpoint: Path | None) -> str | None:
    return None if checkpoint is None else str(checkpoint.relative_to(directory))


def _leave_interrupted(outcome: "TrialOutcome", stop: _Stop, *, goes_on: bool) -> None:
    told = "with a checkpoint. To go on"
    if outcome.checkpoint is None or not goes_on:
        told = "without a checkpoint to go on from. To begin again"
    note(f"amc: interrupted at step {outcome.steps}, {told}, give the same command with --resume.")
    raise SystemExit(128 + stop.number)


def _record(directory: Path, config: ExperimentConfig, result: Result) -> None:
    paths = RunPaths(directory)
    files.replace(paths.config, files.encode(config.to_json()))
    files.replace(paths.result, files.encode(asdict(result)))


def _print(result: Result, directory: Path, as_json: bool, out: TextIO) -> None:
    shown = {
        "score": result.score,
        "steps": result.steps,
        "seconds": round(result.seconds, 3),
        "solved_at": result.solved_at,
        "environment": result.environment,
        "checkpoint": result.checkpoint and str(directory / result.checkpoint),
        "digest": result.digest,
    }
    if as_json:
        say(json.dumps(shown), file=out)
        return
    for name, value in shown.items():
        if value is not None:
            say(f"{name:<12}{value}", file=out)
