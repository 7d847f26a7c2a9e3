"""A process is killed at each failpoint in turn, and everything comes out as without."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amc import failpoints
from amc.broker.connection import connect
from amc.broker.leases import all_leases
from amc.celery import send_wake
from amc.config.schema import ExperimentConfig
from amc.ledger import Ledger, snapshots
from amc.ledger.records import Request
from amc.verify import verify
from tests.faults.conftest import StartWorker, Worker, outcome

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(300)]

MakeExperiment = Callable[..., Ledger]
Wait = Callable[..., Any]

# Come to once in an experiment, or perhaps not again: the clock asks only where something changes.
# At all others the second time kills, in the middle of things.
AT_THE_END = {"best-config", "best-agent-digest", "best-agent", "best", "end"}
ONCE = {"snapshot", "claimed-wake", "wake", *AT_THE_END}
# Come to only if a trial takes longer than a renewal of its lease, or something else happens.
IN_LONG_TRIALS = {"lease-renewal", "progress", "missed", "hand-back", "rested"}
# Or only if a script trains: `test_own_trainers`.
OF_SCRIPTS = {"forgotten"}
ELSEWHERE = {"experiment", "request", "traceback", "postponed", *IN_LONG_TRIALS, *OF_SCRIPTS}
USUAL = [what for what in failpoints.RECORDS | failpoints.MESSAGES if what not in ELSEWHERE]
# Some trials go on in a second segment.
SHORT = {
    "mode": "async",
    "window": 6,
    "n_calls": 6,
    "pruner": "asha",
    "test_seeds": 0,
}
LONG = {"n_calls": 2, "test_seeds": 0}
LONG_TRIALS = {"training.total_timesteps": 180_000, "training.eval_freq": 90_000}
_wanted: dict[str, list[Any]] = {}


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of the log that are full after a few decisions, in what is forked from here, too."""
    monkeypatch.setattr(snapshots, "PAGE", 4)


@pytest.fixture
def undisturbed(start_worker: StartWorker, eventually: Wait) -> Callable[..., list[Any]]:
    """What comes out of an experiment like this one that nothing happens to; found once."""

    def find(kind: str, make: Callable[[], Ledger]) -> list[Any]:
        if kind not in _wanted:
            ledger = make()
            worker = start_worker("rl-worker-9")
            send_wake(ledger.id)
            eventually(lambda: ledger.is_finished, 120)
            worker.kill()
            connect().flushall()
            _wanted[kind] = outcome(ledger)
        return _wanted[kind]

    return find


def is_killed(worker: Worker) -> bool:
    return "amc: killed at the failpoint" in worker.said


def go_on(worker: Worker, start_worker: StartWorker, ledger: Ledger, eventually: Wait) -> None:
    """Start another worker if its parent process was killed, and wait for the end."""
    eventually(lambda: ledger.is_finished or not worker.is_alive, 120)
    if not ledger.is_finished:
        start_worker("rl-worker-1")
    eventually(lambda: ledger.is_finished, 120)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", USUAL)
def test_killed_at_any_point_an_experiment_comes_out_the_same(
    start_worker: StartWorker,
    make_experiment: MakeExperiment,
    undisturbed: Callable[..., list[Any]],
    eventually: Wait,
    what: str,
    when: str,
) -> None:
    wanted = undisturbed("short", lambda: make_experiment(**SHORT))
    ledger = make_experiment(**SHORT)
    worker = start_worker(armed=f"{when}-{what}:{1 if what in ONCE else 2}")

    send_wake(ledger.id)
    eventually(lambda: is_killed(worker), 90)
    go_on(worker, start_worker, ledger, eventually)

    assert ledger.state == "completed"
    assert outcome(ledger) == wanted
    assert verify(ledger) == []
    assert ledger.paths.best_agent(".pt").is_file()


def pause(ledger: Ledger) -> None:
    ledger.mark_paused(True)


def lose_messages(ledger: Ledger) -> None:
    client = connect()
    client.delete(client.keyspace.queue("gpu0"), client.keyspace.queue("unacked"))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("what", "happens"),
    [
        ("lease-renewal", None),
        ("progress", None),
        ("rested", None),
        ("hand-back", pause),
        ("missed", lose_messages),
    ],
)
def test_killed_while_a_long_trial_runs_an_experiment_comes_out_the_same(
    start_worker: StartWorker,
    make_experiment: MakeExperiment,
    undisturbed: Callable[..., list[Any]],
    eventually: Wait,
    what: str,
    when: str,
    happens: Callable[[Ledger], None] | None,
) -> None:
    wanted = undisturbed("long", lambda: make_experiment(LONG_TRIALS, **LONG))
    ledger = make_experiment(LONG_TRIALS, **LONG)
    worker = start_worker(queues="gpu0", armed=f"{when}-{what}")
    driver = start_worker("driver", queues="driver", armed=f"{when}-{what}")

    send_wake(ledger.id)
    if happens is not None:
        eventually(lambda: ledger.id in {held for held, _ in all_leases(connect())}, 60)
        happens(ledger)
    eventually(lambda: is_killed(worker) or is_killed(driver), 90)
    ledger.mark_paused(False)
    send_wake(ledger.id)
    go_on(worker, start_worker, ledger, eventually)

    assert ledger.state == "completed"
    assert outcome(ledger) == wanted
    assert verify(ledger) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_it_puts_an_experiment_in_trouble_off_the_driver_comes_back(
    start_worker: StartWorker, make_experiment: MakeExperiment, eventually: Wait, when: str
) -> None:
    ledger = make_experiment(n_calls=2, test_seeds=0)
    worker = start_worker(armed=f"{when}-postponed")
    path = ledger.paths.experiment
    content = path.read_bytes()
    path.write_bytes(content[:-9])

    send_wake(ledger.id)
    eventually(lambda: is_killed(worker), 90)
    path.write_bytes(content)
    go_on(worker, start_worker, ledger, eventually)

    assert ledger.state == "completed"
    assert verify(ledger) == []


ONCE_CRASHING = """
import os
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv


class Crashes(CartPoleEnv):
    def __init__(self, once):
        super().__init__()
        self.once = once

    def step(self, action):
        if not os.path.exists(self.once):
            open(self.once, "w").close()
            raise RuntimeError("only this time")
        return super().step(action)


gymnasium.register("Crashes-v0", entry_point=Crashes, max_episode_steps=500)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_it_writes_what_it_raised_a_trial_is_tried_again(
    start_worker: StartWorker,
    make_experiment: MakeExperiment,
    eventually: Wait,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    (tmp_path / "once_crashing.py").write_text(ONCE_CRASHING)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AMC_ALLOW_MODULES", "once_crashing")
    kwargs = {"once": str(tmp_path / "once")}
    environment = {"environment.name": "once_crashing:Crashes-v0", "environment.kwargs": kwargs}
    ledger = make_experiment(environment, n_calls=2, test_seeds=0)
    worker = start_worker(armed=f"{when}-traceback")

    send_wake(ledger.id)
    eventually(lambda: is_killed(worker), 90)
    go_on(worker, start_worker, ledger, eventually)

    ends = [one.end.outcome for one in ledger.attempts(0) if one.end]
    assert ledger.state == "completed" and ends == ["killed", "result"]
    assert verify(ledger) == []


def killed_in_a_fork(armed: str, action: Callable[[], Any]) -> int:
    """The signal that ended a fork of this process, armed, that did something."""
    pid = os.fork()
    if pid == 0:
        failpoints.arm(armed)
        action()
        os._exit(0)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


def test_a_submit_that_is_killed_leaves_a_whole_experiment_or_none(
    shared: Path, make_config: Callable[..., ExperimentConfig]
) -> None:
    config = make_config({"environment.backend": "gymnasium"})

    killed = [
        killed_in_a_fork(f"{when}-experiment", lambda: Ledger.create(shared, config))
        for when in ("before", "after")
    ]

    there = [path.name for path in shared.iterdir() if not path.name.startswith(".")]
    assert killed == [9, 9] and there == ["test-1"]
    assert Ledger(shared / "test-1").config == config


@pytest.mark.parametrize(("when", "there"), [("before", 0), ("after", 1)])
def test_a_request_that_is_killed_is_whole_or_none(
    make_experiment: MakeExperiment, when: str, there: int
) -> None:
    ledger = make_experiment()
    request = Request(0, "calls", calls=3)

    killed = killed_in_a_fork(f"{when}-request", lambda: ledger.ask(request))

    assert killed == 9 and len(ledger.history().asked) == there


def test_every_failpoint_is_fired_by_one_of_these() -> None:
    elsewhere = {"experiment", "request", "traceback", "postponed", *OF_SCRIPTS}
    fired = {*USUAL, *IN_LONG_TRIALS, *elsewhere}

    assert fired == failpoints.RECORDS.keys() | failpoints.MESSAGES.keys()
