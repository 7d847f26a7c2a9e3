"""What installed packages say of environments and wrappers, without loading them here.

`amc.config.registry` is asked in a process of its own, for loading gymnasium and what registers
with it takes from half a second to many. What was answered is kept in the user's cache for as long
as the packages stay as they are. The door is `ask`.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import NamedTuple

from amc.config.keywords import GYMNASIUM_VERSION

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


def ask(questions: Sequence[Question], *, afresh: bool = False) -> list[Answer]:
    """The answers, in the order of the questions.

    Args:
        questions: what is asked.
        afresh: whether what was answered before does not count.
    """
    kept = {} if afresh else {question: _kept(question) for question in questions}
    open_ones = [question for question in questions if kept.get(question) is None]
    fresh = dict(zip(open_ones, _answers(open_ones), strict=True)) if open_ones else {}
    for question, answer in fresh.items():
        if not answer.unknown and not answer.failed:
            _keep(question, answer)
    return [fresh.get(question) or kept.get(question) or Answer() for question in questions]


def _answers(questions: Sequence[Question]) -> Iterable[Answer]:
    """What a new process says, with this one's path but without the current directory."""
    path = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-P", "-m", "amc.config.registry", json.dumps(questions)]
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
        kept = json.loads(path.read_text(encoding="utf-8"))
        takes, needs = kept["takes"], kept["needs"]
    except (OSError, ValueError, TypeError, KeyError):  # missing or damaged: as if never asked
        return None
    is_sound = (takes is None or isinstance(takes, list)) and isinstance(needs, list)
    return Answer(takes, needs) if is_sound else None


def _keep(question: Question, answer: Answer) -> None:
    path = _place(question)
    if path is None:
        return
    text = json.dumps({"takes": answer.takes, "needs": list(answer.needs)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        return  # a home that cannot be written costs the next check half a second


def _place(question: Question) -> Path | None:
    """The file for an answer; None where no version says whether it still holds."""
    if ":" in question.name:
        return None
    installed = sorted(
        {
            (point.dist.name, point.dist.version, point.value)
            for group in _GROUPS
            for point in entry_points(group=group)
            if point.dist is not None
        }
    )
    said_by = [sys.version, gymnasium_version(), installed, question]
    digest = sha256(json.dumps(said_by).encode()).hexdigest()[:32]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / "amc" / "arguments" / f"{digest}.json"
