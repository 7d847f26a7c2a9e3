"""A trainer of the user's own, a command or a Python function: what a config says of it.

    {"algorithm": "command",
     "command": ["python", "train.py", "--lr", "{learning_rate}", "--seed", "{seed}"]}

`{name}` in an argument stands for a hyperparameter, or for one of `FACTS`. The doors are `free`,
`filled` and `problems`.
"""

import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, create_model

from amc.config.fields import MAY_CHANGE, StrictModel
from amc.config.hyperparameters import COMMAND, Hyperparameters
from amc.config.text.document import Problem
from amc.plugins import did_you_mean
from amc.redaction import is_secret

KEYS = ("command", "trainer", "resumable", "score_from", "env", "source", "working_directory")
"""What a config says of a trainer of the user's own, and of no other algorithm."""

FACTS = {
    "seed": "where every random draw of the trial should come from",
    "trial": "its number",
    "directory": "a directory of its own, to write to",
    "source": "where its code is",
    "from_step": "the step at which it begins",
    "until": "the step at which it ends for now",
    "horizon": "the step at which the whole training is meant to end",
    "checkpoint": "what it goes on from; empty for nothing",
}
"""What `{name}` in an argument stands for, besides hyperparameters."""

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w-]*)\}", re.ASCII)
_NAME = re.compile(r"[A-Za-z][\w-]{0,99}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_]\w{0,199}", re.ASCII)
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*|[A-Za-z_][\w-]*", re.ASCII)
# Variables by which a trial is told what to do.
_OURS = "AMC_"


def _reference(name: str) -> str:
    if _REFERENCE.fullmatch(name):
        return name
    raise ValueError(
        f"{name[:100]!r} is no function. Write module:function, such as my_code:train."
    )


def _variable(name: str) -> str:
    if _VARIABLE.fullmatch(name) is None:
        raise ValueError(f"{name[:100]!r} cannot be the name of a variable.")
    if name.startswith(_OURS):
        raise ValueError(f"{name!r} is set by amc. Choose another name.")
    return name


def _is_object(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value
    raise ValueError(
        "it holds environment variables of a command, as an object. Did you mean "
        "'environment.name'?"
    )


Argument = Annotated[str, Field(max_length=100_000)]
Command = Annotated[tuple[Argument, ...], Field(strict=False, min_length=1, max_length=1000)]
Reference = Annotated[str, AfterValidator(_reference)]
Variables = Annotated[
    dict[Annotated[str, AfterValidator(_variable)], str | None], BeforeValidator(_is_object)
]


class ScoreFrom(StrictModel):
    """Where the scores of a command are read that reports none itself."""

    tensorboard: Annotated[str, Field(min_length=1, max_length=1000)]
    """The tag of a scalar in the event files below the trial's directory: rollout/ep_rew_mean."""


class OwnHyperparameters(Hyperparameters):
    """What a trainer of the user's own is given: any names, any values."""

    is_free: ClassVar[bool] = True


def free(config: Mapping[str, Any]) -> tuple[type[OwnHyperparameters], list[Problem]]:
    """The model of the hyperparameters that a config names, fixed or searched.

    Args:
        config: as written.

    Returns:
        The model; and names that none can have.
    """
    found: list[Problem] = []
    fields: dict[str, Any] = {}
    for path, names in _named(config):
        for name in names:
            if name in FACTS or not _is_possible(name):
                found.append(Problem((*path, name), _impossible(name), at_key=True))
            else:
                fields[name] = (Annotated[Any, MAY_CHANGE], None)
    with warnings.catch_warnings():
        # `json` and the like are old methods of pydantic's, which nobody calls.
        warnings.filterwarnings("ignore", message="Field name .* shadows an attribute")
        return create_model("OwnHyperparameters", __base__=OwnHyperparameters, **fields), found


def _named(config: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    search = config.get("hyperparameter_optimizer")
    space = search.get("search_space") if isinstance(search, Mapping) else None
    schedule = config.get("schedule")
    changes = schedule if isinstance(schedule, list | tuple) else ()
    for path, values in (
        (("algorithm_config",), config.get("algorithm_config")),
        (("hyperparameter_optimizer", "search_space"), space),
        *(
            (("schedule",), change.get("hyperparameters"))
            for change in changes
            if isinstance(change, Mapping)
        ),
    ):
        if isinstance(values, Mapping):
            yield path, [str(key).removeprefix("algorithm_config.") for key in values]


def _is_possible(name: str) -> bool:
    is_ours = hasattr(OwnHyperparameters, name) and name not in _OUTDATED
    return _NAME.fullmatch(name) is not None and not is_ours and not name.startswith("model_")


# Of pydantic's first version; a field may have such a name.
_OUTDATED = {"copy", "dict", "json", "schema", "construct", "validate"}


def _impossible(name: str) -> str:
    if name in FACTS:
        return f"{name!r} is told to every trial: {FACTS[name]}. Choose another name."
    why = "amc uses it; choose another one" if _NAME.fullmatch(name) else "a letter comes first"
    return f"{name[:100]!r} cannot name a hyperparameter here: {why}. Letters, digits, _ and -."


def filled(command: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """A command with every `{name}` replaced.

    Args:
        command: as the config writes it.
        values: hyperparameters and `FACTS`; null leaves nothing, and what is no text is JSON.
    """
    return [_PLACEHOLDER.sub(lambda match: _text(match, values), argument) for argument in command]


def _text(match: re.Match[str], values: Mapping[str, Any]) -> str:
    value = values.get(match[1], match[0])
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def problems(config: Mapping[str, Any], hyperparameters: Iterable[str]) -> Iterator[Problem]:
    """What the settings of a trainer of the user's own say together.

    Args:
        config: as written; `algorithm` is `command`.
        hyperparameters: the names of those that it is given.
    """
    command, trainer = config.get("command"), config.get("trainer")
    if (command is None) == (trainer is None):
        message = (
            'an algorithm "command" needs one of command, such as ["python", "train.py"], and '
            f'trainer, such as "my_code:train", but got {"neither" if command is None else "both"}.'
        )
        yield Problem(("command",), message)
    if trainer is not None:
        for key in ("score_from", "env", "working_directory"):
            if config.get(key) is not None:
                yield Problem((key,), "it belongs to a command; a function is called. Remove it.")
    if isinstance(command, list | tuple):
        yield from _unknown_placeholders(command, {*FACTS, *hyperparameters})
    if isinstance(env := config.get("env"), Mapping):
        yield from _secrets(env)


def _unknown_placeholders(command: Sequence[Any], known: set[str]) -> Iterator[Problem]:
    for index, argument in enumerate(command):
        for name in _PLACEHOLDER.findall(argument) if isinstance(argument, str) else ():
            if name not in known:
                yield Problem(
                    ("command", index),
                    f"{{{name}}} stands for nothing. {did_you_mean(name, known)}"
                    f"Known: {', '.join(sorted(known))}. Name it in search_space or "
                    f"algorithm_config. To have braces stand for themselves, write {{ {name} }}.",
                )


def _secrets(env: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in env.items():
        if value is not None and is_secret(str(name)):
            yield Problem(
                ("env", str(name)),
                "it looks like a secret, and a config is recorded as it stands. Write null: the "
                "trial then gets the value that its worker has.",
            )


def foreign(config: Mapping[str, Any], algorithm: str) -> Iterator[Problem]:
    """Settings of a trainer of the user's own, where another algorithm trains."""
    for key in KEYS:
        if config.get(key) not in (None, False, {}):
            message = f'it belongs to "algorithm": "{COMMAND}", but algorithm is {algorithm!r}.'
            yield Problem((key,), f"{message} Remove one of the two.", at_key=True)
