"""A Redis of one's own: a private redis-server behind a Unix socket, for one machine's fleet.

Its doors are `start` and `wait_ready`; `python -m amc.broker.embedded` runs it in the foreground.
It must not know what is kept in it. It never listens on TCP and has no password: whoever reaches a
Redis can run Lua in it, which more than once was a way out of it (CVE-2025-49844), so socket and
directory belong to one user alone.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path
from types import FrameType
from typing import IO

from amc.broker.server import server
from amc.errors import BrokerError
from amc.lifeline import die_with_parent
from amc.settings import embedded_directory, shared_dir, socket_path

SOCKET_PATH_LIMIT = 107

_POLL_S = 0.01
_LOCK_WAIT_S = 5.0
_PING_TIMEOUT_S = 1.0
_LOOK_EVERY_S = 0.5
_SOCKET_WAIT_S = 30.0


def start(directory: Path, *, log: Path | None = None) -> "subprocess.Popen[bytes]":
    """Start redis-server in a private directory, as a child that dies with this process.

    What a killed server left behind (socket, lock, truncated append-only file) is no obstacle.

    Args:
        directory: holds socket, config and append-only file; made with mode 0700 if missing.
        log: file that the server's lines are appended to; `redis.log` in the directory if None.

    Raises:
        BrokerError: there is no redis-server, the directory is not private, its path is too long
            for a socket, or a server is running there.
    """
    _make_private(directory)
    with open(log or directory / "redis.log", "ab") as lines:
        return _launch(directory, lines)


def wait_ready(
    directory: Path,
    deadline_s: float = 10.0,
    *,
    process: "subprocess.Popen[bytes] | None" = None,
) -> None:
    """Wait until the server of a directory answers.

    Args:
        directory: as given to `start`.
        deadline_s: seconds to wait at most; a large append-only file takes its time to load.
        process: the server, if it is our child, so that its early end is noticed.

    Raises:
        BrokerError: no answer in time, or the process has ended.
    """
    end = time.monotonic() + deadline_s
    while not is_alive(directory):
        if process is not None and process.poll() is not None:
            raise BrokerError(
                f"{directory}: redis-server ended at once, with exit code {process.returncode}."
            )
        if time.monotonic() > end:
            raise BrokerError(f"{directory}: redis-server did not answer within {deadline_s:g} s.")
        time.sleep(_POLL_S)


def is_alive(directory: Path) -> bool:
    """Whether a server answers on a directory's socket; one that is still loading does not."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PING_TIMEOUT_S)
            connection.connect(str(socket_path(directory)))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def set_aside(directory: Path) -> list[Path]:
    """Move an append-only file that cannot be loaded out of the way; the new names.

    Nothing is lost that the ledger does not hold: Redis carries only what may be lost.
    """
    moved = []
    # One file up to Redis 6, a directory of them from 7 on.
    for path in (directory / "appendonly.aof", directory / "appendonlydir"):
        target = path.with_name(f"{path.name}.damaged")
        if path.exists():
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
            moved.append(path.rename(target))
    return moved


class SocketWatch:
    """Notices that a running server's socket was removed, as cleaners of /tmp do.

    Nobody reaches the server from then on, so it has to be started anew; who was connected already
    did not notice, and comes back as after any restart.
    """

    def __init__(self, directory: Path) -> None:
        self._socket = socket_path(directory)
        self._was_there = False
        self._seen = time.monotonic()

    def is_lost(self) -> bool:
        """Whether the socket was there and is not now, or did not come for long; told once."""
        if self._socket.exists():
            self._was_there, self._seen = True, time.monotonic()
            return False
        if not self._was_there and time.monotonic() < self._seen + _SOCKET_WAIT_S:
            return False  # the server has just been started
        self._was_there, self._seen = False, time.monotonic()
        return True


def main() -> None:
    """Run the server of `shared_dir()` in the foreground until a signal ends it."""
    directory = embedded_directory(shared_dir())
    watch = SocketWatch(directory)
    process = _launch(directory, None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise SystemExit(process.wait(_LOOK_EVERY_S))
            if watch.is_lost():
                process.terminate()
                process.wait()
                process = _launch(directory, None)
    finally:
        process.terminate()
        process.wait()


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit


def _launch(directory: Path, lines: IO[bytes] | None) -> "subprocess.Popen[bytes]":
    command, lock = _prepare(directory)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.STDOUT,
            umask=0o077,
            start_new_session=True,
            pass_fds=(lock,),
            preexec_fn=die_with_parent(),
        )
    finally:
        os.close(lock)


def _prepare(directory: Path) -> tuple[list[str], int]:
    """Make the directory and config; the command, and the lock that the server must inherit."""
    length = len(os.fsencode(socket_path(directory)))
    if length > SOCKET_PATH_LIMIT:
        raise BrokerError(
            f"{directory}: the path of a socket in it has {length} bytes, but at most "
            f"{SOCKET_PATH_LIMIT} work. Name a Redis in AMC_BROKER_URL."
        )
    _make_private(directory)
    lock = _lock(directory)
    config = directory / "redis.conf"
    config.write_text(_config(directory), encoding="utf-8")
    return [server(), str(config)], lock


def _make_private(directory: Path) -> None:
    """Make a directory that only its owner can enter, below one that no stranger owns."""
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    _refuse_stranger(directory.parent, {os.getuid(), 0})
    _refuse_stranger(directory, {os.getuid()})
    if not stat.S_ISDIR(directory.lstat().st_mode):
        raise BrokerError(f"{directory}: a directory is needed, but this is a link or a file.")
    directory.chmod(0o700)


def _refuse_stranger(path: Path, owners: set[int]) -> None:
    owner = path.lstat().st_uid
    if owner not in owners:
        raise BrokerError(
            f"{path}: belongs to user {owner}, not to {os.getuid()}. Remove it, or name a Redis in "
            "AMC_BROKER_URL."
        )


def _lock(directory: Path) -> int:
    """Take the lock that a running server holds, so that two never write the same file."""
    lock = os.open(directory / "redis.lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    end = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > end or is_alive(directory):
                os.close(lock)
                raise BrokerError(
                    f"{directory}: a redis-server is already running there."
                ) from None
            time.sleep(_POLL_S)


def _config(directory: Path) -> str:
    settings = {
        "port": "0",
        "unixsocket": _quoted(socket_path(directory)),
        "unixsocketperm": "600",
        "dir": _quoted(directory),
        "pidfile": _quoted(directory / "redis.pid"),
        "logfile": '""',
        "daemonize": "no",
        "databases": "1",
        "save": '""',
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        # A queue that forgets messages by itself is worse than one that says it is full.
        "maxmemory-policy": "noeviction",
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


if __name__ == "__main__":
    main()
