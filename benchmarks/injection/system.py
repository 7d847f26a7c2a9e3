"""A private fleet with experiments under way, as whoever does harm to it sees it."""

import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from amc import fleet
from amc.broker.connection import Client, connect
from amc.celery import send_wake
from amc.fleet.commands import broker_of
from amc.fleet.description import Description
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.state import living
from amc.ledger import Ledger

UP_WITHIN_S = 240.0


@dataclass
class System:
    """A private fleet with experiments under way.

    Attributes:
        shared: the directory of its experiments, which AMC_SHARED_DIR names.
        description: what runs.
        random: where every choice comes from.
        running: the experiments under way.
        torn: what lay in records that were damaged, so that it can be put back for the oracle.
    """

    shared: Path
    description: Description
    random: random.Random
    running: list[Ledger] = field(default_factory=list)
    torn: dict[Path, bytes] = field(default_factory=dict)

    def up(self) -> None:
        """Start what is not up; it ends with this process."""
        fleet.up(self.description, shared=self.shared, deadline_s=UP_WITHIN_S, is_tied=True)

    def supervisor(self) -> psutil.Process | None:
        """What started everything else."""
        state = living(FleetPaths(self.shared).state)
        return None if state is None else _process(state.pid)

    def named(self, kind: str) -> psutil.Process | None:
        """One of the processes that the supervisor started: redis, driver or any rl-worker."""
        found = self._started(kind)
        return self.random.choice(found) if found else None

    def pool_child(self) -> psutil.Process | None:
        """The child of a worker that runs its tasks."""
        found = _children(self._started("rl-worker"))
        return self.random.choice(found) if found else None

    def trial_process(self) -> psutil.Process | None:
        """What a worker trains in, if any is training."""
        found = _children(_children(self._started("rl-worker")))
        return self.random.choice(found) if found else None

    def _started(self, kind: str) -> list[psutil.Process]:
        state = living(FleetPaths(self.shared).state)
        known = {} if state is None else {one.name: one.pid for one in state.processes if one.pid}
        found = (_process(known[name]) for name in sorted(known) if name.startswith(kind))
        return [process for process in found if process is not None]

    def redis(self) -> Client:
        """The broker."""
        return connect(broker_of(self.shared).url, self.shared)

    def experiment(self) -> Ledger | None:
        """Any experiment under way."""
        return self.random.choice(self.running) if self.running else None

    def wake(self, ledger: Ledger) -> None:
        """Ask for a look at an experiment."""
        send_wake(ledger.id)

    def some_time(self, longest_s: float) -> float:
        """A random while, in seconds."""
        return self.random.uniform(0.1, longest_s)

    def pass_time(self, longest_s: float) -> None:
        """Wait for a random while."""
        time.sleep(self.some_time(longest_s))

    def processes(self) -> Iterator[psutil.Process]:
        """Every process that was started for this directory, but this one."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                environment = process.environ() if process.pid != psutil.Process().pid else {}
                if environment.get("AMC_SHARED_DIR") == str(self.shared):
                    yield process


def _children(parents: list[psutil.Process]) -> list[psutil.Process]:
    found = []
    for parent in parents:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += sorted(parent.children(), key=lambda one: one.pid)
    return found


def _process(pid: int) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid)
    return None
