"""Wait until a fleet is ready. Its door is `await_ready`.

A worker is ready when its heartbeat comes from the process that the supervisor started, so that one
left over from an earlier fleet does not count; a dashboard when its port answers.
"""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import redis

from amc.broker.connection import Client, connect
from amc.broker.heartbeats import in_number_order, live_workers
from amc.errors import BrokerError
from amc.fleet.commands import LOOPBACK, broker_of
from amc.fleet.description import Description
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.forking import NAME as FORK_SERVER
from amc.fleet.patience import Patience, tail
from amc.fleet.state import FleetState, living

_POLL_S = 0.03
_HOPELESS_RESTARTS = 3


def await_ready(
    paths: FleetPaths, description: Description, deadline_s: float, say: Callable[[str], None]
) -> None:
    """Wait until every worker and dashboard of a fleet is ready.

    Args:
        paths: the fleet's files.
        description: what runs.
        deadline_s: how long what is not ready may do nothing.
        say: called with a line for people whenever something has come up.

    Raises:
        BrokerError: something is not ready in time, keeps on dying, or the supervisor has ended.
    """
    client = connect(broker_of(paths.shared).url, paths.shared)
    patience = Patience(deadline_s, paths.log, say)
    names = sorted([*description.worker_names, *description.ports], key=in_number_order)
    ready: set[str] = set()
    while len(ready) < len(names):
        state = living(paths.state)
        if state is None:
            raise BrokerError(f"The fleet has ended.{_log_tail(paths.log('supervisor'))}")
        found = _heard(client, state) | _answering(description)
        for name in (name for name in names if name in found - ready):
            ready.add(name)
            say(f"{name} is ready ({len(ready)} of {len(names)})")
        missing = [name for name in names if name not in ready]
        _give_up_if_hopeless(paths, state, missing)
        # Workers that are not there yet wait for who forks them.
        awaited = {*missing, FORK_SERVER}
        patience.look([process for process in state.processes if process.name in awaited])
        if missing and patience.is_over:
            raise BrokerError(
                f"{', '.join(missing)}: not ready within {patience.waited_s:.0f} s."
                f"{_log_tail(paths.log(missing[0]))}"
            )
        time.sleep(_POLL_S if missing else 0.0)


def _heard(client: Client, state: FleetState) -> set[str]:
    """Names of the workers whose heartbeats come from the processes that run now."""
    running = {(state.host, process.name, process.pid) for process in state.processes}
    try:
        workers = live_workers(client)
    except redis.RedisError:
        return set()  # the broker is being started again
    return {item.name for item in workers if (item.host, item.name, item.pid) in running}


def _answering(description: Description) -> set[str]:
    """Names of the dashboards whose ports answer."""
    found = set()
    for name, port in description.ports.items():
        with socket.socket() as connection:
            connection.settimeout(_POLL_S)
            if connection.connect_ex((LOOPBACK, port)) == 0:
                found.add(name)
    return found


def _give_up_if_hopeless(paths: FleetPaths, state: FleetState, missing: list[str]) -> None:
    for process in state.processes:
        if process.name in missing and process.restarts >= _HOPELESS_RESTARTS:
            raise BrokerError(
                f"{process.name} ended {process.restarts} times right after its start."
                f"{_log_tail(paths.log(process.name))}"
            )


def _log_tail(log: Path) -> str:
    """The end of a log file, for a message about the process that wrote it."""
    text = tail(log)
    return f" The end of {log}:\n{text}" if text else f" Its log is empty: {log}"
