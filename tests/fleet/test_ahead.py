"""A supervisor that is started before it is known what it shall run."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from amc import fleet
from amc.errors import UsageError
from amc.fleet.ahead import Ahead
from amc.fleet.description import Description, WorkerDescription
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.gpu import CPU
from amc.fleet.state import FleetState

pytestmark = pytest.mark.engine

State = Callable[[], FleetState]
Wait = Callable[[Callable[[], object]], None]
BROKER_ONLY = Description((), driver=False)


def programs_of_the_fleet() -> list[psutil.Process]:
    """Supervisors and fork servers that were started from this process's interpreter."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        # Another fleet on this machine may be somebody else's.
        is_ours = line[:1] == [sys.executable]
        if is_ours and {"amc.fleet", "amc.workers.fork_server"} & set(line):
            found.append(process)
    return found


def test_who_asks_for_nothing_leaves_nothing_behind(shared: Path, wait_until: Wait) -> None:
    before = {process.pid for process in programs_of_the_fleet()}

    with Ahead():
        wait_until(lambda: len({one.pid for one in programs_of_the_fleet()} - before) >= 2)

    wait_until(lambda: not {one.pid for one in programs_of_the_fleet()} - before)
    assert not shared.exists()


def test_a_fleet_without_workers_keeps_no_server(
    shared: Path, state: State, wait_until: Wait
) -> None:
    ahead = Ahead()

    assert fleet.up(BROKER_ONLY, ahead=ahead)

    assert [process.name for process in state().processes] == ["redis"]
    supervisor = psutil.Process(state().pid)
    wait_until(lambda: [one.name() for one in supervisor.children()] == ["valkey-server"])


def test_where_a_fleet_is_up_no_other_one_is_started_ahead(shared: Path) -> None:
    first = Ahead.unless_up()
    assert first is not None
    fleet.up(BROKER_ONLY, ahead=first)

    assert Ahead.unless_up() is None


def test_what_was_started_ahead_goes_when_the_fleet_cannot_be(
    shared: Path, wait_until: Wait
) -> None:
    before = {process.pid for process in programs_of_the_fleet()}
    fleet.up(BROKER_ONLY)
    up = {process.pid for process in programs_of_the_fleet()}

    with pytest.raises(UsageError, match="another fleet is up"), Ahead() as ahead:
        fleet.up(Description((), driver=True), ahead=ahead)

    wait_until(lambda: {one.pid for one in programs_of_the_fleet()} == up)
    assert up > before


@pytest.mark.slow
def test_which_directory_it_is_for_is_told_later(shared: Path, tmp_path: Path) -> None:
    worker = WorkerDescription("rl-worker-0", "gpu0", CPU)
    other = tmp_path / "other"

    try:
        with Ahead() as ahead:
            # It returns once the workers are heard of there.
            assert fleet.up(
                Description((worker,), driver=True), shared=other, ahead=ahead, deadline_s=60
            )
    finally:
        fleet.down(shared=other, at_once=True)

    assert not shared.exists()


@pytest.mark.slow
def test_the_server_that_was_started_ahead_forks_the_workers(
    shared: Path, paths: FleetPaths, state: State, wait_until: Wait
) -> None:
    worker = WorkerDescription("rl-worker-0", "gpu0", CPU)

    with Ahead() as ahead:
        (server,) = (
            one
            for one in _waited_for(wait_until)
            if "amc.workers.fork_server" in one.cmdline() and one.status() != "zombie"
        )
        fleet.up(Description((worker,), driver=True), ahead=ahead, deadline_s=120)

    pids = {process.name: process.pid for process in state().processes}
    assert pids["fork-server"] == server.pid
    assert {psutil.Process(pid).ppid() for pid in pids.values()} == {state().pid}
    # What it says later is found in its log, too.
    os.kill(server.pid, signal.SIGTERM)
    wait_until(lambda: _pid_of(state, "fork-server") not in {0, server.pid})


def _pid_of(state: State, name: str) -> int:
    return next(one.pid for one in state().processes if one.name == name)


def _waited_for(wait_until: Wait) -> list[psutil.Process]:
    wait_until(
        lambda: any("amc.workers.fork_server" in one.cmdline() for one in programs_of_the_fleet())
    )
    return programs_of_the_fleet()
