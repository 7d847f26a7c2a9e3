"""What a config has run that is not amc's, and whether this process allows it.

A config can name a command or a function (`amc.config.own_trainer`), so whoever can submit one
could have anything run. Closed by default: a worker runs only what the allow-lists name that it was
started with, AMC_ALLOW_COMMANDS and AMC_ALLOW_MODULES. The doors are `foreign_code`,
`require_allowed`, `suits` and `fingerprints`.
"""

import hashlib
import json
import os
import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from amc.broker import heartbeats
from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.settings import (
    ALLOW_COMMANDS_VARIABLE,
    ALLOW_SOURCES_VARIABLE,
    ALLOW_VARIABLE,
    allowed_commands,
    allowed_modules,
    allowed_sources,
    shared_dir,
)

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.ASCII | re.DOTALL)
_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class ForeignCode:
    """A command or a function that a config names.

    Attributes:
        shown: as it is told to people.
        list: the variable of the allow-list that must name it.
        words: of a command what a shell would have: its variables as NAME=value, then program and
            arguments as the config writes them; of a function its module.
        source: where it is looked for; the words may be a relative path, or a module there.
        n_variables: how many of the words are variables.
    """

    shown: str
    list: str
    words: tuple[str, ...]
    source: Path
    n_variables: int = 0

    @property
    def is_allowed(self) -> bool:
        """Whether this process may run it."""
        return self.is_allowed_by(fingerprints())

    def is_allowed_by(self, allowed: Collection[str]) -> bool:
        """Whether a process may run it whose allow-lists have these fingerprints."""
        is_named = self.is_nameable and not self._beginnings.isdisjoint(allowed)
        return is_named and not self._places.isdisjoint(allowed)

    @property
    def is_nameable(self) -> bool:
        """Whether an allow-list can name it at all."""
        # A program that the search chooses could be any; one called A=1 would be taken for a
        # variable in an entry.
        program = self.words[self.n_variables]
        return "{" not in program and _ASSIGNMENT.fullmatch(program) is None

    @property
    def _beginnings(self) -> frozenset[str]:
        """The fingerprints of all entries that name it: its first words, variables and program."""
        ends = range(self.n_variables + 1, len(self.words) + 1)
        return frozenset(_fingerprint(self.list, self.words[:end]) for end in ends)

    @property
    def _places(self) -> frozenset[str]:
        """The fingerprints of all directories that may be allowed for its source to be.

        Whoever submits can write into the shared directory: nothing above it speaks for what lies
        in it.
        """
        shared, places = shared_dir(), [self.source, *self.source.parents]
        if shared in places:
            places = places[: places.index(shared) + 1]
        return frozenset(_fingerprint(ALLOW_SOURCES_VARIABLE, (str(one),)) for one in places)

    @property
    def remedy(self) -> str:
        """The sentence that says how to allow it."""
        if not self.is_nameable:
            return (
                f"Its program, {self.words[self.n_variables][:_LONGEST_SHOWN]!r}, cannot be named "
                "in an allow-list: write the program itself as the command's first word."
            )
        return (
            "If you trust it, start the workers with it on their allow-list: "
            f"amc down && {self.assignment} amc up"
        )

    @property
    def assignment(self) -> str:
        """What a shell takes before a command to have it allowed, beside what is allowed here."""
        own = [] if self.is_allowed else [self._entry]
        named = f"{self.list}={shlex.quote(','.join([*self._others, *own]))}"
        if self._places.isdisjoint(_sources()):
            named += f" {ALLOW_SOURCES_VARIABLE}={shlex.quote(str(self.source))}"
        return named

    @property
    def _others(self) -> Sequence[str]:
        text = os.environ.get(self.list, "")
        return [text] if text else []

    @property
    def _entry(self) -> str:
        """Its words up to what differs from trial to trial, without options that this leaves."""
        if self.list == ALLOW_VARIABLE:
            return self.words[0]
        fixed = self.words[: self.n_variables + 1]
        for word in self.words[len(fixed) :]:
            if "{" in word.replace("{source}", ""):  # where that is, the other list says
                break
            fixed += (word,)
        while len(fixed) < len(self.words) and fixed[-1].startswith("-"):
            fixed = fixed[:-1]
        return _joined(fixed)

    def permit(self) -> None:
        """Allow it to this process, and to what this starts: a command as it is, and no other."""
        if self.list == ALLOW_VARIABLE:
            os.environ[self.list] = ",".join([*self._others, self.words[0]])
        else:
            os.environ[self.list] = _joined(self.words)
        os.environ[ALLOW_SOURCES_VARIABLE] = str(self.source)


def foreign_code(config: ExperimentConfig) -> ForeignCode | None:
    """What a config has run that must be allowed; None where amc itself, or a plug-in, trains."""
    source = Path(config.source or os.curdir).resolve()
    if config.trainer is not None:
        module, colon, _ = config.trainer.partition(":")
        if not colon:
            return None  # the entry point of an installed package
        return ForeignCode(f"the function {config.trainer}", ALLOW_VARIABLE, (module,), source)
    if config.command is None:
        return None
    # Variables decide what a program is and does (PATH, LD_PRELOAD, PYTHONPATH), so they are a
    # part of what is allowed. One without a value has the worker's own.
    variables = [f"{name}={text}" for name, text in sorted(config.env.items()) if text is not None]
    words = (*variables, *config.command)
    shown = " ".join(words)
    if len(shown) > _LONGEST_SHOWN:
        shown = shown[: _LONGEST_SHOWN - 4] + " ..."
    return ForeignCode(f"`{shown}`", ALLOW_COMMANDS_VARIABLE, words, source, len(variables))


def require_allowed(config: ExperimentConfig) -> None:
    """Refuse what this process is not allowed to run; to be called right before it is run.

    Raises:
        UsageError: the config names a command or a function that the allow-lists do not.
    """
    code = foreign_code(config)
    if code is not None and not code.is_allowed:
        raise UsageError(f"{code.shown} is not allowed here. {code.remedy}")


def suits(config: ExperimentConfig) -> heartbeats.Suits:
    """Whether a worker may be sent a trial of this config, by what its heartbeat says."""
    code = foreign_code(config)
    if code is None:
        return heartbeats.anyone
    return lambda worker: code.is_allowed_by(worker.allows)


def fingerprints() -> tuple[str, ...]:
    """What this process allows, an entry of its allow-lists each: short, and without its words.

    Other processes are told of these alone: an entry may hold what not everybody should read.
    """
    commands = (_fingerprint(ALLOW_COMMANDS_VARIABLE, words) for words in allowed_commands())
    modules = (_fingerprint(ALLOW_VARIABLE, (name,)) for name in allowed_modules())
    named = {*commands, *modules}
    # Where nothing is allowed it is of no interest where that might lie.
    return tuple(sorted(named | _sources())) if named else ()


def _sources() -> frozenset[str]:
    places = map(str, allowed_sources())
    return frozenset(_fingerprint(ALLOW_SOURCES_VARIABLE, (one,)) for one in places)


def _fingerprint(variable: str, words: Iterable[str]) -> str:
    text = json.dumps([variable, *words])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _joined(words: Iterable[str]) -> str:
    """An entry that is split into these words again."""
    return " ".join(f"'{word}'" if _has_bare_comma(word) else shlex.quote(word) for word in words)


def _has_bare_comma(word: str) -> bool:
    return "," in word and shlex.quote(word) == word
