"""Start and stop a machine's fleet. Its doors are `up`, `stay`, `down` and `clear`.

The fleet is run by a supervisor that belongs to no terminal; `up` returns when everything in it is
ready. A fleet that cannot come up whole is taken down again.
"""

import json
import os
import shutil
import signal
import socket
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from amc import logs
from amc.broker.connection import check, connect
from amc.broker.machine import identify, require_linux, require_writable
from amc.errors import AmcError, BrokerError, UsageError
from amc.fleet.ahead import Ahead
from amc.fleet.commands import LOOPBACK, broker_of
from amc.fleet.description import Description
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.flower import password
from amc.fleet.identity import signal_process, wait_gone
from amc.fleet.jupyter import require_installed, token
from amc.fleet.readiness import await_ready
from amc.fleet.state import living
from amc.fleet.supervisor import Keeper, Supervisor
from amc.fleet.surroundings import FLOWER_AUTH_VARIABLE, JUPYTER_TOKEN_VARIABLE
from amc.settings import ALLOW_LISTS, embedded_directory, shared_dir

_WARM_STOP_S = 45.0
_COLD_STOP_S = 10.0  # 6 s of it for a broker that does not answer


def up(
    description: Description,
    *,
    shared: Path | None = None,
    deadline_s: float = 60.0,
    is_tied: bool = False,
    ahead: Ahead | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> bool:
    """Start this machine's fleet and wait until each of its workers is heard of.

    Args:
        description: what to run.
        shared: the directory that holds every experiment; `shared_dir()` if None.
        deadline_s: how long workers that are not ready may do nothing.
        is_tied: whether the fleet ends when the calling process does.
        ahead: a supervisor that waits to be told what to run, if one was started.
        say: called with a line for people whenever something has come up.

    Returns:
        True if this call started the fleet; False if the same fleet was up already.

    Raises:
        UsageError: a fleet with another description is up, a dashboard's port is taken, or this
            is no Linux.
        BrokerError: no broker, or a worker was not heard of in time; nothing is left running.
    """
    require_linux()
    paths = FleetPaths((shared or shared_dir()).absolute())
    require_writable(paths.shared)
    running = living(paths.state)
    if running is not None:
        _refuse_other(paths, running.description, description)
    else:
        # Interrupted here, nobody reads the supervisor's answer, and it stops by itself.
        _launch(description, paths, is_tied=is_tied, supervisor=ahead or Ahead())
    try:
        await_ready(paths, description, deadline_s, say)
    except BaseException:
        if running is None:
            down(shared=paths.shared, at_once=True)
        raise
    return running is None


def stay(description: Description, *, shared: Path | None = None) -> None:
    """Run this machine's fleet in this process until SIGTERM or Ctrl-C; its log: standard error.

    Args:
        description: what to run.
        shared: the directory that holds every experiment; `shared_dir()` if None.

    Raises:
        UsageError: a fleet is up, a dashboard's port is taken, or this is no Linux.
        BrokerError: there is no redis-server, or it cannot run.
    """
    require_linux()
    paths = FleetPaths((shared or shared_dir()).absolute())
    require_writable(paths.shared)
    _refuse_impossible_dashboards(description)
    logs.configure()
    Supervisor(description, paths).run(when_started=lambda: None)


def down(*, shared: Path | None = None, at_once: bool = False) -> bool:
    """Stop this machine's fleet; False if none is up.

    Args:
        shared: the directory that holds every experiment; `shared_dir()` if None.
        at_once: do not let the workers hand back what they run. Nothing is lost by that either,
            except the steps since the last checkpoint.

    Raises:
        AmcError: the supervisor does not end.
    """
    state = living(FleetPaths((shared or shared_dir()).absolute()).state)
    if state is None:
        return False
    steps = [(signal.SIGQUIT, _COLD_STOP_S), (signal.SIGKILL, _COLD_STOP_S)]
    if not at_once:
        steps.insert(0, (signal.SIGTERM, _WARM_STOP_S))
    for number, timeout_s in steps:
        signal_process(state.pid, state.identity, number)
        if wait_gone(state.pid, state.identity, timeout_s):
            return True
    raise AmcError(f"The supervisor, process {state.pid}, does not end.")


def clear(*, shared: Path | None = None) -> None:
    """Remove what this machine's fleet has left: logs, passwords, what its own Redis holds.

    Experiments stay: what Redis held of those that are not finished is made again by the next `up`.

    Args:
        shared: the directory that holds every experiment; `shared_dir()` if None.

    Raises:
        UsageError: the fleet is up.
    """
    paths = FleetPaths((shared or shared_dir()).absolute())
    if living(paths.state) is not None:
        raise UsageError(f"{paths.directory}: the fleet is up. Stop it first: amc down.")
    for directory in (paths.directory, embedded_directory(paths.shared)):
        if directory.exists():
            shutil.rmtree(directory)


def standing(*, shared: Path | None = None) -> Literal["up", "down", "killed"]:
    """How this machine's fleet stands; `killed`: its supervisor ended without a word.

    Args:
        shared: the directory that holds every experiment; `shared_dir()` if None.
    """
    path = FleetPaths((shared or shared_dir()).absolute()).state
    if living(path) is not None:
        return "up"
    return "killed" if path.exists() else "down"


def flower_invitation(port: int, *, shared: Path | None = None) -> str:
    """Where Flower is and how to log in; a password that the user has set is not repeated.

    Args:
        port: Flower's.
        shared: the directory that holds every experiment; `shared_dir()` if None.
    """
    auth = password(FleetPaths((shared or shared_dir()).absolute()).flower_auth)
    user, _, word = auth.partition(":")
    if os.environ.get(FLOWER_AUTH_VARIABLE):
        word = f"as in {FLOWER_AUTH_VARIABLE}"
    return f"Flower: http://{LOOPBACK}:{port}/ user {user}, password {word}"


def jupyter_invitation(port: int, *, shared: Path | None = None) -> str:
    """Where Jupyter Lab is; a token that the user has set is not repeated.

    Args:
        port: Jupyter Lab's.
        shared: the directory that holds every experiment; `shared_dir()` if None.
    """
    page = f"Jupyter Lab: http://{LOOPBACK}:{port}/lab"
    if os.environ.get(JUPYTER_TOKEN_VARIABLE):
        return f"{page} token as in {JUPYTER_TOKEN_VARIABLE}"
    return f"{page}?token={token(FleetPaths((shared or shared_dir()).absolute()).jupyter_token)}"


def _refuse_other(paths: FleetPaths, running: Description, wanted: Description) -> None:
    if running != wanted:
        raise UsageError(
            f"{paths.directory}: another fleet is up: {running}. "
            f"It is not the one that is wanted: {wanted}. Stop it first: amc down."
        )


def _refuse_impossible_dashboards(description: Description) -> None:
    if description.jupyter_port is not None:
        require_installed()
    for name, port in description.ports.items():
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((LOOPBACK, port))
            except OSError as error:
                raise UsageError(
                    f"{name}: port {port} of {LOOPBACK} cannot be had: {error.strerror}. "
                    f"Choose another one: --{name}-port."
                ) from error


def _launch(
    description: Description, paths: FleetPaths, *, is_tied: bool, supervisor: Ahead
) -> None:
    """Tell a supervisor what to run; returns when the broker answers and every process is started.

    Raises:
        UsageError, BrokerError: as `up` does.
        AmcError: it ended without a word.
    """
    with supervisor:
        _refuse_impossible_dashboards(description)
        if broker_of(paths.shared).directory is None:
            check(connect())
        owner = Keeper(os.getpid(), identify(os.getpid()) or "") if is_tied else None
        answer = supervisor.ask(
            {
                "shared": str(paths.shared),
                "description": description.to_json(),
                "owner": asdict(owner) if owner else None,
                # It was started before a user had agreed to anything.
                "allowed": {name: os.environ.get(name, "") for name in ALLOW_LISTS},
            }
        )
    if not answer:
        raise AmcError(f"The supervisor did not start. Its log: {paths.log('supervisor')}")
    failure = json.loads(answer)
    if failure:
        kind = {UsageError.exit_code: UsageError, BrokerError.exit_code: BrokerError}
        raise kind.get(failure["exit_code"], AmcError)(failure["message"])
