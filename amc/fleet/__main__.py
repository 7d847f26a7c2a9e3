"""`python -m amc.fleet`: the supervisor as a process of its own, started by `amc.fleet.up`.

It reads one JSON document from standard input, leaves the session that started it, and answers with
one on standard output: `{}` when everything is started, else the reason why not.
"""

import json
import logging
import os
import sys
from pathlib import Path

from amc import logs
from amc.errors import AmcError
from amc.fleet.description import Description
from amc.fleet.state import FleetPaths
from amc.fleet.supervisor import Keeper, Supervisor

_LOG = logging.getLogger(__name__)


def main() -> None:
    """Run the fleet that standard input describes."""
    request = json.load(sys.stdin)
    paths = FleetPaths(Path(request["shared"]))
    try:
        # Before the fork: whoever waits for this process finds a log, whatever comes of the fleet.
        log = _log(paths)
    except OSError as error:
        _say_failed(error)
        return
    # The parent of this process waits for it; the fleet itself belongs to nobody.
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
    _send(os.open(os.devnull, os.O_RDONLY), to=0)
    _send(log, to=2)
    logs.configure()
    owner = Keeper(**request["owner"]) if request["owner"] else None
    try:
        description = Description.from_json(request["description"])
        Supervisor(description, paths, owner).run(when_started=_say_started)
    except BrokenPipeError:
        _LOG.warning("whoever started this fleet did not wait for it: stopped")
    except (AmcError, OSError) as error:
        _say_failed(error)


def _say_started() -> None:
    print("{}", flush=True)
    _send(os.dup(2), to=1)


def _say_failed(error: AmcError | OSError) -> None:
    exit_code = getattr(error, "exit_code", AmcError.exit_code)
    print(json.dumps({"message": str(error), "exit_code": exit_code}), flush=True)


def _log(paths: FleetPaths) -> int:
    log = paths.log("supervisor")
    log.parent.mkdir(parents=True, exist_ok=True)
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def _send(descriptor: int, *, to: int) -> None:
    os.dup2(descriptor, to)
    os.close(descriptor)


if __name__ == "__main__":
    main()
