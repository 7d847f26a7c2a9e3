"""Heartbeats: which workers live, and which queues they serve.

Its doors are `beat` and `silence` for a worker, `live_workers` and `live_queues` for whoever asks.
What is read here may be gone, of another version, or somebody else's rubbish: what is not
understood is not there.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from amc import failpoints
from amc.broker.connection import Client, json_object

EVERY_S = 3.0
_TTL_S = 10
_LONGEST_NAME = 255
_DIGITS = re.compile(r"([0-9]{1,18})")


@dataclass(frozen=True)
class LiveWorker:
    """A worker that was heard of in the last 10 s.

    `allows` is what its allow-lists name, as `amc.permission` makes it unreadable.
    """

    name: str
    queues: tuple[str, ...]
    host: str
    pid: int
    allows: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "LiveWorker | None":
        """What a heartbeat says, of whatever version; None if it is none."""
        match json_object(text):
            case {"name": str(name), "queues": [*queues], "host": str(host)} as told if (
                0 < len(name) <= _LONGEST_NAME
            ):
                pid, allows = told.get("pid"), told.get("allows")
                served = tuple(queue for queue in queues if _is_queue(queue))
                named = allows if isinstance(allows, list) else []
                entries = tuple(one for one in named if isinstance(one, str))
                return cls(name, served, host, pid if type(pid) is int else 0, entries)
        return None


def _is_queue(name: object) -> bool:
    """Whether something can be the name of a queue that a message is sent to."""
    return isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable()


def beat(client: Client, worker: LiveWorker) -> None:
    """Say that a worker lives, and what it serves."""
    keys = client.keyspace
    key = keys.worker(f"{worker.name}@{worker.host}")
    with failpoints.around("heartbeat"):
        client.set(key, json.dumps(asdict(worker)), ex=_TTL_S)


def silence(client: Client, host: str, names: Iterable[str]) -> None:
    """Say that workers of a machine are going away, so that nothing more is sent to them."""
    keys = [client.keyspace.worker(f"{name}@{host}") for name in names]
    if keys:
        client.delete(*keys)


def live_workers(client: Client) -> list[LiveWorker]:
    """Every live worker, by name."""
    keys = client.scan_iter(match=client.keyspace.worker("*"), count=1_000)
    told = client.young(keys, longest_s=_TTL_S).values()
    found = (worker for worker in map(LiveWorker.parse, told) if worker is not None)
    return sorted(found, key=lambda worker: in_number_order(worker.name))


def in_number_order(name: str) -> list[str | int]:
    """Sort key: gpu2 before gpu10."""
    return [int(part) if _DIGITS.fullmatch(part) else part for part in _DIGITS.split(name)]


Suits = Callable[[LiveWorker], bool]
"""Whether a worker may be sent a trial."""


def anyone(_: LiveWorker) -> bool:
    """Suits every trial that amc trains itself."""
    return True


def live_queues(client: Client, suits: Suits = anyone) -> Counter[str]:
    """Every queue that a live worker serves, and how many do.

    Args:
        client: of the broker.
        suits: leaves out a queue that a worker serves for which this is false, since whoever
            serves a queue may take what is sent there.
    """
    return serving(live_workers(client), suits)


def serving(workers: Iterable[LiveWorker], suits: Suits) -> Counter[str]:
    """The same of workers that are known."""
    served: Counter[str] = Counter()
    closed: set[str] = set()
    for worker in workers:
        served.update(worker.queues)
        closed.update(() if suits(worker) else worker.queues)
    return Counter({queue: count for queue, count in served.items() if queue not in closed})
