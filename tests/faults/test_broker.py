"""A Redis that is slow, or another one than was meant."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import amc
from amc.broker.connection import connect
from amc.broker.heartbeats import LiveWorker, beat
from amc.broker.server import server
from amc.celery import send_wake
from amc.config.schema import ExperimentConfig
from amc.errors import BrokerError
from amc.ledger import Ledger
from amc.settings import broker_url
from amc.verify import verify
from tests.faults.conftest import StartWorker, outcome

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(300)]

Wait = Callable[..., Any]


class SlowProxy:
    """Passes bytes on to a Unix socket, each piece late, and now and then cuts a connection."""

    def __init__(self, target: str, place: Path, *, late_s: float, cut_after: int) -> None:
        self._target, self._late_s, self._left = target, late_s, cut_after
        self._cut_after = cut_after
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                time.sleep(self._late_s)
                self._left -= 1
                if self._left <= 0:
                    self._left = self._cut_after
                    break
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()


@pytest.fixture
def slow_redis(broker: Any) -> Iterator[str]:
    """The URL of the Redis of these tests behind a proxy: 30 ms a piece, every 300th lost."""
    directory = Path(broker_url().removeprefix("redis+socket://")).parent
    place = directory / "slow.sock"
    proxy = SlowProxy(str(directory / "redis.sock"), place, late_s=0.03, cut_after=300)
    yield f"redis+socket://{place}"
    proxy.close()
    place.unlink()


@pytest.fixture
def slow_worker(slow_redis: str, tmp_path: Path) -> Iterator[None]:
    """A worker of its own command, since Celery reads the address once in a process."""
    log = (tmp_path / "slow.log").open("w")
    command = [sys.executable, "-m", "celery", "-A", "amc", "worker", "-Q", "driver,gpu0"]
    environment = {**os.environ, "AMC_BROKER_URL": slow_redis}
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    yield
    process.kill()
    process.wait()
    log.close()


def test_behind_a_slow_and_breaking_connection_an_experiment_comes_out_the_same(
    start_worker: StartWorker,
    make_experiment: Callable[..., Ledger],
    request: pytest.FixtureRequest,
    eventually: Wait,
) -> None:
    undisturbed = make_experiment(n_calls=4, test_seeds=0)
    worker = start_worker("rl-worker-9")
    send_wake(undisturbed.id)
    eventually(lambda: undisturbed.is_finished, 120)
    worker.kill()
    ledger = make_experiment(n_calls=4, test_seeds=0)

    request.getfixturevalue("slow_worker")
    eventually(lambda: ledger.is_finished, 240)

    assert (undisturbed.state, ledger.state) == ("completed", "completed")
    assert outcome(ledger) == outcome(undisturbed)
    assert verify(ledger) == []


@pytest.fixture
def two_databases(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a Redis of more than one database, the first of which this process uses."""
    with tempfile.TemporaryDirectory(prefix="amc-test-") as directory:
        place = Path(directory) / "two.sock"
        command = [server(), "--port", "0", "--unixsocket", str(place), "--databases", "2"]
        process = subprocess.Popen([*command, "--save", ""], cwd=directory, stdout=subprocess.PIPE)
        url = f"redis+socket://{place}"
        monkeypatch.setenv("AMC_BROKER_URL", url)
        yield url
        process.kill()
        process.communicate()


def test_in_another_database_nobody_is_found_and_nothing_is_written(
    two_databases: str,
    shared: Path,
    make_config: Callable[..., ExperimentConfig],
    monkeypatch: pytest.MonkeyPatch,
    eventually: Wait,
) -> None:
    eventually(lambda: Path(two_databases.removeprefix("redis+socket://")).exists())
    for name, queue in (("driver", "driver"), ("rl-worker-0", "gpu0")):
        beat(connect(), LiveWorker(name, (queue,), "here", 1))

    monkeypatch.setenv("AMC_BROKER_URL", f"{two_databases}?db=1")
    with pytest.raises(BrokerError, match="Queue 'driver' has no worker"):
        amc.submit(make_config())

    assert not shared.exists()
