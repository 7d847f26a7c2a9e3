"""The embedded Redis: private, single, and hard to keep from starting."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from amc.broker import embedded
from amc.errors import BrokerError

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where a server may be; short, because a socket's path has 107 bytes at most."""
    parent = Path(tempfile.mkdtemp(prefix="amc-test-"))
    yield parent / "redis"
    shutil.rmtree(parent)


@pytest.fixture
def start(directory: Path) -> Iterator[Start]:
    """Start a server that answers; it is gone after the test."""
    processes = []

    def make() -> "subprocess.Popen[bytes]":
        process = embedded.start(directory)
        processes.append(process)
        embedded.wait_ready(directory, 20, process=process)
        return process

    yield make
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def client(directory: Path) -> Iterator["redis.Redis[str]"]:
    with redis.Redis(unix_socket_path=str(embedded.socket_path(directory))) as client:
        yield client


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def append_only_file(directory: Path) -> Path:
    """The server's file; while it syncs one write, it may put off the next for up to 2 s."""
    return next(path for path in directory.rglob("appendonly*") if path.suffix == ".aof")


@pytest.mark.engine
def test_it_listens_on_a_socket_that_only_its_owner_can_open(directory: Path, start: Start) -> None:
    process = start()

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(embedded.socket_path(directory).stat().st_mode) == 0o600
    assert psutil.Process(process.pid).net_connections(kind="inet") == []


@pytest.mark.engine
def test_a_directory_left_open_is_closed(directory: Path, start: Start) -> None:
    directory.mkdir()
    directory.chmod(0o755)

    start()

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.engine
def test_it_keeps_what_it_was_told_when_it_is_killed(
    directory: Path, start: Start, client: "redis.Redis[str]", eventually: Callable[..., object]
) -> None:
    process = start()
    client.lpush("gpu0", "message")

    eventually(lambda: b"message" in append_only_file(directory).read_bytes())
    kill(process)
    start()

    assert client.lrange("gpu0", 0, -1) == [b"message"]


@pytest.mark.engine
def test_a_file_cut_short_by_a_crash_does_not_keep_it_from_starting(
    directory: Path, start: Start, client: "redis.Redis[str]", eventually: Callable[..., object]
) -> None:
    process = start()
    client.set("first", "1")
    client.set("second", "2")
    file = append_only_file(directory)
    eventually(lambda: b"second" in file.read_bytes())
    kill(process)

    file.write_bytes(file.read_bytes()[:-5])
    start()

    assert client.mget("first", "second") == [b"1", None]


@pytest.mark.engine
def test_a_file_beyond_repair_is_set_aside(directory: Path, start: Start) -> None:
    kill(start())
    for file in directory.rglob("appendonly*.aof"):
        file.write_bytes(b"*this is not what Redis wrote\r\n")
    with pytest.raises(BrokerError, match="ended at once"):
        start()

    moved = embedded.set_aside(directory)
    start()

    assert [path.suffix for path in moved] == [".damaged"]
    assert embedded.is_alive(directory)


@pytest.mark.engine
def test_a_second_server_in_the_same_directory_is_refused(directory: Path, start: Start) -> None:
    start()

    with pytest.raises(BrokerError, match="already running"):
        embedded.start(directory)


@pytest.mark.engine
def test_it_ends_with_the_process_that_started_it(directory: Path) -> None:
    program = (
        "import sys, pathlib; from amc.broker import embedded;"
        "d = pathlib.Path(sys.argv[1]); p = embedded.start(d); embedded.wait_ready(d, 20);"
        "print(p.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline()))

        parent.send_signal(signal.SIGKILL)

        parent.wait(10)
    _, alive = psutil.wait_procs([server], timeout=10)
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive)
    assert not embedded.is_alive(directory)


@pytest.mark.engine
def test_in_the_foreground_it_serves_the_shared_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AMC_BROKER_URL", raising=False)
    environment = {**os.environ, "AMC_SHARED_DIR": str(tmp_path)}
    directory = embedded.embedded_directory(tmp_path)

    with subprocess.Popen([sys.executable, "-m", "amc.broker.embedded"], env=environment) as server:
        embedded.wait_ready(directory, 20, process=server)
        server.terminate()

    assert server.returncode == 0
    shutil.rmtree(directory)


@pytest.mark.engine
@pytest.mark.slow
def test_in_the_foreground_it_heals_when_its_socket_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., object]
) -> None:
    monkeypatch.delenv("AMC_BROKER_URL", raising=False)
    environment = {**os.environ, "AMC_SHARED_DIR": str(tmp_path)}
    directory = embedded.embedded_directory(tmp_path)
    with subprocess.Popen([sys.executable, "-m", "amc.broker.embedded"], env=environment) as server:
        embedded.wait_ready(directory, 20, process=server)
        for _ in range(2):
            # It looks twice a second, and must have seen the socket to miss it at once.
            eventually(lambda: embedded.is_alive(directory))
            later = time.monotonic() + 2
            eventually(lambda at=later: time.monotonic() > at)
            embedded.socket_path(directory).unlink()

        eventually(lambda: embedded.is_alive(directory))
        server.terminate()
    assert server.returncode == 0
    assert not embedded.socket_path(directory).exists()
    shutil.rmtree(directory)


@pytest.mark.parametrize("elsewhere", ["/var/tmp", "/tmp/a#b", "/nowhere"])
def test_every_shell_finds_the_same_server_whatever_its_tmpdir(
    tmp_path: Path, elsewhere: str
) -> None:
    program = "from amc.settings import *; print(embedded_directory(shared_dir()))"
    environment = {**os.environ, "AMC_SHARED_DIR": str(tmp_path), "TMPDIR": elsewhere}

    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
    )

    assert answer.stdout.strip() == str(embedded.embedded_directory(tmp_path))
    assert len(str(embedded.socket_path(Path(answer.stdout.strip())))) < 107


def test_a_link_in_place_of_the_directory_is_refused(directory: Path, tmp_path: Path) -> None:
    directory.symlink_to(tmp_path)

    with pytest.raises(BrokerError, match="link"):
        embedded.start(directory)


@pytest.mark.parametrize("stranger", ["the directory", "the one above"])
def test_a_stranger_s_directory_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch, stranger: str
) -> None:
    directory.mkdir()
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)

    with pytest.raises(BrokerError, match=f"belongs to user {mine}"):
        embedded.start(directory if stranger == "the directory" else directory / "below")


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="AMC_BROKER_URL"):
        embedded.start(tmp_path / ("x" * 100))


def test_waiting_for_a_server_that_never_comes_ends_in_an_error(directory: Path) -> None:
    with pytest.raises(BrokerError, match="did not answer"):
        embedded.wait_ready(directory, deadline_s=0.05)
