"""What a shell offers where a command line is not finished: ids of experiments, keys, files.

A shell asks at every press of a key, so nothing is loaded for it but what the answer needs: of an
experiment the name of its directory. Its doors are `stand_in`, `experiments` and `settings`.
"""

import os
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

import click
from click.shell_completion import CompletionItem, split_arg_string

# What the words of a command are that are no options.
_IDS = {
    *("watch", "show", "best", "verify", "logs", "pause", "resume", "extend", "add-trial"),
    *("retry-failed", "cancel", "rm", "support-bundle", "report", "plot", "export", "dashboard"),
    *("compare", "methods", "reproduce", "tensorboard"),
}
_IDS_OR_FILES = {"enjoy", "package"}
_FILES = {"run", "submit", "train", "validate"}
_SETTING = "--set"
_SECTIONS = ("environment", "optimizer", "hyperparameter_optimizer", "training")


def experiments(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Ids that begin so; no record of them is read."""
    from amc.errors import AmcError
    from amc.settings import shared_dir

    try:
        names = [entry.name for entry in os.scandir(shared_dir()) if entry.is_dir()]
    except (AmcError, OSError):
        return []
    return sorted(name for name in (*names, "latest") if name.startswith(begun) and name[0] != ".")


def experiments_or_files(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[str] | list[CompletionItem[str]]:
    """Ids that begin so; where none does, what the shell finds in the file system."""
    return experiments(context, parameter, begun) or [CompletionItem(begun, type="file")]


def settings(
    context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem[str]]:
    """Keys of a config that begin so; behind one's `=` the values that it may have.

    Of a trial of one's own they are hyperparameters, by their short names.
    """
    found = _settings()
    if context.info_name == "add-trial":
        parts = ("algorithm_config.", "optimizer.")
        searched = {name: values for name, values in found.items() if name.startswith(parts)}
        found = {name.partition(".")[2]: values for name, values in searched.items()}
    key, is_given, value = begun.partition("=")
    if is_given:
        return [
            CompletionItem(f"{key}={one}") for one in found.get(key, ()) if one.startswith(value)
        ]
    return [CompletionItem(f"{name}=") for name in found if name.startswith(begun)]


def _settings() -> dict[str, list[str]]:
    """Every key by its path, with its values where these are few."""
    from amc.config import schema
    from amc.config.hyperparameters import BUILT_IN, SB3, models_of

    models: dict[str, Any] = {"": schema.ExperimentConfig, "environment": schema.EnvironmentConfig}
    models |= {"optimizer": schema.OptimizerConfig, "training": schema.TrainingConfig}
    models["hyperparameter_optimizer"] = schema.HyperparameterOptimizerConfig
    found: dict[str, list[str]] = {}
    for section, model in models.items():
        found |= _fields(section, model)
    for model in models_of((*BUILT_IN, *SB3)).values():
        found |= _fields("algorithm_config", model)
    return dict(sorted(found.items()))


def _fields(section: str, model: Any) -> dict[str, list[str]]:
    return {
        f"{section}.{name}" if section else name: _values(info.annotation)
        for name, info in model.model_fields.items()
        if name not in {*_SECTIONS, "algorithm_config", "schema_reference"}
    }


def _values(annotation: Any) -> list[str]:
    """What an annotation allows, as `--set` reads it; nothing where that is not a few words."""
    if annotation is bool:
        return ["false", "true"]
    if annotation is type(None):
        return ["null"]
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    members = get_args(annotation)
    return [value for member in members for value in _values(member)]


def stand_in(name: str, words: Sequence[str]) -> click.Command | None:
    """A command that knows what to offer in place of the real one, which takes long to import.

    Args:
        name: of the command.
        words: those before the one that is not finished.

    Returns:
        None where the real one is needed: it alone knows its options. Also where no shell asks.
    """
    if "COMP_WORDS" not in os.environ:
        return None
    last = words[-1] if words else ""
    is_option = _unfinished().startswith("-") or (last.startswith("-") and last != _SETTING)
    if is_option or name not in _IDS | _IDS_OR_FILES | _FILES:
        return None
    if name in _IDS:
        argument = click.Argument(["words"], nargs=-1, shell_complete=experiments)
    elif name in _IDS_OR_FILES:
        argument = click.Argument(["words"], nargs=-1, shell_complete=experiments_or_files)
    else:
        argument = click.Argument(["words"], nargs=-1, type=click.Path())
    setting = click.Option([_SETTING], multiple=True, shell_complete=settings)
    return click.Command(
        name, params=[argument, setting], context_settings={"ignore_unknown_options": True}
    )


def _unfinished() -> str:
    """The word that is being written, as bash, zsh and fish hand it over."""
    words, place = os.environ.get("COMP_WORDS", ""), os.environ.get("COMP_CWORD", "")
    if not place.isdecimal():
        return place  # fish gives the word itself
    written = split_arg_string(words)
    return written[int(place)] if int(place) < len(written) else ""
