"""TensorBoard on a directory where every run has its short name: `cartpole-1/0007`.

    python -P -m amc.fleet.tensorboard_program SHARED [--host HOST] [--port PORT]

TensorBoard names a run by its path, which is `cartpole-1/tensorboard/0007` below a shared directory
that holds much besides. So it is given a directory of links, which is its own and follows what is
submitted and removed. Its doors are `serve` and `main`.
"""

import argparse
import base64
import json
import logging
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from tensorboard import default, program

from amc.errors import UsageError
from amc.ledger.paths import ExperimentPaths

DEFAULT_PORT = 6006
_LINK_EVERY_S = 5.0
_TRIED_PORTS = 20
# Of more runs than this its pages of charts show none until they are ticked.
_SHOWN_BY_ITSELF, _TICKED = 40, 8
# Its page of custom scalars shows what one looks for first, every chart open; unless told not to,
# it draws a best score so far lower than it is.
_PAGE = "#custom_scalars&_smoothingWeight=0"


def serve(
    shared: Path,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    experiment: str | None = None,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve until an exception, such as that of Ctrl-C, ends it.

    Args:
        shared: the directory that holds every experiment.
        host: where it listens.
        port: refused if it is taken; None for 6006, or the next one that is free.
        experiment: show this one only; None for all.
        announce: told the URL once the page can be opened.

    Raises:
        UsageError: the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="amc-tensorboard-") as name:
        runs = Path(name)
        link(shared, runs, experiment)
        board = program.TensorBoard(default.get_plugins())
        port = _free(host, port)
        board.configure(logdir=str(runs), host=host, port=port)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        try:
            board.launch()
        except program.TensorBoardServerException as error:
            raise _taken(port) from error
        announce(f"http://{host}:{port}/{_PAGE}{_ticked(runs)}")
        # Waited for in pieces: a signal's handler runs between them.
        while not threading.Event().wait(_LINK_EVERY_S):
            link(shared, runs, experiment)


def link(shared: Path, runs: Path, experiment: str | None = None) -> None:
    """Let `runs` hold a link `<id>` to the event files of each experiment, and no other.

    Args:
        shared: the directory that holds every experiment.
        runs: a directory of links.
        experiment: the only one to show; None for all.
    """
    wanted = {}
    for directory in shared.iterdir() if shared.is_dir() else ():
        events = ExperimentPaths(directory).tensorboard
        if not directory.name.startswith(".") and experiment in {None, directory.name}:
            wanted[directory.name] = events.resolve()
    for path in runs.iterdir():
        if path.name not in wanted or not path.exists():
            path.unlink()
    for name, events in wanted.items():
        if events.is_dir() and not (runs / name).is_symlink():
            (runs / name).symlink_to(events)


def _ticked(runs: Path) -> str:
    """What follows in the URL where there are many runs: the newest search and its first trials."""
    newest = max(runs.iterdir(), key=lambda path: path.stat().st_mtime, default=None)
    if newest is None or sum(1 for _ in runs.glob("*/*/")) < _SHOWN_BY_ITSELF:
        return ""
    trials = sorted(path.name for path in newest.iterdir() if path.is_dir())
    names = [newest.name, *(f"{newest.name}/{trial}" for trial in trials[:_TICKED])]
    text = json.dumps(dict.fromkeys(names, True), separators=(",", ":"))
    return f"&runSelectionState={quote(base64.b64encode(text.encode()))}"


def _free(host: str, port: int | None) -> int:
    """The port that was asked for, or the first free one."""
    ports = [port] if port else list(range(DEFAULT_PORT, DEFAULT_PORT + _TRIED_PORTS))
    for one in ports:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
            # A connection that was just closed keeps nobody from listening.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, one))
            except OSError:
                continue
            return one
    raise _taken(ports[0])


def _taken(port: int) -> UsageError:
    return UsageError(
        f"port {port}: something else listens there. Name another one: --port {port + 1}; or none, "
        "then the next free one is taken."
    )


def main() -> None:
    """Serve what the command line names, until a signal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        serve(options.shared, host=options.host, port=options.port)
    except UsageError as error:
        sys.exit(f"amc: {error}")


if __name__ == "__main__":
    main()
