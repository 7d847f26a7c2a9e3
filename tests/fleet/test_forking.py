"""Workers are forked from one process, and are the supervisor's children all the same."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from amc import fleet
from amc.errors import AmcError
from amc.fleet import forking, launching
from amc.fleet.commands import Program
from amc.fleet.description import Description, WorkerDescription
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.forking import ForkServer
from amc.fleet.gpu import CPU
from amc.fleet.state import FleetState
from amc.workers import fork_server

pytestmark = pytest.mark.engine

State = Callable[[], FleetState]
Wait = Callable[[Callable[[], object]], None]
TWO = Description(
    tuple(WorkerDescription(f"rl-worker-{n}", f"gpu{n}", CPU) for n in range(2)), driver=True
)


def trained(environment: dict[str, Any], directory: Path) -> None:
    """Let the fleet train something short; a process of its own submits it.

    Here the app would go on with this test's broker in the tests that follow.
    """
    path = directory / "config.json"
    config = {
        "experiment_name": "short",
        "algorithm": "ppo",
        "algorithm_config": {"n_envs": 1, "n_steps": 8, "batch_size": 8},
        "environment": environment,
        "seeds": 2,
        "training": {"total_timesteps": 8, "eval_episodes": 1},
    }
    path.write_text(json.dumps(config))
    command = [sys.executable, "-m", "amc", "submit", str(path), "--wait"]
    subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)


def pid_of(state: State, name: str) -> int:
    return next(one.pid for one in state().processes if one.name == name)


def of(state: State, name: str) -> psutil.Process:
    return psutil.Process(pid_of(state, name))


@pytest.mark.slow
def test_workers_are_forked_and_belong_to_the_supervisor(shared: Path, state: State) -> None:
    fleet.up(TWO, deadline_s=120)

    supervisor, server = state().pid, of(state, "fork-server")
    workers = {name: of(state, name) for name in ("driver", "rl-worker-0", "rl-worker-1")}

    assert {one.ppid() for one in (server, *workers.values())} == {supervisor}
    assert server.children() == []
    for name, worker in workers.items():
        assert f"{name}@%h" in worker.cmdline()
        assert os.getpgid(worker.pid) == worker.pid
        assert worker.environ()  # of the process it was forked from
        private = worker.memory_full_info().uss
        assert private < server.memory_full_info().rss / 3, "the rest is shared"


TELLS = """
import json, os
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv


class Tells(CartPoleEnv):
    def __init__(self, path):
        super().__init__()
        with open(path, "w") as file:
            json.dump(dict(os.environ), file)


gymnasium.register("Tells-v0", entry_point=Tells, max_episode_steps=20)
"""


@pytest.mark.slow
def test_a_trial_sees_its_workers_own_gpu_and_one_core(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tells.py").write_text(TELLS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("AMC_ALLOW_MODULES", "tells")
    monkeypatch.syspath_prepend(str(tmp_path))
    fleet.up(
        Description((WorkerDescription("rl-worker-0", "gpu3", "3"),), driver=True), deadline_s=120
    )

    path = tmp_path / "environment.json"
    trained({"name": "tells:Tells-v0", "kwargs": {"path": str(path)}}, tmp_path)

    environment = json.loads(path.read_text())
    assert environment["CUDA_VISIBLE_DEVICES"] == "3"
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["AMC_WORKER_NAME"] == "rl-worker-0"
    assert environment["AMC_SHARED_DIR"] == str(shared)
    assert environment["AMC_BROKER_URL"].startswith("redis+socket://")


@pytest.mark.slow
def test_a_worker_that_was_killed_is_forked_again_whatever_became_of_the_server(
    shared: Path, state: State, wait_until: Wait
) -> None:
    fleet.up(TWO, deadline_s=120)
    server, worker = of(state, "fork-server"), of(state, "rl-worker-0")

    server.kill()
    wait_until(lambda: pid_of(state, "fork-server") not in {0, server.pid})
    restarted = of(state, "rl-worker-0")
    assert restarted.pid == worker.pid, "a worker needs no server once it runs"
    worker.kill()
    wait_until(lambda: pid_of(state, "rl-worker-0") not in {0, worker.pid})
    fleet.up(TWO, deadline_s=120)

    again = of(state, "rl-worker-0")
    assert again.pid != worker.pid
    assert "rl-worker-0@%h" in again.cmdline()


@pytest.mark.slow
def test_a_worker_that_was_told_to_stop_stops_nobody_else(
    shared: Path, state: State, wait_until: Wait, tmp_path: Path
) -> None:
    fleet.up(TWO, deadline_s=120)
    told = of(state, "rl-worker-0")

    told.terminate()
    wait_until(lambda: pid_of(state, "rl-worker-0") not in {0, told.pid})
    fleet.up(TWO, deadline_s=120)

    trained({"name": "CartPole-v1"}, tmp_path)


@pytest.mark.slow
def test_where_nobody_can_fork_workers_are_started_as_ever(
    shared: Path, paths: FleetPaths, state: State, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "path"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'amc.workers.fork_server' in sys.orig_argv:\n    sys.exit('no server today')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(broken))

    fleet.up(TWO, deadline_s=120)

    assert of(state, "rl-worker-0").ppid() == state().pid
    assert "no server today" in paths.log("fork-server").read_text()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkServer]:
    """One that belongs to this process."""
    made = ForkServer(tmp_path / "log")
    yield made
    made.kill()


def script(text: str) -> Callable[[int], tuple[str, ...]]:
    """A server's program in place of the real one; it is given the socket's descriptor."""
    head = "import os, signal, socket, sys, time\nasked = socket.socket(fileno=int(sys.argv[1]))\n"
    return lambda descriptor: (sys.executable, "-c", head + text, str(descriptor))


def test_one_that_imports_is_awaited_and_one_that_failed_is_not(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch, wait_until: Wait
) -> None:
    monkeypatch.setattr(launching, "_command", script("time.sleep(600)"))
    server.start()
    assert server.is_awaited
    assert not server.is_ready

    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    wait_until(server.reap_if_ended)

    assert not server.is_awaited
    assert not server.is_ready


def test_what_it_says_stands_in_its_log_once(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch, wait_until: Wait, tmp_path: Path
) -> None:
    talk = "print('one', flush=True)\nasked.recv(1)\nprint('two', flush=True)\nasked.recv(1)"
    monkeypatch.setattr(launching, "_command", script(talk))
    log = tmp_path / "log"

    def has_said(text: str) -> bool:
        server.reap_if_ended()
        return log.exists() and log.read_text() == text

    server.start()
    wait_until(lambda: has_said("one\n"))
    assert server._channel is not None
    server._channel.send(b"!")
    wait_until(lambda: has_said("one\ntwo\n"))
    server.kill()

    assert log.read_text() == "one\ntwo\n"


def test_one_that_does_not_answer_is_killed(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch, wait_until: Wait, tmp_path: Path
) -> None:
    monkeypatch.setattr(forking, "_ANSWER_S", 0.2)
    monkeypatch.setattr(launching, "_command", script("asked.send(b'ready')\ntime.sleep(600)"))
    server.start()
    wait_until(lambda: server.is_ready)
    program = Program("w", ("w",), {}, patience_s=1.0, celery_arguments=())

    with pytest.raises(AmcError, match="fork-server does not answer"):
        server.fork(program, tmp_path / "worker")

    assert server.process is None


def test_another_version_that_was_installed_ends_it(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch, wait_until: Wait, tmp_path: Path
) -> None:
    version = tmp_path / "version.py"
    version.write_text("1")
    monkeypatch.setattr(forking, "_VERSION", version)
    monkeypatch.setattr(launching, "_command", script("asked.send(b'ready')\ntime.sleep(600)"))
    server.start()
    wait_until(lambda: server.is_ready)

    (tmp_path / "new").write_text("2")
    os.replace(tmp_path / "new", version)

    assert not server.is_ready
    wait_until(server.reap_if_ended)
    server.start()
    wait_until(lambda: server.is_ready)


@pytest.mark.slow
def test_a_worker_finds_all_of_celery_when_it_is_forked() -> None:
    program = (
        "import sys\n"
        "from amc.workers import fork_server\n"
        "fork_server._import_celery()\n"
        "from celery.app import trace\n"
        "from amc.celery import app\n"
        "known = set(sys.modules)\n"
        "worker = app.Worker(pool='prefork', concurrency=1, queues=['gpu0'], hostname='w@h')\n"
        "worker.blueprint, worker.pool_cls, worker.consumer_cls\n"
        "late = (one for one in set(sys.modules) - known if one.startswith(('celery', 'kombu')))\n"
        "print(*sorted(late))\n"
    )

    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )

    assert process.stdout.split() == []


def test_a_process_with_threads_or_a_gpu_forks_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone = fork_server._obstacle()
    gpu = tmp_path / "nvidia0"
    gpu.touch()
    with gpu.open():
        monkeypatch.setattr(fork_server, "_GPUS", str(tmp_path / "nvidia"))
        if alone is None:
            assert fork_server._obstacle() == f"it has opened {gpu}"
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert "threads" in str(fork_server._obstacle())
    finally:
        stop.set()
        thread.join()
