"""A fleet comes up, heals and goes down. Here it is a broker only, which takes half a second."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from amc import fleet
from amc.broker import embedded
from amc.broker.connection import connect
from amc.broker.machine import identify
from amc.errors import AmcError, BrokerError, UsageError
from amc.fleet.commands import broker_of
from amc.fleet.description import Description
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.state import FleetState, living
from amc.settings import embedded_directory, shared_dir

pytestmark = pytest.mark.engine

Wait = Callable[[Callable[[], object]], None]
State = Callable[[], FleetState]

BROKER_ONLY = Description(workers=(), driver=False)
CONFIG = Path(__file__).parents[2] / "configs" / "cartpole_distributed.json"
STAY = "from amc import fleet; fleet.stay(fleet.Description((), driver=False))"


def test_a_fleet_comes_up_and_goes_down(shared: Path, paths: FleetPaths) -> None:
    is_new = fleet.up(BROKER_ONLY)
    found = fleet.status()
    was_up = fleet.down()

    assert (is_new, was_up) == (True, True)
    assert found.is_up
    assert found.broker_answers
    assert [process.name for process in found.processes] == ["redis"]
    assert fleet.status().to_json()["is_up"] is False
    assert not paths.state.exists()


def test_nothing_to_stop_is_no_error(shared: Path) -> None:
    assert fleet.down() is False


def test_the_same_fleet_is_up_already(shared: Path, state: State) -> None:
    fleet.up(BROKER_ONLY)
    first = state().pid

    is_new = fleet.up(BROKER_ONLY)

    assert not is_new
    assert state().pid == first


def test_another_fleet_in_its_place_is_refused(shared: Path) -> None:
    fleet.up(BROKER_ONLY)

    with pytest.raises(UsageError, match="another fleet is up"):
        fleet.up(Description(workers=(), driver=True))


@pytest.mark.slow
def test_a_second_supervisor_is_refused_by_the_lock(shared: Path) -> None:
    fleet.up(BROKER_ONLY)

    second = subprocess.run(
        [sys.executable, "-c", STAY], stderr=subprocess.PIPE, text=True, check=False
    )

    assert "UsageError" in second.stderr
    assert "a fleet is already up" in second.stderr


NAMESAKE = """
from amc import fleet
is_new = fleet.up(fleet.Description((), driver=False))
print(is_new, fleet.status().is_up, fleet.down(), fleet.status().is_up)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a namespace of process ids")
def test_a_container_of_the_same_hostname_has_a_fleet_of_its_own(
    shared: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.up(BROKER_ONLY)
    first = state()
    # Written otherwise, so that it is somebody else's: the container has a TMPDIR in common here.
    url = broker_of(shared).url.replace("/redis.sock", "/./redis.sock")
    monkeypatch.setenv("AMC_BROKER_URL", url)
    container = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", NAMESAKE]

    other = subprocess.run(container, capture_output=True, text=True, check=False)

    assert other.stdout.split() == ["True", "True", "True", "False"], other.stderr
    assert state() == first


def test_a_killed_broker_is_back_with_what_it_held(
    shared: Path, state: State, wait_until: Wait
) -> None:
    fleet.up(BROKER_ONLY)
    first = state().processes[0].pid
    client = connect(broker_of(shared).url, shared)
    client.set("held", "still")

    os.kill(first, signal.SIGKILL)

    wait_until(lambda: state().processes[0].restarts == 1)
    wait_until(lambda: embedded.is_alive(embedded_directory(shared)))
    assert state().processes[0].pid != first
    assert client.get("held") == "still"


def test_a_killed_supervisor_leaves_nothing_and_the_next_one_starts_anew(
    shared: Path, paths: FleetPaths, state: State, wait_until: Wait
) -> None:
    fleet.up(BROKER_ONLY)
    before = state()

    os.kill(before.pid, signal.SIGKILL)
    wait_until(lambda: identify(before.processes[0].pid) is None)

    assert living(paths.state) is None
    assert fleet.status().is_up is False
    assert fleet.up(BROKER_ONLY)


def test_a_recycled_process_id_is_never_taken_for_the_supervisor(
    shared: Path, paths: FleetPaths
) -> None:
    paths.directory.mkdir(parents=True)
    FleetState(os.getpid(), "another boot:7", paths.host, "", 0.0, BROKER_ONLY, ()).save(
        paths.state
    )

    assert fleet.down() is False


def test_a_broker_with_a_damaged_file_starts_empty(shared: Path) -> None:
    directory = embedded_directory(shared)
    directory.mkdir(parents=True, mode=0o700)
    (directory / "appendonly.aof").write_bytes(b"not what Redis wrote\r\n")

    fleet.up(BROKER_ONLY)

    assert len(list(directory.glob("*.damaged"))) == 1


@pytest.mark.parametrize("removed", ["the socket", "the whole directory"])
def test_a_broker_whose_socket_is_removed_is_started_anew(
    shared: Path, state: State, wait_until: Wait, removed: str
) -> None:
    fleet.up(BROKER_ONLY)
    first = state().processes[0]
    directory = embedded_directory(shared)

    if removed == "the socket":
        embedded.socket_path(directory).unlink()
    else:
        shutil.rmtree(directory)

    wait_until(lambda: embedded.is_alive(directory))
    wait_until(lambda: state().processes[0].restarts == first.restarts + 1)
    assert not psutil.pid_exists(first.pid)


@pytest.mark.slow
@pytest.mark.parametrize("elsewhere", ["a#b", "not there"])
def test_a_shell_with_another_tmpdir_finds_the_fleet_and_its_broker(
    shared: Path, tmp_path: Path, elsewhere: str
) -> None:
    (tmp_path / "a#b").mkdir()
    fleet.up(BROKER_ONLY)
    environment = {**os.environ, "TMPDIR": str(tmp_path / elsewhere)}

    status, submit = (
        subprocess.run(
            [sys.executable, "-m", "amc", *words], env=environment, capture_output=True, text=True
        )
        for words in (("status", "--json"), ("submit", str(CONFIG)))
    )

    assert json.loads(status.stdout)["broker_answers"] is True
    assert "Queue 'driver' has no worker" in submit.stderr


def test_a_home_directory_that_no_shell_wrote_out_is_found(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AMC_SHARED_DIR", "~/shared")

    assert shared_dir() == shared
    assert fleet.up(BROKER_ONLY)
    assert not Path("~").exists()


def test_a_fleet_that_is_tied_ends_with_its_owner(
    shared: Path, paths: FleetPaths, wait_until: Wait
) -> None:
    program = (
        "from amc import fleet; fleet.up(fleet.Description((), driver=False), is_tied=True);"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    )

    owner = subprocess.run([sys.executable, "-c", program], check=False)

    assert owner.returncode == -signal.SIGKILL
    wait_until(lambda: living(paths.state) is None)
    assert not embedded.is_alive(embedded_directory(shared))


def test_a_supervisor_that_nobody_waits_for_stops(
    shared: Path, paths: FleetPaths, wait_until: Wait
) -> None:
    request = {"shared": str(shared), "description": BROKER_ONLY.to_json(), "owner": None}
    nobody, answers = os.pipe()
    os.close(nobody)

    subprocess.run(
        [sys.executable, "-m", "amc.fleet"],
        input=json.dumps(request).encode(),
        stdout=answers,
        check=True,
    )
    os.close(answers)

    log = paths.log("supervisor")
    wait_until(lambda: log.exists() and "did not wait for it" in log.read_text())
    wait_until(lambda: not embedded.is_alive(embedded_directory(shared)))
    assert living(paths.state) is None


def test_whichever_way_leads_to_a_directory_it_has_one_broker(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.mkdir()
    (tmp_path / "link").symlink_to(shared)
    fleet.up(BROKER_ONLY)

    for way in (tmp_path / "link", tmp_path / "link" / ".." / "shared"):
        monkeypatch.setenv("AMC_SHARED_DIR", str(way))

        assert fleet.status().broker_answers
        assert embedded_directory(shared_dir()) == embedded_directory(shared)
        assert not fleet.up(BROKER_ONLY)


def test_a_shared_directory_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMC_SHARED_DIR", "/proc/nowhere")
    monkeypatch.delenv("AMC_BROKER_URL", raising=False)

    with pytest.raises(AmcError, match="/proc/nowhere"):
        fleet.up(BROKER_ONLY)


def test_a_fleet_is_up_down_or_killed(shared: Path, state: State, wait_until: Wait) -> None:
    before = fleet.standing()
    fleet.up(BROKER_ONLY)
    during, supervisor = fleet.standing(), state()

    os.kill(supervisor.pid, signal.SIGKILL)

    wait_until(lambda: not supervisor.is_alive)
    assert (before, during, fleet.standing()) == ("down", "up", "killed")


def test_a_fleet_whose_directory_is_removed_ends(
    shared: Path, paths: FleetPaths, state: State, wait_until: Wait
) -> None:
    fleet.up(BROKER_ONLY)
    before = state()

    paths.directory.rename(shared / "elsewhere")

    wait_until(lambda: not before.is_alive)


def test_a_broker_that_is_named_must_answer(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMC_BROKER_URL", f"redis+socket://{tmp_path}/nobody.sock")

    with pytest.raises(BrokerError, match="No broker"):
        fleet.up(BROKER_ONLY)


def test_a_taken_port_is_told_before_anything_starts(shared: Path, paths: FleetPaths) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(UsageError, match=rf"port {port} .* --tensorboard-port"):
            fleet.up(Description((), driver=False, tensorboard_port=port))

    assert living(paths.state) is None


def test_what_keeps_the_broker_from_starting_is_told(shared: Path) -> None:
    directory = embedded_directory(shared)
    directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory.symlink_to("/")

    with pytest.raises(AmcError, match="link"):
        fleet.up(BROKER_ONLY)

    directory.unlink()


@pytest.mark.slow
def test_in_the_foreground_it_stays_until_it_is_told_to_stop(
    shared: Path, paths: FleetPaths, wait_until: Wait
) -> None:
    with subprocess.Popen([sys.executable, "-c", STAY], stderr=subprocess.PIPE) as process:
        wait_until(lambda: living(paths.state))
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read().decode()

    assert process.returncode == 0
    assert "started redis" in said
    assert "stopping" in said


def test_a_state_file_of_somebody_else_is_told(shared: Path, paths: FleetPaths) -> None:
    paths.directory.mkdir(parents=True)
    paths.state.write_text(json.dumps({"pid": 1}))

    with pytest.raises(AmcError, match="not a fleet's state"):
        fleet.status()

    paths.state.unlink()
