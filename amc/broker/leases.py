"""Leases: a worker's short-lived claim on a trial.

A lease says only "somebody is at it now". It may vanish at any time (FLUSHALL, a restart); the
holder makes it anew at its next renewal, and the ledger's write-once records carry what must hold.
"""

import os
import socket
from dataclasses import dataclass

import redis

from amc.broker.connection import PREFIX
from amc.broker.machine import identify, is_of_this_machine

TTL_MS = 9_000
RENEW_EVERY_S = 3.0

# Taken from nobody but the holder that was seen to be dead.
_ACQUIRE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
"""
_RENEW = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


@dataclass(frozen=True)
class Owner:
    """Who holds a lease: `worker@host`, its process, and the queue that it serves."""

    worker: str
    queue: str

    def __str__(self) -> str:
        return f"{self.name}/{os.getpid()}/{identify(os.getpid())}/{self.queue}"

    @property
    def name(self) -> str:
        """`rl-worker-0@host`."""
        return f"{self.worker}@{socket.gethostname()}"


@dataclass(frozen=True)
class Lease:
    """A claim on one trial by one owner."""

    client: redis.Redis
    key: str
    owner: str

    def renew(self) -> bool:
        """Hold on for another 9 s; a vanished lease is made anew.

        Returns:
            False if somebody else holds it now.
        """
        return bool(self.client.eval(_RENEW, 1, self.key, self.owner, str(TTL_MS)))

    def release(self) -> None:
        """Give the claim up, if it is still ours."""
        self.client.eval(_RELEASE, 1, self.key, self.owner)


def _key(experiment: str, trial: int) -> str:
    return f"{PREFIX}lease:{experiment}:{trial}"


def acquire(client: redis.Redis, experiment: str, trial: int, owner: Owner) -> Lease | None:
    """Claim a trial; None if another worker holds it.

    What a dead process of this machine holds is free at once, without waiting for its end.
    """
    lease = Lease(client, _key(experiment, trial), str(owner))
    holder = client.get(lease.key) or ""
    displaced = holder if _is_dead(holder) else lease.owner
    taken = client.eval(_ACQUIRE, 1, lease.key, lease.owner, displaced, str(TTL_MS))
    return lease if taken else None


def _is_dead(owner: str) -> bool:
    """Whether the process of an owner is known to have ended; of other machines nothing is known.

    A name proves nothing: workers of two machines, or two that were started by hand, may share it.
    """
    match owner.rsplit("/", 3):
        case [_, pid, identity, _] if is_of_this_machine(identity) and pid.isdecimal():
            return len(pid) < 10 and identify(int(pid)) != identity
    return False


def holders(client: redis.Redis, experiment: str, trials: list[int]) -> dict[int, str]:
    """Which of these trials are leased, and to which owner."""
    if not trials:
        return {}
    values = client.mget([_key(experiment, trial) for trial in trials])
    return {trial: owner for trial, owner in zip(trials, values, strict=True) if owner}


def leases_by_queue(client: redis.Redis) -> dict[str, int]:
    """How many trials run on each queue, over all experiments."""
    count: dict[str, int] = {}
    keys = list(client.scan_iter(match=f"{PREFIX}lease:*", count=1_000))
    for owner in filter(None, client.mget(keys) if keys else []):
        queue = owner.rpartition("/")[2]
        count[queue] = count.get(queue, 0) + 1
    return count
