"""A fleet with a real driver, a real worker and Flower: it comes up once for all of these tests."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from amc import fleet
from amc.broker.connection import connect
from amc.broker.heartbeats import live_workers
from amc.broker.machine import identify
from amc.celery import send_wake
from amc.errors import BrokerError
from amc.fleet.commands import broker_of
from amc.fleet.description import Description, WorkerDescription
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.gpu import CPU
from amc.fleet.readiness import await_ready
from amc.fleet.state import FleetState, ProcessState, living
from amc.settings import embedded_directory

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

Wait = Callable[[Callable[[], object]], None]

WORKER = WorkerDescription("rl-worker-0", "gpu0", CPU)
PASSWORD = "somebody:a-secret-word"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def description() -> Description:
    return Description((WORKER,), flower_port=free_port())


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What `up` told on the way."""
    return []


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, description: Description, said: list[str]
) -> Iterator[Path]:
    """The shared directory of a fleet that is up."""
    shared = tmp_path_factory.mktemp("fleet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMC_SHARED_DIR", str(shared))
        patch.setenv("AMC_FLOWER_AUTH", PASSWORD)
        patch.delenv("AMC_BROKER_URL", raising=False)
        try:
            fleet.up(description, say=said.append, deadline_s=100)
            yield shared
        finally:
            fleet.down(shared=shared)
            shutil.rmtree(embedded_directory(shared), ignore_errors=True)


@pytest.fixture
def pid(running: Path) -> Callable[[str], int]:
    """The process id of one of the fleet's processes; 0 while it is being started again."""

    def find(name: str) -> int:
        state = living(FleetPaths(running).state)
        assert state is not None
        return next(process.pid for process in state.processes if process.name == name)

    return find


@pytest.fixture
def ask(description: Description) -> Callable[..., tuple[int, str]]:
    """Ask Flower for a page: its status and text."""

    def get(path: str, password: str = "") -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{description.flower_port}{path}")
        if password:
            word = base64.b64encode(password.encode()).decode()
            request.add_header("Authorization", f"Basic {word}")
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, ""

    return get


def test_up_returns_when_everybody_has_been_heard_of(running: Path, said: list[str]) -> None:
    found = fleet.status(shared=running)

    assert [worker.name for worker in found.workers] == ["driver", "rl-worker-0"]
    assert dict(found.queues) == {"driver": 0, "gpu0": 0}
    ready = {line.split()[0] for line in said if not line.startswith("waiting for")}
    assert ready == {"driver", "rl-worker-0", "flower"}
    assert said[-1].endswith("(3 of 3)")


def test_the_same_fleet_is_not_started_twice(running: Path, description: Description) -> None:
    assert fleet.up(description, shared=running) is False


def test_flower_s_password_is_known_to_flower_alone(pid: Callable[[str], int]) -> None:
    flower = psutil.Process(pid("flower"))
    worker = psutil.Process(pid("rl-worker-0"))

    assert flower.environ()["FLOWER_BASIC_AUTH"] == PASSWORD
    assert not any(PASSWORD in word for word in flower.cmdline())
    assert PASSWORD not in worker.environ().values()


def test_flower_wants_a_password_and_shows_tasks(
    running: Path, ask: Callable[..., tuple[int, str]], wait_until: Wait
) -> None:
    send_wake("nothing-1")

    assert ask("/")[0] == 401
    assert ask("/", PASSWORD)[0] == 200
    wait_until(lambda: "amc.tasks.advance" in ask("/api/tasks", PASSWORD)[1])
    tasks = json.loads(ask("/api/tasks", PASSWORD)[1]).values()
    assert "('nothing-1',)" in {task["args"] for task in tasks}


def test_a_killed_worker_is_back_under_its_name(
    running: Path, pid: Callable[[str], int], wait_until: Wait
) -> None:
    first = pid("rl-worker-0")
    children = psutil.Process(first).children(recursive=True)

    os.kill(first, signal.SIGKILL)

    wait_until(lambda: pid("rl-worker-0") not in {0, first})
    wait_until(lambda: all(identify(child.pid) is None for child in children))
    client = connect(broker_of(running).url, running)
    wait_until(
        lambda: (
            ("rl-worker-0", pid("rl-worker-0"))
            in {(worker.name, worker.pid) for worker in live_workers(client)}
        )
    )


def test_workers_can_be_started_by_hand(running: Path, wait_until: Wait) -> None:
    broker = broker_of(running).url
    environment = {**os.environ, "AMC_SHARED_DIR": str(running), "AMC_BROKER_URL": broker}
    by_hand = {
        "celery -A amc worker -Q gpu7 -n seven@%h": environment,
        "celery worker -Q gpu8 -n eight@%h": {**environment, "APP": "amc"},
    }

    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", *command.split()],
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            for command, environment in by_hand.items()
        ]
        stack.callback(lambda: [worker.terminate() for worker in workers])
        names = {"seven", "eight"}
        wait_until(lambda: names <= {item.name for item in live_workers(connect(broker, running))})

    assert [worker.returncode for worker in workers] == [0, 0]


def test_a_fleet_that_is_not_ready_in_time_leaves_nothing(shared: Path) -> None:
    with pytest.raises(BrokerError, match=r"rl-worker-0: not ready within 0 s"):
        fleet.up(Description((WORKER,), driver=False), deadline_s=0)

    assert fleet.status().is_up is False


def test_a_worker_that_keeps_on_dying_is_not_waited_for(paths: FleetPaths) -> None:
    paths.log("driver").parent.mkdir(parents=True)
    paths.log("driver").write_text("ModuleNotFoundError: No module named 'my_plugin'\n")
    dying = ProcessState("driver", pid=0, started=0.0, restarts=3)
    identity = identify(os.getpid()) or ""
    description = Description(())
    state = FleetState(os.getpid(), identity, paths.host, "", 0.0, description, (dying,))
    state.save(paths.state)

    with pytest.raises(BrokerError, match=r"driver ended 3 times .*\n.*my_plugin"):
        await_ready(paths, description, deadline_s=30, say=lambda line: None)

    paths.state.unlink()


def test_a_killed_supervisor_leaves_no_process(running: Path, wait_until: Wait) -> None:
    # The last one: after it the fleet that the other tests share is gone.
    state = living(FleetPaths(running).state)
    assert state is not None
    left = [(p.pid, identify(p.pid)) for p in psutil.Process(state.pid).children(recursive=True)]

    os.kill(state.pid, signal.SIGKILL)

    wait_until(lambda: all(identify(pid) != identity for pid, identity in left))
    assert len(left) >= 6  # redis, two workers and their pool's children, flower
