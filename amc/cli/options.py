"""The options that several commands share.

Its doors are the decorators `config_options`, `fleet_options`, `experiment_argument`, `json_option`
and `assignments`. It must not know what a command does with them, and loads nothing: what `--help`
needs, and a command before its first act.
"""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from amc.cli import completing

Function = TypeVar("Function", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")

experiment_argument = click.argument(
    "experiment_id", metavar="[ID]", default="latest", shell_complete=completing.experiments
)
"""An experiment's id, a unique beginning of one, or `latest`, which is also the default."""

experiment_id = click.argument("experiment_id", metavar="ID", shell_complete=completing.experiments)
"""The same where it has to be named."""

experiment_ids = click.argument(
    "experiment_ids",
    metavar="ID...",
    nargs=-1,
    required=True,
    shell_complete=completing.experiments,
)
"""Several experiments, each by its id or a unique beginning of one."""

smoke_option = click.option(
    "--smoke",
    "is_smoke",
    is_flag=True,
    help="First see that it works: one tiny trial through the whole road, which does not stay.",
)

allow_option = click.option(
    "--allow",
    "is_allowed",
    is_flag=True,
    help="Run the command, or the function, that CONFIG names, without asking.",
)

yes_option = click.option("--yes", "-y", "is_agreed", is_flag=True, help="Do not ask.")


class _Count(click.ParamType[int]):
    """A whole number, also as `2e6` or `2_000_000`."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number that the text spells."""
        from amc.config.fields import LARGEST_COUNT

        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not number.is_integer() or not 1 <= number <= LARGEST_COUNT:
            self.fail(f"{value!r} is not a whole number from 1 on, such as 20 or 2e6.", param, ctx)
        return int(number)


COUNT = _Count()


def assignments(help_text: str) -> Callable[[Function], Function]:
    """Give a command the parameter `overrides`, a mapping of keys to JSON values, by `--set`."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_parse_overrides,
        shell_complete=completing.settings,
        help=help_text,
    )


def config_options(function: Function) -> Function:
    """Give a command the parameters `config_path`, `overrides` and `overlays`.

    `overrides` arrives as a mapping of dotted keys to JSON values, `overlays` as a tuple of paths.
    """
    path = click.Path(dir_okay=False, path_type=Path)
    function = click.option(
        "--overlay",
        "overlays",
        multiple=True,
        metavar="FILE",
        type=path,
        help="A config that holds only what differs; laid over CONFIG, later ones on top.",
    )(function)
    text = "Change one value, for example training.total_timesteps=50000; repeatable."
    function = assignments(text)(function)
    return click.argument("config_path", metavar="CONFIG", type=path)(function)


def _parse_overrides(
    context: click.Context, parameter: click.Parameter, assignments: Sequence[str]
) -> dict[str, Any]:
    overrides = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not key or not separator:
            raise click.BadParameter(
                f"{assignment[:100]!r} is not KEY=VALUE. "
                "Write it as in training.total_timesteps=50000."
            )
        overrides[key] = _parse_value(text)
    return overrides


def _parse_value(text: str) -> Any:
    """The JSON value that the text spells, or the text itself: `adam` needs no quotes."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # too deep for a config is no value of one either
        return text


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def fleet_options(function: Function) -> Function:
    """Give a command the parameters `workers`, `gpus` and `fleet_file`; None where not given."""
    function = click.option(
        "--fleet",
        "fleet_file",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A file of worker_queues/ that says this; --workers and --gpus go before it.",
    )(function)
    function = click.option(
        "--gpus",
        metavar="LIST",
        callback=_parse_gpus,
        help="GPUs to bind them to, round-robin, such as 0,1,2,3; none for the CPU.  "
        "[default: every GPU that nvidia-smi shows]",
    )(function)
    workers = click.IntRange(0, 1024)
    return click.option("--workers", type=workers, help="How many.  [default: 4]")(function)


def _parse_gpus(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    if text is None:
        return None
    if text.strip().lower() in {"", "none"}:
        return ()
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a list such as 0,1,3, nor 'none'.") from error
