"""Environments that do harm on purpose, in a search on real workers: it goes on without them.

What an attempt makes of one that raises, exits, hangs, grows, crashes or leaves processes behind is
in tests/workers/test_attempts.py.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amc.broker.connection import connect
from amc.broker.leases import all_leases
from amc.celery import send_wake
from amc.ledger import Ledger
from amc.verify import verify
from tests.faults.conftest import StartWorker

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(300)]

Wait = Callable[..., Any]

HOSTILE = """
import os
import signal
import sys
import threading
import time

import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv


class Hostile(CartPoleEnv):
    def __init__(self, what):
        super().__init__()
        self.what = what
        if what == "deaf":
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
                signal.signal(number, signal.SIG_IGN)
        if what == "threads":
            for _ in range(8):
                threading.Thread(target=self.spin).start()

    def spin(self):
        while True:
            time.sleep(0.01)

    def step(self, action):
        observation, reward, *rest = super().step(action)
        if self.what == "NaN":
            reward = float("nan")
        if self.what == "flood":
            sys.stdout.write("x" * 20_000 + chr(10))
            os.write(2, b"y" * 20_000)
        if self.what == "deaf":
            time.sleep(0.2)
        return observation, reward, *rest


gymnasium.register("Hostile-v0", entry_point=Hostile, max_episode_steps=500)
"""


@pytest.fixture
def hostile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_experiment: Callable[..., Ledger]
) -> Callable[..., Ledger]:
    """Make an experiment of two trials in an environment that does something bad."""
    (tmp_path / "hostile_environment.py").write_text(HOSTILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AMC_ALLOW_MODULES", "hostile_environment")

    def make(what: str, **more: Any) -> Ledger:
        environment = {
            "environment.name": "hostile_environment:Hostile-v0",
            "environment.kwargs": {"what": what},
            "training.max_attempts": 1,
        }
        return make_experiment({**environment, **more}, n_calls=2, test_seeds=0)

    return make


def test_rewards_that_are_no_numbers_fail_the_trial_with_a_sentence(
    hostile: Callable[..., Ledger], start_worker: StartWorker, eventually: Wait
) -> None:
    ledger = hostile("NaN")
    start_worker()

    send_wake(ledger.id)
    eventually(lambda: ledger.is_finished, 120)

    results = [ledger.result(trial) for trial in (0, 1)]
    assert ledger.state == "failed" and verify(ledger) == []
    assert all("is nan. Only finite" in str(result and result.error) for result in results)


@pytest.mark.parametrize("what", ["flood", "threads"])
def test_floods_of_words_and_threads_that_never_end_change_nothing(
    hostile: Callable[..., Ledger], start_worker: StartWorker, eventually: Wait, what: str
) -> None:
    ledger, usual = hostile(what), hostile("nothing")
    worker = start_worker()

    for one in (ledger, usual):
        send_wake(one.id)
    eventually(lambda: ledger.is_finished and usual.is_finished, 200)

    digests = [[one.digest for one in each.history().learned.values()] for each in (ledger, usual)]
    assert ledger.state == "completed" and verify(ledger) == []
    assert digests[0] == digests[1]
    assert not worker.trial_process()


def test_who_is_deaf_to_every_signal_is_killed_when_its_experiment_is_cancelled(
    hostile: Callable[..., Ledger], start_worker: StartWorker, eventually: Wait
) -> None:
    # An iteration takes it minutes, so only the end of the grace helps.
    ledger = hostile("deaf", **{"algorithm_config.n_steps": 512})
    worker = start_worker(queues="gpu0")
    start_worker("driver", queues="driver")

    send_wake(ledger.id)
    eventually(lambda: all_leases(connect()), 60)
    ledger.mark_cancelled()
    send_wake(ledger.id)
    eventually(lambda: ledger.is_finished and worker.trial_process() is None, 60)

    assert ledger.state == "cancelled" and verify(ledger) == []
    assert "did not stop within 20 s" in worker.said
