"""Who could train, and what each trains: a look at the heartbeats and leases of all experiments.

Its door is `AtWork`. What it reads may be lost at any time; where no broker answers, nobody is.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import redis

from amc.errors import UsageError

if TYPE_CHECKING:
    from amc.broker.heartbeats import LiveWorker
    from amc.permission import ForeignCode


@dataclass(frozen=True)
class WorkerAtWork:
    """A worker that may train trials.

    Attributes:
        name: `rl-worker-0`; with its machine where there are several.
        experiment: whose trial it trains; empty while it is idle.
        trial: its number; None while it is idle.
    """

    name: str
    experiment: str = ""
    trial: int | None = None


@dataclass(frozen=True)
class AtWork:
    """Every live worker at one moment.

    Attributes:
        workers: those that train, in the order of their names and numbers.
        has_driver: whether the driver's queue has a worker.
        answers: whether the broker does.
        live: every worker that was heard of, with what it serves and allows.
    """

    workers: tuple[WorkerAtWork, ...] = ()
    has_driver: bool = False
    answers: bool = True
    live: "tuple[LiveWorker, ...]" = ()

    @classmethod
    def now(cls) -> Self:
        """Ask the broker."""
        from amc.broker import heartbeats, leases
        from amc.broker.connection import connect
        from amc.broker.keys import DRIVER_QUEUE, is_trial_queue

        try:
            live = heartbeats.live_workers(connect())
            held = leases.all_leases(connect())
        except (redis.RedisError, UsageError):
            return cls(answers=False)
        trains = {holder.name: key for key, holder in held.items()}
        names = [f"{one.name}@{one.host}" for one in live if any(map(is_trial_queue, one.queues))]
        # Who holds a lease works, though its heartbeat may be late.
        every = sorted({*names, *trains}, key=heartbeats.in_number_order)
        return cls(
            tuple(
                WorkerAtWork(name, *trains.get(full, ("", None)))
                for full, name in zip(every, _short(every), strict=True)
            ),
            any(DRIVER_QUEUE in one.queues for one in live),
            live=tuple(live),
        )

    @property
    def missing(self) -> str | None:
        """What there must be for anything to move, and how to get it; None if all is there."""
        if not self.answers:
            return _of_silence()
        if not self.workers:
            return "no worker: amc up"
        return None if self.has_driver else "the driver's queue has no worker: amc up"

    def forbids(self, code: "ForeignCode | None") -> str | None:
        """What to do where no queue is open to the code of an experiment; None where one is."""
        from amc.broker.heartbeats import serving
        from amc.broker.keys import is_trial_queue

        if code is None:
            return None
        open_to_it = serving(self.live, lambda worker: code.is_allowed_by(worker.allows))
        if any(map(is_trial_queue, open_to_it)):
            return None
        return f"no worker may run it: amc down && {code.assignment} amc up"

    def at(self, experiment: str) -> int:
        """How many of them train trials of an experiment, or could: they are idle."""
        return sum(worker.experiment in {"", experiment} for worker in self.workers)


def _short(names: Sequence[str]) -> list[str]:
    """Without the machine, where all are on one."""
    machines = {name.partition("@")[2] for name in names}
    return [name.partition("@")[0] if len(machines) == 1 else name for name in names]


def _of_silence() -> str:
    from amc.broker.address import broker_address
    from amc.settings import BROKER_URL_VARIABLE

    if not os.environ.get(BROKER_URL_VARIABLE):
        return "no worker: amc up"  # which brings its own broker
    try:
        return f"the broker {broker_address().shown} does not answer: {BROKER_URL_VARIABLE}"
    except UsageError as error:
        return str(error)
