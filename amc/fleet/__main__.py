"""`python -m amc.fleet`: the supervisor as a process of its own, started by `amc.fleet.ahead`.

It leaves the session that started it, has the fork server begin to import, and reads one JSON
document from standard input: what to run. It answers with one on standard output: `{}` when
everything is started, else the reason why not. Where nobody asks, it ends.
"""

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amc import logs
from amc.errors import AmcError
from amc.fleet.launching import Launched, launch

if TYPE_CHECKING:
    from amc.fleet.fleet_paths import FleetPaths

_LOG = logging.getLogger(__name__)


def main() -> None:
    """Run the fleet that standard input describes."""
    # The parent of this process waits for it; the fleet itself belongs to nobody.
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
    # Whatever is started here ignores it, too, from its first moment.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    server = launch()
    # What the supervisor needs is imported now, beside the server and while the request is written.
    import amc.fleet.supervisor  # noqa: F401

    if text := sys.stdin.read():
        _run(json.loads(text), server)


def _run(request: dict[str, Any], server: Launched) -> None:
    from amc.fleet.description import Description
    from amc.fleet.fleet_paths import FleetPaths
    from amc.fleet.supervisor import Keeper, Supervisor

    paths = FleetPaths(Path(request["shared"]))
    try:
        log = _log(paths)
    except OSError as error:
        _say_failed(error)
        return
    _send(os.open(os.devnull, os.O_RDONLY), to=0)
    _send(log, to=2)
    logs.configure()
    owner = Keeper(**request["owner"]) if request["owner"] else None
    os.environ.update(request.get("allowed", {}))
    try:
        description = Description.from_json(request["description"])
        Supervisor(description, paths, owner, server).run(when_started=_say_started)
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


def _log(paths: "FleetPaths") -> int:
    log = paths.log("supervisor")
    log.parent.mkdir(parents=True, exist_ok=True)
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def _send(descriptor: int, *, to: int) -> None:
    os.dup2(descriptor, to)
    os.close(descriptor)


if __name__ == "__main__":
    main()
