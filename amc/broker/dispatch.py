"""Where the next trial should go, and which were lost on the way and must be sent again.

Its doors are `choose`, `lost` and `stuck`; `signs` and `surroundings` tell whether they could say
anything else by now.

A trial is on its way if somebody holds its lease or a message for it waits in a queue with a live
worker. `unacked` is never evidence of life: kombu keeps messages of dead workers there. A trial
without any sign is sent again only when it was missed twice, 4 s apart, because a message is
invisible between a worker's BRPOP and its lease. A mistake costs one message: the copy meets the
lease and returns.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Sequence

import redis

from amc.broker import heartbeats, hints, leases
from amc.broker.connection import Client
from amc.broker.heartbeats import Suits, anyone
from amc.broker.keys import is_trial_queue
from amc.broker.messages import trial_of

_MISSED_S = 4.0
# Waiting in a queue whose worker is gone: it may be restarting, and then the message is in good
# hands.
_STRANDED_S = 15.0


def choose(
    client: Client, n_trials: int, *, again: bool = False, suits: Suits = anyone
) -> list[str]:
    """A queue for each of `n_trials` messages: the least loaded, ties in GPU order.

    On an idle fleet that is round-robin. Empty if no queue but the driver's has a live worker, or
    in each there is one that does not suit.
    What is sent again goes to any of the least loaded: a worker that can train nothing, such as one
    of an older version, is never busy, and would be given the same trial for ever.
    """
    served, load = _load(client, suits)
    candidates = list(load)
    if again:
        random.shuffle(candidates)
    chosen = []
    for _ in range(n_trials if candidates else 0):
        queue = min(candidates, key=lambda name: load[name] / served[name])
        load[queue] += 1
        chosen.append(queue)
    return chosen


def lost(
    client: Client, experiment: str, trials: Sequence[int], suits: Suits = anyone
) -> list[int]:
    """Those of the outstanding trials that must be sent (again).

    What waits where a worker may take it that does not suit, and will hand it back, is lost, too.
    """
    workers = heartbeats.live_workers(client)
    live = heartbeats.serving(workers, suits)
    held = leases.holders(client, experiment, trials)
    waiting = waiting_in(client, _known_queues(client, heartbeats.serving(workers, anyone)))
    alive, missing = [], []
    for trial in trials:
        places = waiting.get((experiment, trial), set())
        if trial in held or places & set(live):
            alive.append(trial)
            continue
        patience_s = _STRANDED_S if places else _MISSED_S
        if hints.first_missed(client, experiment, trial) >= patience_s:
            missing.append(trial)
    hints.seen(client, experiment, alive)
    return missing


def stuck(
    client: Client, experiment: str, trials: Sequence[int], suits: Suits = anyone
) -> list[int]:
    """Those of the outstanding trials that wait behind another one while a worker is idle.

    Trials wait in the queue that was the least loaded when they were sent; which is worked off
    first shows only later. A copy in an idle queue mends that: the message that still waits meets
    the copy's lease or report.

    Args:
        client: of the broker.
        experiment: its id.
        trials: outstanding ones, the most urgent first.
        suits: whether a worker may be sent them.

    Returns:
        As many as there are idle workers, at most.
    """
    served, load = _load(client, suits)
    idle = sum(max(0, served[queue] - load[queue]) for queue in load)
    if not idle or max(load.values()) <= 1:
        return []
    held = leases.holders(client, experiment, trials)
    waiting = waiting_in(client, load)
    behind = {queue for queue in load if load[queue] > served[queue]}
    places = {trial: waiting.get((experiment, trial), set()) for trial in trials}
    in_line = [one for one in trials if one not in held and places[one] and places[one] <= behind]
    return in_line[:idle]


def surroundings(client: Client) -> str:
    """What workers there are, what waits and what runs on each queue, as one word.

    Cheap, whatever waits: no message is read.
    """
    workers = heartbeats.live_workers(client)
    served = heartbeats.serving(workers, anyone)
    waiting, running = client.lengths(sorted(served)), leases.leases_by_queue(client)
    # The driver's own queue holds its wake-ups, of which one is on its way whenever this is asked.
    known = [
        (queue, served[queue], waiting.get(queue, 0) * is_trial_queue(queue), running[queue])
        for queue in sorted({*served, *running})
    ]
    allowed = sorted((queue, *one.allows) for one in workers if one.allows for queue in one.queues)
    return _word([known, allowed])


def signs(client: Client, experiment: str, trials: Iterable[int], around: str) -> str:
    """Who is at which of these trials in which surroundings, as one word.

    While it is the same, nothing was lost and nothing has begun or ended.
    """
    held = leases.holders(client, experiment, trials)
    return _word([around, sorted((trial, str(holder)) for trial, holder in held.items())])


def _word(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def _load(client: Client, suits: Suits) -> tuple[dict[str, int], dict[str, int]]:
    """How many live workers serve a queue; how many trials run or wait there, in GPU order."""
    served = heartbeats.live_queues(client, suits)
    running = leases.leases_by_queue(client)
    candidates = sorted((q for q in served if is_trial_queue(q)), key=heartbeats.in_number_order)
    waiting = client.lengths(candidates)
    return served, {queue: running[queue] + waiting[queue] for queue in candidates}


def _known_queues(client: Client, live: "dict[str, int]") -> list[str]:
    keys = client.keyspace
    stranded = client.scan_iter(match=keys.queue("gpu*"), count=1_000, _type="list")
    names = (key.removeprefix(keys.prefix) for key in stranded)
    return sorted({*(queue for queue in live if is_trial_queue(queue)), *names})


def waiting_in(client: Client, queues: Iterable[str]) -> dict[tuple[str, int], set[str]]:
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
