"""Queues: which have a live worker, what waits in them, and where the next trial should go.

Whatever is read here may be gone, of another version, or somebody else's rubbish: what is not
understood is not there.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import redis

from amc.broker.connection import Client
from amc.broker.keys import DRIVER_QUEUE
from amc.broker.leases import leases_by_queue
from amc.broker.messages import trial_of

HEARTBEAT_EVERY_S = 3.0
_HEARTBEAT_TTL_S = 10
# Sightings and wake-ups are forgotten after this long; both are only hints.
_HINT_TTL_S = 60
_WAKE_TTL_S = 10
_TROUBLE_TTL_S = 300
_LONGEST_NAME = 255
_DIGITS = re.compile(r"([0-9]{1,18})")


@dataclass(frozen=True)
class LiveWorker:
    """A worker that was heard of in the last 10 s."""

    name: str
    queues: tuple[str, ...]
    host: str
    pid: int

    @classmethod
    def parse(cls, text: str) -> "LiveWorker | None":
        """What a heartbeat says, of whatever version; None if it is none."""
        match _object(text):
            case {"name": str(name), "queues": [*queues], "host": str(host)} as told if (
                0 < len(name) <= _LONGEST_NAME
            ):
                pid = told.get("pid")
                served = tuple(queue for queue in queues if _is_queue(queue))
                return cls(name, served, host, pid if type(pid) is int else 0)
        return None


def _is_queue(name: object) -> bool:
    """Whether something can be the name of a queue that a message is sent to."""
    return isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable()


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def beat(client: Client, worker: LiveWorker) -> None:
    """Say that a worker lives, and what it serves."""
    keys = client.keyspace
    key = keys.worker(f"{worker.name}@{worker.host}")
    client.set(key, json.dumps(asdict(worker)), ex=_HEARTBEAT_TTL_S)


def silence(client: Client, host: str, names: Iterable[str]) -> None:
    """Say that workers of a machine are going away, so that nothing more is sent to them."""
    keys = [client.keyspace.worker(f"{name}@{host}") for name in names]
    if keys:
        client.delete(*keys)


def live_workers(client: Client) -> list[LiveWorker]:
    """Every live worker, by name."""
    keys = client.scan_iter(match=client.keyspace.worker("*"), count=1_000)
    told = client.young(keys, longest_s=_HEARTBEAT_TTL_S).values()
    found = (worker for worker in map(LiveWorker.parse, told) if worker is not None)
    return sorted(found, key=lambda worker: in_number_order(worker.name))


def in_number_order(name: str) -> list[str | int]:
    """Sort key: gpu2 before gpu10."""
    return [int(part) if _DIGITS.fullmatch(part) else part for part in _DIGITS.split(name)]


def live_queues(client: Client) -> Counter[str]:
    """Every queue that a live worker serves, and how many do."""
    return Counter(queue for worker in live_workers(client) for queue in worker.queues)


# -- messages


def waiting(client: Client, queues: Iterable[str]) -> dict[tuple[str, int], set[str]]:
    """Which trials wait, and in which of these queues."""
    found: dict[tuple[str, int], set[str]] = {}
    for queue in queues:
        for message in _messages(client, queue):
            trial = trial_of(message)
            if trial is not None:
                found.setdefault(trial, set()).add(queue)
    return found


def _messages(client: Client, queue: str) -> list[str]:
    try:
        return list(client.lrange(client.keyspace.queue(queue), 0, -1))
    except redis.ResponseError:
        return []  # no list: whoever consumes from it sets it aside


def choose(client: Client, n_trials: int) -> list[str]:
    """A queue for each of `n_trials` messages: the least loaded, ties in GPU order.

    On an idle fleet that is round-robin. Empty if no queue but the driver's has a live worker.
    """
    served = live_queues(client)
    running = leases_by_queue(client)
    candidates = sorted((q for q in served if is_trial_queue(q)), key=in_number_order)
    waiting = client.lengths(candidates)
    load = {queue: running[queue] + waiting[queue] for queue in candidates}
    chosen = []
    for _ in range(n_trials if candidates else 0):
        queue = min(candidates, key=lambda name: load[name] / served[name])
        load[queue] += 1
        chosen.append(queue)
    return chosen


def is_trial_queue(queue: str) -> bool:
    """Whether trials may be sent to a queue: any but the driver's and Celery's own."""
    return queue != DRIVER_QUEUE and not queue.startswith("celery")


# -- hints


def claim_wake(client: Client, experiment: str) -> bool:
    """Whether a wake-up for the experiment should be sent: none is on its way."""
    key = client.keyspace.wake(experiment)
    if client.set(key, "1", nx=True, ex=_WAKE_TTL_S):
        return True
    if not 0 <= client.ttl(key) <= _HINT_TTL_S:
        client.expire(key, _WAKE_TTL_S)  # not ours: ours end by themselves
    return False


def clear_wake(client: Client, experiment: str) -> None:
    """A wake-up has arrived; called before the ledger is read, so that no later news is missed."""
    client.delete(client.keyspace.wake(experiment))


def postpone(client: Client, experiment: str) -> int:
    """Let the next wake-up of an experiment in trouble wait, the longer the oftener in a row.

    Returns:
        Seconds, 2 to 60.
    """
    key = client.keyspace.trouble(experiment)
    times = _seconds(client.young([key], longest_s=_TROUBLE_TTL_S).get(key))
    pause_s = int(min(_HINT_TTL_S, 2 ** min(times + 1, 10)))
    client.set(key, str(int(times) + 1), ex=_TROUBLE_TTL_S)
    client.set(client.keyspace.wake(experiment), "1", ex=pause_s)
    return pause_s


def recovered(client: Client, experiment: str) -> None:
    """The experiment is in no trouble any more."""
    client.delete(client.keyspace.trouble(experiment))


def now(client: Client) -> float:
    """Unix time by the clock of Redis, the one clock that all machines share."""
    seconds, microseconds = client.time()
    return float(seconds) + float(microseconds) / 1e6


def first_missed(client: Client, experiment: str, trial: int) -> float:
    """Seconds, by the clock of Redis, since the trial was first seen without a sign of life."""
    key = client.keyspace.missing(experiment, trial)
    time = now(client)
    told = client.young([key], longest_s=_HINT_TTL_S).get(key)
    since = time if told is None else _seconds(told, default=time)
    if told is None or since > time:
        client.set(key, repr(time), ex=_HINT_TTL_S)
    return max(0.0, time - since)


def _seconds(text: str | None, default: float = 0.0) -> float:
    try:
        value = float(text or "")
    except ValueError:
        return default
    return value if math.isfinite(value) and value >= 0 else default


def hand_back(client: Client, experiment: str, trial: int) -> None:
    """A worker gave this trial up on purpose: nobody needs to wait for a sign of life."""
    client.set(client.keyspace.missing(experiment, trial), "0", ex=_HINT_TTL_S)


def seen(client: Client, experiment: str, trials: Iterable[int]) -> None:
    """These trials show a sign of life, or were just dispatched."""
    keys = [client.keyspace.missing(experiment, trial) for trial in trials]
    if keys:
        client.delete(*keys)


# -- live progress, for whoever watches


def report_progress(
    client: Client, experiment: str, trial: int, progress: dict[str, object]
) -> None:
    """Tell watchers how far a trial is."""
    key = client.keyspace.progress(experiment, trial)
    client.set(key, json.dumps(progress), ex=_HINT_TTL_S)


def progress_of(client: Client, experiment: str, trials: list[int]) -> dict[int, dict[str, Any]]:
    """What running trials last told: `steps`, and whatever else a worker says."""
    wanted = {client.keyspace.progress(experiment, trial): trial for trial in trials}
    told = client.young(wanted, longest_s=_HINT_TTL_S)
    found = {wanted[key]: _object(text) for key, text in told.items()}
    return {
        trial: progress
        for trial, progress in found.items()
        if type(progress.get("steps")) is int and progress["steps"] >= 0
    }
