"""The agent that a command is about: an experiment's, a trial's, or one at a path."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from amc.client import experiment as find
from amc.client import recorded
from amc.errors import UsageError

if TYPE_CHECKING:
    from amc.experiment_view import Experiment
    from amc.playback import Agent

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Found:
    """An agent, and where it was found.

    Attributes:
        agent: ready to act.
        experiment: whose it is; None for one at a path.
        trial: its number there.
    """

    agent: "Agent"
    experiment: "Experiment | None" = None
    trial: int | None = None


def agent_options(function: Function) -> Function:
    """Give a command the parameters `source` and `trial`."""
    function = click.option(
        "--trial", type=click.IntRange(min=0), metavar="N", help="Of an experiment; else the best."
    )(function)
    return click.argument("source", metavar="[ID|PATH]", default="latest")(function)


def find_agent(source: str, trial: int | None) -> Found:
    """The agent of an experiment, or the one at a path; an experiment's id goes first.

    Raises:
        UsageError: there is none.
        CheckpointError: it is damaged.
        EnvironmentFault: the environment that it was trained in cannot be made here.
    """
    from amc.workers.threads import limit_threads

    limit_threads(1)  # torch reads it when it is loaded; an agent sets as many as its config says
    if recorded(source) is None and Path(source).exists():
        if trial is not None:
            raise UsageError(f"--trial: {source} is a path, and so one agent. Leave it out.")
        from amc.playback import load

        return Found(load(source))
    experiment = find(source)
    best = experiment.best if trial is None else None
    number = trial if best is None else best.number
    return Found(experiment.agent(number), experiment, number)
