"""Requests and ends: what users ask for once an experiment is recorded, and where it ended.

    requests/0002.json   the third request; the first writer wins a number
    ends/0002.json       the experiment ended, having dealt with the requests before that number

So it is finished while `ends/<number of requests>` is there, and a later request lets it go on
without anything being taken back.
"""

import re
from collections.abc import Container
from dataclasses import replace
from pathlib import Path

from amc.errors import LedgerError
from amc.ledger import files
from amc.ledger.paths import ExperimentPaths
from amc.ledger.records import End, Request

_NUMBER = re.compile(r"(\d{4,})\.json")


def ask(paths: ExperimentPaths, request: Request) -> Request:
    """Record a request under the next free number; what number it has does not matter.

    Returns:
        The request as it was recorded.

    Raises:
        LedgerError: nobody could read it again, so that the experiment would wait for ever.
    """
    Request.from_json(request.to_json(), "request")
    number = count(paths)
    while True:
        numbered = replace(request, number=number)
        if files.create(paths.request(number), numbered.to_json(), point="request"):
            return numbered
        number += 1


def count(paths: ExperimentPaths) -> int:
    """How many requests there are.

    Raises:
        LedgerError: it cannot be told.
    """
    return 1 + max(_numbers(paths.requests), default=-1)


def unhandled(paths: ExperimentPaths, handled: Container[int]) -> tuple[Request, ...]:
    """The requests whose numbers are not among these, in order.

    Raises:
        LedgerError: a record is damaged or gone.
    """
    return tuple(read(paths, n) for n in range(count(paths)) if n not in handled)


def read(paths: ExperimentPaths, number: int) -> Request:
    """A request that there is.

    Raises:
        LedgerError: its record is damaged or gone.
    """
    path = paths.request(number)
    request = Request.from_json(files.required(path), path)
    if request.number != number:
        raise LedgerError(f"{path}: is request {request.number}, not {number}.")
    return request


def ends(paths: ExperimentPaths) -> dict[int, End]:
    """Every end so far, by how many requests had been dealt with.

    Raises:
        LedgerError: a record is damaged.
    """
    found = {}
    for number in _numbers(paths.ends):
        path = paths.end(number)
        found[number] = End.from_json(files.required(path), path)
    return found


def end(paths: ExperimentPaths) -> End | None:
    """How the experiment ended; None while it has not, or since it was asked to go on.

    Raises:
        LedgerError: the record is damaged.
    """
    requests = count(paths)
    path = paths.end(requests)
    data = files.read(path)
    if data is None and requests == 0:
        path = paths.only_end
        data = files.read(path)
    return None if data is None else End.from_json(data, path)


def is_finished(paths: ExperimentPaths) -> bool:
    """Whether nothing will happen unless somebody asks for more.

    Raises:
        LedgerError: it cannot be told.
    """
    requests = count(paths)
    is_ended = files.exists(paths.end(requests))
    return is_ended or (requests == 0 and files.exists(paths.only_end))


def _numbers(directory: Path) -> list[int]:
    """The numbers of the records in a directory."""
    try:
        found = [match for path in directory.iterdir() if (match := _NUMBER.fullmatch(path.name))]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LedgerError(f"{directory}: cannot be read ({error.strerror}).") from error
    return sorted(int(match[1]) for match in found)
