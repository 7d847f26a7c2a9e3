"""Which outstanding trials have been lost on the way, and must be sent again.

A trial is on its way if somebody holds its lease or a message for it waits in a queue with a live
worker. `unacked` is never evidence of life: kombu keeps messages of dead workers there. A trial
without any sign is sent again only when it was missed twice, 4 s apart, because a message is
invisible between a worker's BRPOP and its lease. A mistake costs one message: the copy meets the
lease and returns.
"""

from collections.abc import Sequence

from amc.broker import leases, queues
from amc.broker.connection import Client

_MISSED_S = 4.0
# Waiting in a queue whose worker is gone: it may be restarting, and then the message is in good
# hands.
_STRANDED_S = 15.0


def lost(client: Client, experiment: str, trials: Sequence[int]) -> list[int]:
    """Those of the outstanding trials that must be sent (again)."""
    live = queues.live_queues(client)
    held = leases.holders(client, experiment, trials)
    waiting = queues.waiting(client, _known_queues(client, live))
    alive, missing = [], []
    for trial in trials:
        places = waiting.get((experiment, trial), set())
        if trial in held or places & set(live):
            alive.append(trial)
            continue
        patience_s = _STRANDED_S if places else _MISSED_S
        if queues.first_missed(client, experiment, trial) >= patience_s:
            missing.append(trial)
    queues.seen(client, experiment, alive)
    return missing


def _known_queues(client: Client, live: "dict[str, int]") -> list[str]:
    keys = client.keyspace
    stranded = client.scan_iter(match=keys.queue("gpu*"), count=1_000, _type="list")
    names = (key.removeprefix(keys.prefix) for key in stranded)
    return sorted({*(queue for queue in live if queues.is_trial_queue(queue)), *names})
