"""Hints: what is good to know and may be lost: wake-ups, rest, trouble, who is missing, progress.

Each ends by itself. What is read here may be somebody else's rubbish: what is not understood is
not there. Its doors are the functions.
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from amc import failpoints
from amc.broker.connection import Client, json_object

# Sightings, wake-ups and progress are forgotten after this long.
_TTL_S = 60
_WAKE_TTL_S = 10
_TROUBLE_TTL_S = 300
# So often an experiment is looked at whatever its surroundings say.
_REST_TTL_S = 30


def claim_wake(client: Client, experiment: str) -> bool:
    """Whether a wake-up for the experiment should be sent: none is on its way."""
    key = client.keyspace.wake(experiment)
    with failpoints.around("claimed-wake"):
        is_first = client.set(key, "1", nx=True, ex=_WAKE_TTL_S)
    if is_first:
        return True
    if not 0 <= client.ttl(key) <= _TTL_S:
        client.expire(key, _WAKE_TTL_S)  # not ours: ours end by themselves
    return False


def clear_wake(client: Client, experiment: str) -> None:
    """A wake-up has arrived; called before the ledger is read, so that no later news is missed."""
    with failpoints.around("cleared-wake"):
        client.delete(client.keyspace.wake(experiment))


def rest(client: Client, experiment: str, trials: Sequence[int], signs: str) -> None:
    """There is nothing to do until the signs of life of these trials are others."""
    told = json.dumps({"trials": list(trials), "signs": signs})
    with failpoints.around("rested"):
        client.set(client.keyspace.rest(experiment), told, ex=_REST_TTL_S)


def disturb(client: Client, experiment: str) -> None:
    """Somebody looks after the experiment, or should."""
    with failpoints.around("disturbed"):
        client.delete(client.keyspace.rest(experiment))


def resting(client: Client, experiments: Iterable[str]) -> dict[str, tuple[list[int], str]]:
    """Those for which there was nothing to do, with the trials that were open and their signs."""
    wanted = {client.keyspace.rest(experiment): experiment for experiment in experiments}
    found = {}
    for key, text in client.young(wanted, longest_s=_REST_TTL_S).items():
        match json_object(text):
            case {"trials": [*trials], "signs": str(signs)} if all(
                type(trial) is int for trial in trials
            ):
                found[wanted[key]] = trials, signs
    return found


def postpone(client: Client, experiment: str) -> int:
    """Let the next wake-up of an experiment in trouble wait, the longer the oftener in a row.

    Returns:
        Seconds, 2 to 60.
    """
    key = client.keyspace.trouble(experiment)
    times = _seconds(client.young([key], longest_s=_TROUBLE_TTL_S).get(key))
    pause_s = int(min(_TTL_S, 2 ** min(times + 1, 10)))
    client.set(key, str(int(times) + 1), ex=_TROUBLE_TTL_S)
    with failpoints.around("postponed"):
        client.set(client.keyspace.wake(experiment), "1", ex=pause_s)
    return pause_s


def recovered(client: Client, experiment: str) -> None:
    """The experiment is in no trouble any more."""
    with failpoints.around("recovered"):
        client.delete(client.keyspace.trouble(experiment))


def now(client: Client) -> float:
    """Unix time by the clock of Redis, the one clock that all machines share."""
    seconds, microseconds = client.time()
    return float(seconds) + float(microseconds) / 1e6


def first_missed(client: Client, experiment: str, trial: int) -> float:
    """Seconds, by the clock of Redis, since the trial was first seen without a sign of life."""
    key = client.keyspace.missing(experiment, trial)
    time = now(client)
    told = client.young([key], longest_s=_TTL_S).get(key)
    since = time if told is None else _seconds(told, default=time)
    if told is None or since > time:
        with failpoints.around("missed"):
            client.set(key, repr(time), ex=_TTL_S)
    return max(0.0, time - since)


def is_any_missed(client: Client, experiment: str, trials: Iterable[int]) -> bool:
    """Whether one of these trials was seen without a sign of life, and not seen since."""
    keys = [client.keyspace.missing(experiment, trial) for trial in trials]
    return bool(client.young(keys, longest_s=_TTL_S))


def _seconds(text: str | None, default: float = 0.0) -> float:
    try:
        value = float(text or "")
    except ValueError:
        return default
    return value if math.isfinite(value) and value >= 0 else default


def hand_back(client: Client, experiment: str, trial: int) -> None:
    """A worker gave this trial up on purpose: nobody needs to wait for a sign of life."""
    with failpoints.around("hand-back"):
        client.set(client.keyspace.missing(experiment, trial), "0", ex=_TTL_S)


def seen(client: Client, experiment: str, trials: Iterable[int]) -> None:
    """These trials show a sign of life, or were just dispatched."""
    keys = [client.keyspace.missing(experiment, trial) for trial in trials]
    if keys:
        with failpoints.around("seen"):
            client.delete(*keys)


def report_progress(
    client: Client, experiment: str, trial: int, progress: dict[str, object]
) -> None:
    """Tell watchers how far a trial is."""
    key = client.keyspace.progress(experiment, trial)
    with failpoints.around("progress"):
        client.set(key, json.dumps(progress), ex=_TTL_S)


def progress_of(client: Client, experiment: str, trials: list[int]) -> dict[int, dict[str, Any]]:
    """What running trials last told: `steps`, and whatever else a worker says."""
    wanted = {client.keyspace.progress(experiment, trial): trial for trial in trials}
    told = client.young(wanted, longest_s=_TTL_S)
    found = {wanted[key]: json_object(text) for key, text in told.items()}
    return {
        trial: progress
        for trial, progress in found.items()
        if type(progress.get("steps")) is int and progress["steps"] >= 0
    }


def forget(client: Client, experiment: str, trials: Iterable[int]) -> None:
    """Take away every hint of an experiment that is no more."""
    keys = client.keyspace
    names = [keys.wake(experiment), keys.rest(experiment), keys.trouble(experiment)]
    for trial in trials:
        names += [keys.progress(experiment, trial), keys.missing(experiment, trial)]
    client.delete(*names)
