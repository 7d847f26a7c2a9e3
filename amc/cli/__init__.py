"""The command line: parse, call one function, print.

Its door is `main`. A command's module is imported when the command runs, so `amc --help` answers at
once: to add a command, write a click command, mostly in a file of its name, and a line for it in
`SECTIONS` and in `imported`.
"""

import atexit
import errno
import gc
from contextlib import suppress
from typing import Any

import click

from amc.cli.completing import stand_in
from amc.cli.interruption import Interruption, disregard
from amc.cli.verbs import no_such_command
from amc.errors import AmcError
from amc.version import VERSION

SECTIONS = {
    "Train and tune": {
        "init": "Write a config for an environment, with what every key means.",
        "validate": "Check config files and say what is wrong, and where.",
        "run": "Train a config here: workers up, submit, watch, workers down.",
        "submit": "Hand a config to the workers that are up.",
        "train": "Train a config in this process, without a broker.",
    },
    "Watch": {
        "watch": "Follow an experiment until it ends.",
        "ls": "List the experiments, newest first.",
        "show": "Show one experiment and its trials.",
        "logs": "Print what the workers said about an experiment.",
        "tensorboard": "Serve TensorBoard on one experiment, or on all.",
        "dashboard": "Show an experiment in optuna-dashboard, on this machine.",
        "status": "Show queues, workers and what they are doing.",
    },
    "Use what was learned": {
        "best": "Show the best trial, or its config.",
        "enjoy": "Play what was learned, in a window or a film.",
        "report": "Write one HTML file of what an experiment found.",
        "plot": "Draw one figure of an experiment.",
        "compare": "Compare experiments over their seeds.",
        "methods": "Say how an experiment was done, as a paper would.",
        "export": "Write an experiment's trials and evaluations for other programs.",
        "package": "Write an agent as a folder to hand on.",
    },
    "Steer": {
        "pause": "Halt an experiment; its trials keep their checkpoints.",
        "resume": "Go on with a paused experiment.",
        "cancel": "Stop an experiment; its trials keep their checkpoints.",
        "extend": "Go on with a search, or train its best trial for longer.",
        "add-trial": "Add a trial of your own to a search.",
        "retry-failed": "Try the failed trials of an experiment once more.",
    },
    "Check": {
        "verify": "Check an experiment's records, and train parts of it again.",
        "reproduce": "Train the winner again, and on seeds that nobody has used.",
        "doctor": "Look at what amc needs of this machine, and say what to do.",
        "support-bundle": "Pack what a bug report needs, without secrets.",
    },
    "Keep house": {
        "up": "Start this machine's workers.",
        "down": "Stop this machine's workers.",
        "rm": "Remove experiments, with all that they recorded.",
        "clean": "Remove leftovers, and checkpoints of trials that did not win.",
        "completion": "Print what completes commands in bash, zsh or fish.",
        "schema": "Print the JSON Schema of a config, for editors.",
    },
}
COMMANDS = {name: text for section in SECTIONS.values() for name, text in section.items()}

INTERRUPTED = 130
# Objects made, and collections of the younger ones made, before a collection of each generation.
_COLLECT_AFTER = (100_000, 50, 50)


class LazyCommand(click.Command):
    """A command known by its name and short help; its module is imported when it is parsed."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Import the real command and let it parse: from here on it stands in this one's place.

        Where a shell asks what may come next, one that is quick to make does, if it knows.
        """
        if kwargs.get("resilient_parsing") and (quick := stand_in(self.name or "", args[1])):
            return quick.make_context(*args, **kwargs)
        command = imported(self.name or "")
        for option in command.params:
            if isinstance(option, click.Option) and option.envvar is None:
                option.envvar = variable_of(command, option)
        return command.make_context(*args, **kwargs)


def imported(name: str) -> click.Command:  # noqa: C901 (a table)
    """The command itself; its module, and what that needs, are imported here."""
    match name:
        case "run":
            from amc.cli.run import run as command
        case "submit":
            from amc.cli.submit import submit as command
        case "watch":
            from amc.cli.watch import watch as command
        case "ls":
            from amc.cli.ls import ls as command
        case "show":
            from amc.cli.show import show as command
        case "best":
            from amc.cli.best import best as command
        case "report":
            from amc.cli.report import report as command
        case "plot":
            from amc.cli.plot import plot as command
        case "export":
            from amc.cli.export import export as command
        case "dashboard":
            from amc.cli.dashboard import dashboard as command
        case "verify":
            from amc.cli.verify import verify as command
        case "tensorboard":
            from amc.cli.tensorboard import tensorboard as command
        case "logs":
            from amc.cli.logs import logs as command
        case "pause":
            from amc.cli.steering import pause as command
        case "resume":
            from amc.cli.steering import resume as command
        case "extend":
            from amc.cli.extending import extend as command
        case "add-trial":
            from amc.cli.extending import add_trial as command
        case "retry-failed":
            from amc.cli.extending import retry_failed as command
        case "cancel":
            from amc.cli.steering import cancel as command
        case "rm":
            from amc.cli.rm import rm as command
        case "clean":
            from amc.cli.clean import clean as command
        case "init":
            from amc.cli.init import init as command
        case "validate":
            from amc.cli.configs import validate as command
        case "completion":
            from amc.cli.completion import completion as command
        case "schema":
            from amc.cli.configs import schema as command
        case "train":
            from amc.cli.train import train as command
        case "enjoy":
            from amc.cli.enjoy import enjoy as command
        case "methods":
            from amc.cli.methods import methods as command
        case "compare":
            from amc.cli.compare import compare as command
        case "reproduce":
            from amc.cli.reproduce import reproduce as command
        case "package":
            from amc.cli.package import package as command
        case "doctor":
            from amc.cli.doctor import doctor as command
        case "support-bundle":
            from amc.cli.support_bundle import support_bundle as command
        case "up":
            from amc.cli.up import up as command
        case "down":
            from amc.cli.down import down as command
        case "status":
            from amc.cli.status import status as command
        case _:
            raise LookupError(f"{name!r} is in the table of commands and not here")
    return command


def variable_of(command: click.Command, option: click.Option) -> str:
    """The environment variable of an option: AMC_SUBMIT_TIMEOUT for `--timeout` of submit."""
    flag = max(option.opts, key=len).lstrip("-")
    return f"AMC_{command.name}_{flag}".replace("-", "_").upper()


class CommandGroup(click.Group):
    """The group of all commands: turns every expected error into one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the table's order, which is the order of use."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A section for each thing that one may be about to do."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say what was meant by a command that is not there, whoever's word it is."""
        is_option = args[0].startswith("-")
        if is_option or ctx.resilient_parsing or args[0] in self.commands:
            return super().resolve_command(ctx, args)
        ctx.fail(no_such_command(args[0], self.commands))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; only a bug of ours ends with a traceback."""
        disregard()
        # A view of 10,000 trials makes a million objects that all stay: to go through them again
        # for every 700 new ones takes a quarter of its time, and so it does at the exit.
        gc.set_threshold(*_COLLECT_AFTER)
        atexit.register(gc.freeze)
        try:
            return super().invoke(ctx)
        except AmcError as error:
            _leave(ctx, str(error), error.exit_code)
        except Interruption as error:
            _leave(ctx, f"interrupted ({error})", error.exit_code)
        except KeyboardInterrupt:
            _leave(ctx, "interrupted", INTERRUPTED)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # the reader of a pipe went away: click leaves quietly
            _leave(ctx, str(error), AmcError.exit_code)


def _leave(ctx: click.Context, message: str, exit_code: int) -> None:
    with suppress(OSError):  # the terminal may be gone
        from amc.cli.output import note  # rich takes a while to load

        note(f"amc: {message}")
    ctx.exit(exit_code)


@click.group(
    cls=CommandGroup,
    commands=[LazyCommand(name, short_help=text) for name, text in COMMANDS.items()],
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    epilog="Every option is also a variable: AMC_SUBMIT_TIMEOUT=60 is --timeout 60 of submit. "
    "AMC_SHARED_DIR is where experiments are kept (./distributed_shared), AMC_BROKER_URL the Redis "
    "that carries their tasks (one started by amc up).",
)
@click.version_option(VERSION, "-V", "--version", prog_name="amc", message="%(prog)s %(version)s")
def main() -> None:
    """Train reinforcement-learning agents and tune them as Celery jobs."""
