"""Pages of the log: 256 decisions in one file, so that a new process need not open each of them.

They are copies of records that never change, made by the driver as soon as a page is full, and
never the truth: where one is damaged or gone, the decisions are read themselves. The first line has
a checksum of the others, a decision each.
"""

import hashlib
import json
import logging
from collections.abc import Sequence

from amc.errors import LedgerError
from amc.ledger import files
from amc.ledger.paths import ExperimentPaths
from amc.ledger.records import Decision

_LOG = logging.getLogger(__name__)
PAGE = 256


def write(paths: ExperimentPaths, decisions: Sequence[Decision]) -> None:
    """Record a page; a page that is there already has the same content.

    Args:
        paths: of the experiment.
        decisions: `PAGE` of them, from a multiple of `PAGE` on.
    """
    body = "".join(files.encode(decision.to_json(), compact=True) for decision in decisions)
    first, written = decisions[0].number, body.encode(errors="backslashreplace")
    head = files.encode({"first": first, "checksum": _checksum(written)}, compact=True)
    files.replace(paths.snapshot(first // PAGE), head + body, sync=False, point="snapshot")


def read(paths: ExperimentPaths, first: int) -> list[Decision]:
    """The page that begins with a decision; empty where it is not there, or not what was written.

    Args:
        paths: of the experiment.
        first: number of the decision.
    """
    path = paths.snapshot(first // PAGE)
    if first % PAGE:
        return []
    try:
        head, _, body = path.read_bytes().partition(b"\n")
        if json.loads(head) != {"first": first, "checksum": _checksum(body)}:
            raise ValueError("its checksum differs")
        found = [Decision.from_text(line, path) for line in body.splitlines()]
        if [decision.number for decision in found] != list(range(first, first + PAGE)):
            raise ValueError("it is not the page that its name says")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, LedgerError) as error:
        _LOG.warning("%s: %s; the decisions are read one by one.", path, error)
        return []
    return found


def _checksum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]
