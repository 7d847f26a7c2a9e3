"""Queues: which have a live worker, what waits in them, and where the next trial should go.

A train_trial message carries `<experiment>.<trial>.<random>` as its task id, so that a look at a
queue tells which trials wait in it.
"""

import json
import re
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import redis

from amc.broker.connection import PREFIX
from amc.broker.leases import leases_by_queue

HEARTBEAT_EVERY_S = 3.0
_HEARTBEAT_TTL_S = 10
# Sightings and wake-ups are forgotten after this long; both are only hints.
_HINT_TTL_S = 60
_WAKE_TTL_S = 10
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class LiveWorker:
    """A worker that was heard of in the last 10 s."""

    name: str
    queues: tuple[str, ...]
    host: str
    pid: int


def beat(client: redis.Redis, worker: LiveWorker) -> None:
    """Say that a worker lives."""
    key = f"{PREFIX}worker:{worker.name}@{worker.host}"
    client.set(key, json.dumps(asdict(worker)), ex=_HEARTBEAT_TTL_S)


def silence(client: redis.Redis, worker: LiveWorker) -> None:
    """Say that a worker is going away, so that nothing more is sent to it."""
    client.delete(f"{PREFIX}worker:{worker.name}@{worker.host}")


def live_workers(client: redis.Redis) -> list[LiveWorker]:
    """Every live worker, by name."""
    keys = list(client.scan_iter(match=f"{PREFIX}worker:*", count=1_000))
    values = filter(None, client.mget(keys) if keys else [])
    found = [
        LiveWorker(**{**(data := json.loads(v)), "queues": tuple(data["queues"])}) for v in values
    ]
    return sorted(found, key=lambda worker: in_number_order(worker.name))


def in_number_order(name: str) -> list[str | int]:
    """Sort key: gpu2 before gpu10."""
    return [int(part) if part.isdigit() else part for part in _DIGITS.split(name)]


def live_queues(client: redis.Redis) -> Counter[str]:
    """Every queue that a live worker serves, and how many do."""
    return Counter(queue for worker in live_workers(client) for queue in worker.queues)


# -- messages


def task_id(experiment: str, trial: int) -> str:
    """A fresh task id that names its trial."""
    return f"{experiment}.{trial}.{secrets.token_hex(4)}"


def _trial_of(message: str) -> tuple[str, int] | None:
    try:
        identifier = json.loads(message)["headers"]["id"]
        experiment, trial, _ = identifier.rsplit(".", 2)
        return experiment, int(trial)
    except (ValueError, KeyError, TypeError):
        return None  # not one of ours


def waiting(client: redis.Redis, queues: Iterable[str]) -> dict[tuple[str, int], set[str]]:
    """Which trials wait, and in which of these queues."""
    found: dict[tuple[str, int], set[str]] = {}
    for queue in queues:
        for message in client.lrange(queue, 0, -1):
            trial = _trial_of(message)
            if trial is not None:
                found.setdefault(trial, set()).add(queue)
    return found


def choose(client: redis.Redis, n_trials: int) -> list[str]:
    """A queue for each of `n_trials` messages: the least loaded, ties in GPU order.

    On an idle fleet that is round-robin. Empty if no queue but the driver's has a live worker.
    """
    served = live_queues(client)
    running = leases_by_queue(client)
    candidates = sorted((q for q in served if is_trial_queue(q)), key=in_number_order)
    load = {queue: running.get(queue, 0) + int(client.llen(queue)) for queue in candidates}
    chosen = []
    for _ in range(n_trials if candidates else 0):
        queue = min(candidates, key=lambda name: load[name] / served[name])
        load[queue] += 1
        chosen.append(queue)
    return chosen


def is_trial_queue(queue: str) -> bool:
    """Whether trials may be sent to a queue: any but the driver's and Celery's own."""
    return queue != "driver" and not queue.startswith("celery")


# -- hints


def claim_wake(client: redis.Redis, experiment: str) -> bool:
    """Whether a wake-up for the experiment should be sent: none is on its way."""
    return bool(client.set(f"{PREFIX}wake:{experiment}", "1", nx=True, ex=_WAKE_TTL_S))


def clear_wake(client: redis.Redis, experiment: str) -> None:
    """A wake-up has arrived; called before the ledger is read, so that no later news is missed."""
    client.delete(f"{PREFIX}wake:{experiment}")


def first_missed(client: redis.Redis, experiment: str, trial: int) -> float:
    """Seconds, by the clock of Redis, since the trial was first seen without a sign of life."""
    key = f"{PREFIX}missing:{experiment}:{trial}"
    seconds, microseconds = client.time()
    now = float(seconds) + float(microseconds) / 1e6
    client.set(key, repr(now), nx=True, ex=_HINT_TTL_S)
    return now - float(client.get(key) or now)


def hand_back(client: redis.Redis, experiment: str, trial: int) -> None:
    """A worker gave this trial up on purpose: nobody needs to wait for a sign of life."""
    client.set(f"{PREFIX}missing:{experiment}:{trial}", "0", ex=_HINT_TTL_S)


def seen(client: redis.Redis, experiment: str, trials: Iterable[int]) -> None:
    """These trials show a sign of life, or were just dispatched."""
    keys = [f"{PREFIX}missing:{experiment}:{trial}" for trial in trials]
    if keys:
        client.delete(*keys)


# -- live progress, for whoever watches


def report_progress(
    client: redis.Redis, experiment: str, trial: int, progress: dict[str, object]
) -> None:
    """Tell watchers how far a trial is."""
    client.set(f"{PREFIX}progress:{experiment}:{trial}", json.dumps(progress), ex=_HINT_TTL_S)


def progress_of(
    client: redis.Redis, experiment: str, trials: list[int]
) -> dict[int, dict[str, object]]:
    """What running trials last told."""
    if not trials:
        return {}
    values = client.mget([f"{PREFIX}progress:{experiment}:{trial}" for trial in trials])
    return {trial: json.loads(value) for trial, value in zip(trials, values, strict=True) if value}
