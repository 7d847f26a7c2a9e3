"""What users ask for at random moments: the experiment ends as asked, and nothing is lost."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from amc.celery import send_wake
from amc.ledger import Ledger
from amc.ledger.records import Request
from amc.verify import verify
from tests.faults.conftest import StartWorker, outcome

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(400)]

Wait = Callable[..., Any]
SEARCHES: dict[str, dict[str, Any]] = {
    "rounds": {"n_calls": 6, "trials_per_round": 3},
    "halving": {"n_calls": 9, "pruner": "halving"},
    "asha": {"n_calls": 8, "mode": "async", "window": 4, "pruner": "asha"},
}


@pytest.fixture
def two_workers(start_worker: StartWorker) -> None:
    """A driver and two workers."""
    start_worker("driver", queues="driver")
    for number in range(2):
        start_worker(f"rl-worker-{number}", queues=f"gpu{number}")


@pytest.mark.parametrize("kind", SEARCHES)
def test_paused_and_resumed_at_random_an_experiment_comes_out_the_same(
    two_workers: None, make_experiment: Callable[..., Ledger], eventually: Wait, kind: str
) -> None:
    undisturbed, ledger = (make_experiment(test_seeds=0, **SEARCHES[kind]) for _ in range(2))
    send_wake(undisturbed.id)
    eventually(lambda: undisturbed.is_finished, 120)
    chosen = random.Random(kind)

    send_wake(ledger.id)
    for _ in range(12):
        time.sleep(chosen.uniform(0, 0.8))
        ledger.mark_paused(True)
        send_wake(ledger.id)
        time.sleep(chosen.uniform(0, 0.4))
        ledger.mark_paused(False)
        send_wake(ledger.id)
    eventually(lambda: ledger.is_finished, 120)

    assert ledger.state == "completed"
    assert outcome(ledger) == outcome(undisturbed)
    assert verify(ledger) == []


@pytest.mark.parametrize("kind", SEARCHES)
def test_cancelled_at_random_an_experiment_ends_so_and_is_sound(
    two_workers: None, make_experiment: Callable[..., Ledger], eventually: Wait, kind: str
) -> None:
    chosen = random.Random(kind)
    ledgers = [make_experiment(test_seeds=0, **SEARCHES[kind]) for _ in range(6)]

    for ledger in ledgers:
        send_wake(ledger.id)
        time.sleep(chosen.uniform(0, 4))
        ledger.mark_cancelled()
        send_wake(ledger.id)
    eventually(lambda: all(ledger.is_finished for ledger in ledgers), 120)

    assert {ledger.state for ledger in ledgers} <= {"cancelled", "completed"}
    assert [verify(ledger) for ledger in ledgers] == [[]] * len(ledgers)


@pytest.mark.parametrize("kind", SEARCHES)
def test_asked_for_more_at_random_an_experiment_does_all_of_it_once(
    two_workers: None, make_experiment: Callable[..., Ledger], eventually: Wait, kind: str
) -> None:
    chosen = random.Random(kind)
    ledger = make_experiment(test_seeds=0, **SEARCHES[kind])

    def ask() -> None:
        for _ in range(3):
            time.sleep(chosen.uniform(0, 3))
            ledger.ask(Request(0, "calls", calls=2))
            send_wake(ledger.id)

    send_wake(ledger.id)
    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    eventually(lambda: ledger.is_finished, 200)

    history = ledger.history()
    assert ledger.state == "completed" and not history.asked
    assert len(history.trials) == SEARCHES[kind]["n_calls"] + 12
    assert verify(ledger) == []
