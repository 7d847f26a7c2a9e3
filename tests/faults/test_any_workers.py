"""One worker, two, or four of which one is killed every other moment: the same comes out."""

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from amc.broker.connection import connect
from amc.celery import send_wake
from amc.ledger import Ledger
from amc.verify import replay, verify
from tests.faults.conftest import StartWorker, Worker, outcome

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]

Wait = Callable[..., Any]
N_KILLS = 20
AS_THEY_COME = "asha, as they come"
SEARCHES: dict[str, dict[str, Any]] = {
    "rounds": {"type": "bayesian", "n_calls": 8, "n_initial_points": 4, "trials_per_round": 4},
    "halving": {"n_calls": 9, "pruner": "halving"},
    "median in rounds": {"n_calls": 12, "trials_per_round": 6, "pruner": "median"},
    "pbt": {"type": "pbt", "n_calls": 6, "perturbation_interval": 2048},
    "async": {"type": "bayesian", "n_calls": 8, "mode": "async", "window": 5},
    "asha": {"n_calls": 9, "mode": "async", "window": 5, "pruner": "asha"},
    "median": {"n_calls": 9, "mode": "async", "window": 5, "pruner": "median"},
    AS_THEY_COME: {
        **{"n_calls": 9, "mode": "async", "window": 5, "pruner": "asha"},
        "order": "as_they_come",
    },
}
NAPPING = """
import random
import time

import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv

chance = random.SystemRandom()


class Naps(CartPoleEnv):
    # Every trial takes another time, at every try.
    def step(self, action):
        if chance.random() < 0.005:
            time.sleep(chance.random() / 20)
        return super().step(action)


gymnasium.register("Naps-v0", entry_point=Naps, max_episode_steps=500)
"""


class Fleet:
    """A driver and some workers, which can be killed at random and are started again."""

    def __init__(self, start: StartWorker, n_workers: int, seed: str) -> None:
        self._start, self._random = start, random.Random(seed)
        self._workers: dict[str, Worker] = {"driver": start("driver", queues="driver")}
        for number in range(n_workers):
            self._workers[f"rl-worker-{number}"] = start(
                f"rl-worker-{number}", queues=f"gpu{number}"
            )

    def kill_one(self) -> None:
        """Kill a worker, its pool child or its trial process, and start again what ended."""
        name = self._random.choice(list(self._workers))
        worker = self._workers[name]
        find = self._random.choice([Worker.kill, Worker.pool_child, Worker.trial_process])
        with contextlib.suppress(psutil.NoSuchProcess):
            victim = find(worker)
            if victim is not None:
                victim.kill()
        if not worker.is_alive:
            queues = name.replace("rl-worker-", "gpu")
            self._workers[name] = self._start(name, queues=queues, is_awaited=False)

    def end(self) -> None:
        for worker in self._workers.values():
            worker.kill()
        connect().flushall()


@pytest.fixture
def make(
    make_experiment: Callable[..., Ledger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Ledger]:
    """Record an experiment whose trials end in another order each time."""
    (tmp_path / "napping.py").write_text(NAPPING)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AMC_ALLOW_MODULES", "napping")
    training = {"total_timesteps": 10_240, "eval_freq": 2048, "save_freq": 512}
    overrides = {f"training.{key}": value for key, value in training.items()}
    overrides["environment.name"] = "napping:Naps-v0"
    return lambda kind: make_experiment(overrides, test_seeds=0, **SEARCHES[kind])


@pytest.mark.parametrize("kind", SEARCHES)
def test_any_number_of_workers_killed_or_not_decides_and_trains_the_same(
    make: Callable[[str], Ledger], start_worker: StartWorker, eventually: Wait, kind: str
) -> None:
    ended, kills = [], []

    for n_workers, most in ((1, 0), (2, 0), (4, N_KILLS)):
        ledger, fleet = make(kind), Fleet(start_worker, n_workers, kind)
        send_wake(ledger.id)
        kills.append(0)
        while not ledger.is_finished and kills[-1] < most:
            with contextlib.suppress(AssertionError):
                eventually(lambda ledger=ledger: ledger.is_finished, 0.2)
            fleet.kill_one()
            kills[-1] += 1
        eventually(lambda ledger=ledger: ledger.is_finished, 240)
        fleet.end()
        ended.append(ledger)

    assert [ledger.state for ledger in ended] == ["completed"] * 3
    assert [verify(ledger) for ledger in ended] == [[]] * 3
    assert kills == [0, 0, N_KILLS]
    if kind == AS_THEY_COME:
        again = [fault for ledger in ended for _, fault in replay(ledger, 3)]
        assert again == [None] * 9
    else:
        assert outcome(ended[0]) == outcome(ended[1]) == outcome(ended[2])
