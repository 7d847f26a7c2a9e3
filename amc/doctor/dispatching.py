"""Whether Redis and the fleet are well. Its doors are `broker` and `fleet`."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from amc.broker import hints
from amc.broker.address import broker_address
from amc.broker.connection import Client, check, connect
from amc.doctor.finding import Finding
from amc.errors import AmcError, UsageError
from amc.fleet import FleetStatus, status
from amc.settings import BROKER_URL_VARIABLE

_SLOW_MS = 20.0
# Leases end after 9 s, and moments that are recorded are Redis's.
_APART_S = 2.0
_PINGS = 5


def broker(shared: Path) -> Iterator[Finding]:
    """Whether Redis answers, how fast, what it keeps, and whether its clock is this one's."""
    try:
        address = broker_address().shown
        client = connect(shared=shared)
    except UsageError as error:
        yield Finding("broker", "fault", str(error))
        return
    try:
        check(client)
        yield from _answers(client, address)
    except (AmcError, redis.RedisError) as error:
        if os.environ.get(BROKER_URL_VARIABLE) or status(shared=shared).is_up:
            yield Finding("broker", "fault", str(error), "See that it runs, and can be reached.")
        else:
            told = f"{address} is not up; amc up and amc run start it"
            yield Finding("broker", "ok", told)


def _answers(client: Client, address: str) -> Iterator[Finding]:
    seconds = []
    for _ in range(_PINGS):
        began = time.monotonic()
        client.ping()
        seconds.append(time.monotonic() - began)
    ping_ms = 1000 * min(seconds)
    info: dict[str, Any] = client.info()
    keeps = "append-only file" if info.get("aof_enabled") else "snapshots, or nothing"
    version = info.get("valkey_version") or info.get("redis_version", "?")
    told = f"{address} answers in {ping_ms:.1f} ms, version {version}, keeps: {keeps}"
    if ping_ms > _SLOW_MS:
        yield Finding(
            "broker", "warning", told, "It is far away or busy: look at it and the network."
        )
    else:
        yield Finding("broker", "ok", told)
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield Finding(
            "broker memory",
            "warning",
            f"maxmemory-policy is {policy}: it may forget messages",
            "Set maxmemory-policy to noeviction.",
        )
    yield _clock(client)


def _clock(client: Client) -> Finding:
    before = time.time()
    apart = hints.now(client) - (before + time.time()) / 2
    told = f"{abs(apart):.2f} s {'behind' if apart > 0 else 'ahead of'} that of Redis"
    if abs(apart) > _APART_S:
        return Finding("clock", "warning", told, "Keep the clocks of all machines together: NTP.")
    return Finding("clock", "ok", told)


def fleet(shared: Path) -> Iterator[Finding]:
    """Whether workers are up here, and have stayed up."""
    found = status(shared=shared)
    elsewhere = [worker for worker in found.workers if worker.host != found.host]
    if not found.is_up:
        told = f"not up on {found.host}"
        told += f"; {len(elsewhere)} workers live on other machines" if elsewhere else ""
        yield Finding("fleet", "ok", told, "" if elsewhere else "Start it when needed: amc up")
        return
    yield from _processes(found)


def _processes(found: FleetStatus) -> Iterator[Finding]:
    again = [process for process in found.processes if process.restarts]
    told = f"up on {found.host}, {len(found.processes)} processes"
    if found.broker_answers:
        told += f", {len(found.workers)} live workers, {len(found.running)} trials at work"
    if again:
        names = ", ".join(f"{process.name} {process.restarts} times" for process in again)
        yield Finding(
            "fleet", "warning", f"{told}; started again: {names}", f"See why: {again[0].log}"
        )
    else:
        yield Finding("fleet", "ok", told)
