"""A worker of an older version beside one of this: what it cannot read it leaves alone."""

from collections.abc import Callable
from typing import Any

import pytest

from amc.celery import send_wake
from amc.ledger import Ledger, creation
from amc.verify import verify
from tests.faults.conftest import StartWorker

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(300)]

Wait = Callable[..., Any]


def test_beside_a_worker_that_is_too_old_for_the_ledger_an_experiment_comes_to_its_end(
    start_worker: StartWorker,
    make_experiment: Callable[..., Ledger],
    eventually: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = make_experiment(n_calls=4, trials_per_round=2, test_seeds=0)
    with monkeypatch.context() as patch:
        patch.setattr(creation, "FORMAT", 1)
        # It is asked first: it stands first among the queues, and is never busy.
        old = start_worker("rl-worker-0", queues="gpu0")
    start_worker("driver", queues="driver")
    start_worker("rl-worker-1", queues="gpu1")

    send_wake(ledger.id)
    eventually(lambda: ledger.is_finished, 200)

    workers = {report.worker for report in ledger.history().learned.values()}
    assert ledger.state == "completed" and verify(ledger) == []
    assert workers == {"rl-worker-1"}
    assert "written by a newer version of amc" in old.said
