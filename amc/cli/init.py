"""`amc init`: a first config for an environment, with what every key means."""

import json
import os
from pathlib import Path

import click

from amc.cli.output import note, say
from amc.config.hyperparameters import BUILT_IN, SB3
from amc.config.json_schema import json_schema
from amc.config.known.environments import KNOWN
from amc.config.presets import beginning
from amc.config.starter import starter
from amc.errors import EnvironmentFault, UsageError
from amc.ledger import files

_SCHEMA = Path("schema") / "experiment.json"
# Where a schema may lie already, from the config's directory on: as `configs/` of a clone has it.
_PLACES = (_SCHEMA, "configs" / _SCHEMA, ".." / _SCHEMA)


@click.command()
@click.argument("environment", metavar="ENV")
@click.option(
    "--algorithm",
    type=click.Choice([*sorted(BUILT_IN, reverse=True), *SB3]),
    help="What learns.  [default: that of the environment's preset, else ppo]",
)
@click.option(
    "--out",
    "path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it.  [default: ALGORITHM_ENVIRONMENT.json]",
)
def init(*, environment: str, algorithm: str | None, path: Path | None) -> None:
    """Write a config for ENV, a Gymnasium id: tuned settings where there are some, and a search.

    Every key has its meaning beside it. What is there already is never written over.
    """
    found = beginning(environment, _kind_of_actions(environment), algorithm)
    path = path or Path(f"{found.values['experiment_name']}.json")
    schema = _schema_for(path.parent)
    text = starter(found, file=str(path), schema=schema)
    _write(path, text)
    _write_schema(path.parent / schema)
    if found.preset is None:
        note(f"{environment}: no preset, so these are the defaults of {found.values['algorithm']}.")
    elif found.tuned_for != environment:
        note(f"{environment}: the preset {found.preset} was tuned on {found.tuned_for}.")
    say(str(path))


def _kind_of_actions(environment: str) -> str:
    if environment in KNOWN:
        return KNOWN[environment].action_space
    from amc.algorithms.spaces import action_kind
    from amc.config.schema import EnvironmentConfig
    from amc.environments.single import single

    try:
        made = single(EnvironmentConfig.model_construct(name=environment), []).make()
    except EnvironmentFault as error:
        raise UsageError(str(error)) from error
    try:
        return action_kind(made.action_space)
    finally:
        made.close()


def _schema_for(directory: Path) -> str:
    """Where the schema lies from there, or will lie."""
    found = [place for place in _PLACES if (directory / place).is_file()]
    place = os.path.normpath(found[0] if found else _SCHEMA)
    return place if place.startswith("..") else f".{os.sep}{place}"


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"{path}: is there already, and is not written over. Name another file: --out FILE"
        ) from None
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no directory {path.parent}. Make it first.") from None


def _write_schema(path: Path) -> None:
    """Editors complete and check keys with it: the file that the config's `$schema` names."""
    if not path.is_file():
        files.replace(path, f"{json.dumps(json_schema(), indent=2)}\n", sync=False)
        note(f"{path}: written besides; editors complete and check keys with it.")
