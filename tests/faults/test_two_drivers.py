"""Drivers and workers of several hosts at once on one experiment."""

import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

from amc import tasks
from amc.celery import app
from amc.ledger import Ledger
from amc.verify import verify
from amc.workers.attempts import supervise
from tests.faults.conftest import outcome

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(300)]


def drive(ledger: Ledger, worker: str) -> None:
    """Be driver and worker until it has ended."""
    while not ledger.is_finished:
        tasks.advance(ledger.id)
        for segment in ledger.history().outstanding:
            tasks.advance(ledger.id)
            supervise(ledger, segment.trial, worker=worker, queue="gpu0")


def fork(action: Callable[[], Any], host: str) -> int:
    """A process that does something on a host of that name."""
    pid = os.fork()
    if pid == 0:
        socket.gethostname = lambda: host
        app._after_fork()
        try:
            action()
            os._exit(0)
        finally:
            os._exit(1)
    return pid


@pytest.mark.parametrize(
    "search",
    [{"n_calls": 9, "pruner": "halving"}, {"n_calls": 9, "mode": "async", "pruner": "asha"}],
    ids=["halving", "asha"],
)
def test_four_hosts_that_all_decide_and_train_at_once_are_as_one(
    broker: Any, make_experiment: Callable[..., Ledger], search: dict[str, Any]
) -> None:
    alone, together = (make_experiment(test_seeds=0, **search) for _ in range(2))
    os.waitpid(fork(lambda: drive(alone, "rl-worker-0"), "here"), 0)

    forks = [
        fork(lambda name=f"rl-worker-{n}": drive(Ledger(together.directory), name), f"host{n}")
        for n in range(4)
    ]
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in forks]

    assert codes == [0] * 4
    assert together.state == "completed"
    assert outcome(together) == outcome(alone)
    assert verify(together) == []
    # A segment is reported by one attempt, and nobody makes a second one while the first lives.
    attempts = [len(together.attempts(trial)) for trial in together.history().trials]
    assert sum(attempts) == len(together.history().segments)
