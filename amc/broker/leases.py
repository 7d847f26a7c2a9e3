"""Leases: a worker's short-lived claim on a trial.

A lease says only "somebody is at it now". It may vanish at any time (FLUSHALL, a restart); the
holder makes it anew at its next renewal, and the ledger's write-once records carry what must hold.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from amc import failpoints
from amc.broker.connection import Client
from amc.broker.keys import Holder
from amc.broker.machine import identify, is_of_this_machine

TTL_MS = 9_000
RENEW_EVERY_S = 3.0

# Of another type, without an end or with one far away: nobody of ours holds that.
_HOLDER = """
local holder = redis.pcall('GET', KEYS[1])
local rest = redis.call('PTTL', KEYS[1])
if type(holder) ~= 'string' or rest < 0 or rest > tonumber(ARGV[#ARGV]) then holder = false end
"""
# Taken from nobody but the holder that was seen to be dead.
_ACQUIRE = f"""{_HOLDER}
if holder and holder ~= ARGV[1] and holder ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
"""
_RENEW = f"""{_HOLDER}
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = """
if redis.pcall('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


@dataclass(frozen=True)
class Lease:
    """A claim on one trial by one holder."""

    client: Client
    key: str
    holder: str

    def renew(self) -> bool:
        """Hold on for another 9 s; a vanished lease is made anew.

        Returns:
            False if somebody else holds it now.
        """
        with failpoints.around("lease-renewal"):
            return bool(self.client.eval(_RENEW, 1, self.key, self.holder, str(TTL_MS)))

    def release(self) -> None:
        """Give the claim up, if it is still ours."""
        with failpoints.around("lease-release"):
            self.client.eval(_RELEASE, 1, self.key, self.holder)


def acquire(client: Client, experiment: str, trial: int, holder: Holder) -> Lease | None:
    """Claim a trial; None if another worker holds it.

    What a dead process of this machine holds is free at once, without waiting for its end.
    """
    lease = Lease(client, client.keyspace.lease(experiment, trial), str(holder))
    other = holders(client, experiment, [trial]).get(trial)
    displaced = str(other) if other and _is_dead(other) else lease.holder
    with failpoints.around("lease"):
        taken = client.eval(_ACQUIRE, 1, lease.key, lease.holder, displaced, str(TTL_MS))
    return lease if taken else None


def _is_dead(holder: Holder) -> bool:
    """Whether a holder's process is known to have ended; of other machines nothing is known.

    A name proves nothing: workers of two machines, or two that were started by hand, may share it.
    """
    return is_of_this_machine(holder.identity) and identify(holder.pid) != holder.identity


def holders(client: Client, experiment: str, trials: Iterable[int]) -> dict[int, Holder]:
    """Which of these trials are leased, and who is at them."""
    wanted = {client.keyspace.lease(experiment, trial): trial for trial in trials}
    return {wanted[key]: holder for key, holder in _held(client, wanted)}


def all_leases(client: Client) -> dict[tuple[str, int], Holder]:
    """Every leased trial by experiment and number, and who is at it."""
    keys = client.scan_iter(match=client.keyspace.lease("*", "*"), count=1_000)
    found = ((client.keyspace.leased(key), holder) for key, holder in _held(client, keys))
    return {trial: holder for trial, holder in found if trial is not None}


def leases_by_queue(client: Client) -> Counter[str]:
    """How many trials run on each queue, over all experiments."""
    return Counter(holder.queue for holder in all_leases(client).values())


def _held(client: Client, keys: Iterable[str]) -> Iterator[tuple[str, Holder]]:
    for key, value in client.young(keys, longest_s=TTL_MS / 1000).items():
        if holder := Holder.parse(value):
            yield key, holder
