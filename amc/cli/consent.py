"""Whether what a config names may run on one's own machine: asked once. Its door is `permit`."""

import shlex
import sys

import click

from amc.cli.output import plain
from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.permission import foreign_code


def permit(config: ExperimentConfig, *, is_agreed: bool) -> None:
    """Have this process, and what it starts, run the command or the function of a config.

    Nothing is asked where amc itself trains, and where an allow-list names it. Nothing is
    remembered beyond this process.

    Args:
        config: as it will be run.
        is_agreed: whether the user has said yes before being asked.

    Raises:
        UsageError: the user says no, or nobody is there to be asked.
    """
    code = foreign_code(config)
    if code is None or code.is_allowed:
        return
    # A yes does not help against what no allow-list can name, as a program that is searched.
    if code.is_nameable and not (is_agreed or _says_yes(config)):
        raise UsageError(
            f"{code.shown} was not allowed to run here. Allow it: --allow, or {code.assignment}"
        )
    code.permit()


def _says_yes(config: ExperimentConfig) -> bool:
    if not sys.stdin.isatty():
        return False
    what = config.trainer or shlex.join(config.command or ())
    variables = "".join(
        f"{name}={shlex.quote(text)} " for name, text in config.env.items() if text is not None
    )
    # All of it, on one line: what is cut off, or looks like a line of its own, would deceive.
    shown = plain(f"{variables}{what}".replace("\n", "\\n"))
    where = plain((config.source or ".").replace("\n", "\\n"))
    question = f"This config runs `{shown}` on this machine, in {where}. Run it?"
    return click.confirm(question, err=True)
