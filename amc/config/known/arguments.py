"""Whether an environment and its wrappers exist and take the arguments that a config gives them.

Gymnasium's own environments are in a table; what else is installed is asked (`inquiry`). The door
is `check`. A name that can only be told where its package is passes with a sentence: a worker tells
before the trial's first step.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from amc.config.known import names
from amc.config.known.environments import KNOWN
from amc.config.known.inquiry import Answer, Question, ask, gymnasium_version
from amc.config.known.keywords import GYMNASIUM_VERSION, TAKES
from amc.config.schema import MOST_WRAPPERS
from amc.config.text.document import Path, Problem
from amc.config.text.faults import listed
from amc.plugins import did_you_mean


class _Call(NamedTuple):
    """Something that a config has called with keyword arguments."""

    path: Path
    question: Question
    keywords: Mapping[str, Any]


def check(environment: Any) -> tuple[list[Problem], list[str]]:
    """What is wrong with names and arguments, and sentences on what cannot be told here.

    Args:
        environment: the section as written, which may have faults of its own.
    """
    if not isinstance(environment, Mapping):
        return [], []
    calls = [*_environment(environment), *_wrappers(environment.get("wrappers"))]
    answers = _answers(calls)
    problems = [problem for call, answer in answers for problem in _problems(call, answer)]
    warnings = [
        f"{'.'.join(map(str, call.path))}: {call.question.name!r} cannot be looked at here "
        f"({answer.failed}); whether it is there and takes its arguments, a worker will tell."
        for call, answer in answers
        if answer.failed
    ]
    return problems, warnings


def _environment(environment: Mapping[str, Any]) -> Iterator[_Call]:
    name, keywords = environment.get("name"), environment.get("kwargs", {})
    keywords = keywords if isinstance(keywords, Mapping) else {}
    if not isinstance(name, str) or environment.get("backend") == "envpool":
        return
    is_known = name in KNOWN or name in TAKES or names.is_plug_in(name, names.ENVIRONMENTS)
    if keywords if is_known else names.may_be_registered(name):
        yield _Call(("environment",), Question("environment", name), keywords)


def _wrappers(wrappers: Any) -> Iterator[_Call]:
    if not isinstance(wrappers, list) or len(wrappers) > MOST_WRAPPERS:
        return
    for index, wrapper in enumerate(wrappers):
        if not isinstance(wrapper, Mapping) or not isinstance(wrapper.get("name"), str):
            continue
        name, keywords = wrapper["name"], wrapper.get("kwargs")
        if (
            isinstance(keywords, Mapping)
            and keywords
            and names.is_plug_in(name, names.WRAPPERS_GROUP)
        ):
            yield _Call(("environment", "wrappers", index), Question("wrapper", name), keywords)


def _answers(calls: list[_Call]) -> list[tuple[_Call, Answer]]:
    known = {call.question: _from_table(call.question) for call in calls}
    asked = [question for question, answer in known.items() if answer is None]
    answers = known | dict(zip(asked, ask(asked), strict=True))
    return [(call, answers[call.question] or Answer()) for call in calls]


def _from_table(question: Question) -> Answer | None:
    """What is known of an environment of Gymnasium's own, if the table is of the version here."""
    name = KNOWN[question.name].gymnasium_id if question.name in KNOWN else question.name
    if question.kind != "environment" or name not in TAKES:
        return None
    if gymnasium_version() not in (GYMNASIUM_VERSION, None):
        return None
    takes = TAKES[name]
    return Answer(None if takes is None else sorted(takes))


def _problems(call: _Call, answer: Answer) -> list[Problem]:
    name = call.question.name
    if answer.unknown:
        return [Problem((*call.path, "name"), answer.unknown)]
    wrong = [
        Problem((*call.path, "kwargs", key), partial(_not_taken, key, name, answer), at_key=True)
        for key in call.keywords
        if answer.takes is not None
        and key not in answer.takes
        and key not in names.RESERVED_KEYWORDS
    ]
    lacking = [key for key in answer.needs if key not in call.keywords]
    if lacking:
        message = f"{name!r} needs {listed(lacking)}, which has no default. Add it."
        wrong.append(Problem((*call.path, "kwargs"), message))
    return wrong


def _not_taken(key: str, name: str, answer: Answer) -> str:
    takes = [word for word in answer.takes or () if word not in names.RESERVED_KEYWORDS]
    taken = f"It takes: {', '.join(takes)}." if takes else "It takes none."
    return f"{name!r} takes no such argument. {did_you_mean(key, takes)}{taken}"
