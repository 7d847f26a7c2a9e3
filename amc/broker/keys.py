"""Every key in Redis, and what a lease says. Its doors are `claim` and `of`.

Everything of a shared directory lies under a prefix that the directory itself carries in the file
`.broker.json`, so that every host agrees on it and one Redis may serve many directories:

    <prefix>gpu0, driver, ...             lists: the queues
    <prefix>unacked, unacked_index,       Celery's own: messages that a worker has taken, bindings,
            _kombu.*, celery-task-meta-*,   results, chords, and the channels of control commands
            /0.celery.pidbox, ...           and events
    <prefix>lease:<experiment>:<trial>    who is at the trial, a `Holder`; 9 s
    <prefix>worker:<name>@<host>          a live worker and its queues, JSON; 10 s
    <prefix>progress:<experiment>:<trial> steps so far, JSON; 60 s
    <prefix>wake:<experiment>             a wake-up is on its way; 10 s, after trouble up to 60 s
    <prefix>rest:<experiment>             nothing to do until something changes, JSON; 30 s
    <prefix>trouble:<experiment>          how often in a row `advance` met some; 5 minutes
    <prefix>missing:<experiment>:<trial>  first seen without a sign of life, Redis's clock; 60 s
    <prefix>set-aside                     list: the last 100 messages that were not ours
    <prefix>set-aside:<key>               what lay at <key> and was not ours; 7 days
    amc:directory:<id>                    a directory that this Redis serves, JSON; 7 days

Whatever stands there may be gone, or may be somebody else's rubbish, at any time.
"""

import json
import os
import re
import secrets
import socket
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

from amc.broker.machine import identify, require_writable
from amc.errors import UsageError

FILE = ".broker.json"
DRIVER_QUEUE = "driver"
SET_ASIDE = "set-aside"
DIRECTORIES = "amc:directory:"

_LONGEST_BYTES = 1 << 16
_ID = re.compile(r"[0-9a-f]{8,32}")


@dataclass(frozen=True)
class Keys:
    """The keys of one shared directory.

    Attributes:
        id: the directory's identity; empty for one that has none yet, whose keys nobody has.
    """

    id: str

    @property
    def prefix(self) -> str:
        """What every key of the directory begins with."""
        return f"amc:{self.id or '-'}:"

    @property
    def directory(self) -> str:
        """Where Redis is told which directory this is; the one key without the prefix."""
        return f"{DIRECTORIES}{self.id or '-'}"

    def queue(self, name: str) -> str:
        """The list that is a queue."""
        return f"{self.prefix}{name}"

    def lease(self, experiment: str, trial: int | str) -> str:
        """A lease; with `*` for both, the pattern of all."""
        return f"{self.prefix}lease:{experiment}:{trial}"

    def leased(self, key: str) -> tuple[str, int] | None:
        """The experiment and trial of a lease's key; None if it is no such key."""
        experiment, _, trial = key.removeprefix(f"{self.prefix}lease:").rpartition(":")
        is_number = trial.isdecimal() and len(trial) < 10
        return (experiment, int(trial)) if experiment and is_number else None

    def worker(self, name: str) -> str:
        """The heartbeat of `worker@host`; with `*`, the pattern of all."""
        return f"{self.prefix}worker:{name}"

    def progress(self, experiment: str, trial: int) -> str:
        """How far a running trial is."""
        return f"{self.prefix}progress:{experiment}:{trial}"

    def wake(self, experiment: str) -> str:
        """A wake-up of the experiment is on its way."""
        return f"{self.prefix}wake:{experiment}"

    def rest(self, experiment: str) -> str:
        """There is nothing to do for the experiment until something changes."""
        return f"{self.prefix}rest:{experiment}"

    def trouble(self, experiment: str) -> str:
        """How often in a row the experiment could not be advanced."""
        return f"{self.prefix}trouble:{experiment}"

    def missing(self, experiment: str, trial: int) -> str:
        """When a trial was first seen without a sign of life."""
        return f"{self.prefix}missing:{experiment}:{trial}"

    @property
    def set_aside(self) -> str:
        """The last messages that were not ours."""
        return f"{self.prefix}{SET_ASIDE}"


@dataclass(frozen=True)
class Holder:
    """What a lease says: who is at the trial.

    Attributes:
        name: `rl-worker-0@host`.
        pid: its process.
        identity: what tells that process from every other one with its id, on any machine.
        queue: what it serves.
    """

    name: str
    pid: int
    identity: str
    queue: str

    def __str__(self) -> str:
        return f"{self.name}/{self.pid}/{self.identity}/{self.queue}"

    @classmethod
    def here(cls, worker: str, queue: str) -> Self:
        """This process, as the worker of that name, which serves that queue."""
        name, pid = f"{worker}@{socket.gethostname()}", os.getpid()
        return cls(name, pid, identify(pid) or "", queue)

    @property
    def worker(self) -> str:
        """`rl-worker-0`."""
        return self.name.partition("@")[0]

    @classmethod
    def parse(cls, text: str) -> "Holder | None":
        """What a lease's value says; None if it is none."""
        match text.rsplit("/", 3):
            case [name, pid, identity, queue] if pid.isdecimal() and len(pid) < 10 and name:
                return cls(name, int(pid), identity, queue)
        return None


def is_trial_queue(queue: str) -> bool:
    """Whether trials may be sent to a queue: any but the driver's and Celery's own."""
    return queue != DRIVER_QUEUE and not queue.startswith("celery")


def of(shared: Path) -> Keys:
    """The keys of a shared directory, as it says itself; nobody's where it has said nothing yet.

    Raises:
        UsageError: its file cannot be read, or is not one of ours.
    """
    try:
        return _read(shared / FILE)
    except (FileNotFoundError, NotADirectoryError):
        return Keys("")


def claim(shared: Path) -> Keys:
    """The keys of a shared directory, which gets its identity now if it has none.

    Raises:
        UsageError: as `of`, or the directory has none and cannot be written.
    """
    known = of(shared)
    if known.id:
        return known
    require_writable(shared)
    path = shared / FILE
    temporary = shared / f"{FILE}.{secrets.token_hex(6)}"
    try:
        with open(temporary, "x", encoding="utf-8") as stream:
            stream.write(json.dumps({"id": secrets.token_hex(6)}))
            stream.flush()
            os.fsync(stream.fileno())
        # The first link wins on any number of hosts.
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written ({error.strerror}). It keeps this directory's messages "
            "apart from others' in Redis and is written once: start a worker, or submit, where the "
            "directory can be written."
        ) from error
    finally:
        _remove(temporary)
    return _read(path)


def _remove(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        pass  # it was never there: a directory that cannot be written


# A directory keeps its identity, and a file server's silence must not end a running trial.
@lru_cache(maxsize=64)
def _read(path: Path) -> Keys:
    try:
        # Opened so, a pipe in its place is not waited on.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as f:
            identity = json.loads(f.read(_LONGEST_BYTES))["id"]
        if _ID.fullmatch(identity):
            return Keys(identity)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise UsageError(
        f"{path}: does not name this directory's messages in Redis. Stop the workers of the "
        "directory and remove the file; a new one is written."
    )
