"""What installed packages say of environments and wrappers, without loading them here.

`amc.config.known.registry` is asked in a process of its own, for loading gymnasium and what
registers with it takes from half a second to many. What was answered is kept in the user's cache
for as long as the packages stay as they are. The door is `ask`.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import NamedTuple

from amc.config.known.keywords import GYMNASIUM_VERSION
from amc.version import VERSION

REGISTERING_GROUP = "gymnasium.envs"
_GROUPS = (REGISTERING_GROUP, "amc.environments", "amc.wrappers")
_PATIENCE_S = 60.0


class Question(NamedTuple):
    """What is asked about: `kind` is "environment" or "wrapper"."""

    kind: str
    name: str


class Answer(NamedTuple):
    """What is known of it.

    Attributes:
        takes: names of its arguments; None where any may be right.
        needs: those without a default.
        unknown: a sentence, if nothing has the name.
        failed: a sentence, if it could not be looked at here.
    """

    takes: list[str] | None = None
    needs: Sequence[str] = ()
    unknown: str = ""
    failed: str = ""


def gymnasium_version() -> str | None:
    """Gymnasium's version here; None where it is not installed."""
    try:
        return version("gymnasium")
    except PackageNotFoundError:
        return None


def others_register() -> bool:
    """Whether there may be ids that the table of Gymnasium's own does not have."""
    return gymnasium_version() != GYMNASIUM_VERSION or bool(entry_points(group=REGISTERING_GROUP))


def ask(questions: Sequence[Question]) -> list[Answer]:
    """The answers, in the order of the questions."""
    known = {question: _kept(question) for question in questions}
    asked = [question for question, answer in known.items() if answer is None]
    for question, answer in zip(asked, _answers(asked) if asked else (), strict=True):
        known[question] = answer
        if not answer.failed:  # what failed may be mended without a new version
            _keep(question, answer)
    return [known[question] or Answer() for question in questions]


def _answers(questions: Sequence[Question]) -> Iterable[Answer]:
    """What a new process says, with this one's path but without the current directory."""
    path = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-P", "-m", "amc.config.known.registry", json.dumps(questions)]
    try:
        process = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [Answer(failed=str(error)[:200])] * len(questions)
    try:
        return [Answer(**answer) for answer in json.loads(process.stdout)]
    except (ValueError, TypeError):  # it ended before it answered
        said = process.stderr.strip().rpartition("\n")[2]
        return [Answer(failed=said or f"exit code {process.returncode}")] * len(questions)


def _kept(question: Question) -> Answer | None:
    path = _place(question)
    if path is None:
        return None
    try:
        kept = Answer(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # missing or damaged: as if never asked
        return None
    has_types = isinstance(kept.takes, list | None) and isinstance(kept.needs, list)
    return kept if has_types and isinstance(kept.unknown, str) else None


def _keep(question: Question, answer: Answer) -> None:
    path = _place(question)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(answer._asdict(), file)
        os.replace(temporary, path)
    except OSError:
        return  # a home that cannot be written costs the next check half a second


def _place(question: Question) -> Path | None:
    """The file for an answer; None where no version says whether it still holds."""
    points = [point for group in _GROUPS for point in entry_points(group=group)]
    if ":" in question.name or any(map(_is_edited, points)):
        return None
    installed = sorted(
        (point.group, point.name, point.value, point.dist.name, point.dist.version)
        for point in points
        if point.dist is not None
    )
    said_by = [VERSION, sys.version, gymnasium_version(), installed, question]
    digest = sha256(json.dumps(said_by).encode()).hexdigest()[:32]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / "amc" / "arguments" / f"{digest}.json"


def _is_edited(point: EntryPoint) -> bool:
    """Whether it is of a package that is used where it is written, under one version."""
    origin = point.dist.read_text("direct_url.json") if point.dist is not None else None
    return '"editable": true' in (origin or "")
