"""Each fault once, into an experiment that a real fleet trains: it comes out the same.

It strikes while every worker stands still in the middle of a trial and others wait in the queues,
and they stand there until it has had its effect.
"""

import contextlib
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

import amc
from amc import fleet
from amc.broker import dispatch, embedded, leases
from amc.broker.keys import Holder
from amc.config.schema import ExperimentConfig
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.state import living
from amc.ledger import Attempt, Ledger
from amc.settings import embedded_directory
from amc.verify import verify
from tests.faults.conftest import outcome

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from injection.faults import FAULTS
from injection.system import System

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]

Wait = Callable[..., Any]
N_WORKERS = 2
SAVED_EVERY = 1024
STANDING = """
import os
import signal
import time

import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv


class Stands(CartPoleEnv):
    # Past a checkpoint and well before its segment's end, a trial stands still while the gate is
    # shut: a segment has a multiple of 1,024 steps of each copy, and a checkpoint every 512.
    def __init__(self, gate):
        super().__init__()
        self.gate, self.steps = gate, 0

    def step(self, action):
        self.steps += 1
        while 700 <= self.steps % 1024 < 900 and self.is_shut():
            time.sleep(0.01)
        return super().step(action)

    def is_shut(self):
        if signal.getsignal(signal.SIGTERM).__self__.is_set:
            open(f"{self.gate}/{os.getpid()}.asked", "w").close()
        names = "all", str(os.getpid())
        is_shut = any(os.path.exists(f"{self.gate}/{name}") for name in names)
        if is_shut:
            open(f"{self.gate}/{os.getpid()}.stands", "w").close()
        return is_shut


gymnasium.register("Stands-v0", entry_point=Stands, max_episode_steps=500)
"""


class Gate:
    """Lets trials stand still, and go on."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()

    def shut(self) -> None:
        """Let every trial stand still where it is, or once it is past its first checkpoint."""
        (self.directory / "all").touch()

    def open(self, *, but: int | None = None) -> None:
        """Let all go on, save one process."""
        if but is not None:
            (self.directory / str(but)).touch()
        for path in self.directory.iterdir():
            if path.name != str(but):
                path.unlink(missing_ok=True)

    def holds(self, pid: int) -> bool:
        """Whether a process stands still."""
        return (self.directory / f"{pid}.stands").exists()


class Patient(System):
    """Does harm to the first of each kind, and waits until it has had its effect."""

    effect: Callable[[], bool] | None = None

    def _started(self, kind: str) -> list[psutil.Process]:
        return super()._started(kind)[:1]

    def pass_time(self, longest_s: float) -> None:
        if self.effect is None:
            time.sleep(longest_s)
        else:
            wait_for(self.effect)

    def some_time(self, longest_s: float) -> float:
        return 5 * longest_s  # longer than a client tries

    def processes_by_name(self) -> dict[str, int]:
        """What the supervisor has started."""
        state = living(FleetPaths(self.shared).state)
        return {} if state is None else {one.name: one.pid for one in state.processes}

    def said(self) -> str:
        """What the first worker has said."""
        return FleetPaths(self.shared).log("rl-worker-0").read_text(errors="replace")


def wait_for(condition: Callable[[], bool], timeout_s: float = 100.0) -> None:
    """Wait until a condition holds, while Redis may be away."""
    deadline = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(redis.RedisError, psutil.NoSuchProcess):
            if condition():
                return
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {condition}"
        time.sleep(0.1)


@dataclass
class Scene:
    """An experiment, stopped in the middle.

    Attributes:
        standing: the segments at which workers are, the first worker's first.
        pid: the process in which the first worker trains.
        waiting: the segments that wait in the first worker's queue.
        processes: what the supervisor had started.
        said: how much the first worker had said.
        has_been_asked: whether its trial was once told to stop.
    """

    system: Patient
    ledger: Ledger
    gate: Gate
    standing: list[tuple[int, int]]
    pid: int
    waiting: set[tuple[int, int]]
    processes: dict[str, int]
    said: int
    has_been_asked: bool = False

    @classmethod
    def find(cls, system: Patient, ledger: Ledger, gate: Gate) -> "Scene | None":
        """The scene, once every worker stands still and something waits."""
        at = {holder.worker: (trial, holder) for trial, holder in held(system, ledger).items()}
        pids = {
            name: child.pid
            for name, (_, holder) in at.items()
            for child in psutil.Process(holder.pid).children()
        }
        waiting = {ledger.segment(one).key for one in waits(system, ledger, first=True)}
        if len(pids) < N_WORKERS or not waiting or not all(map(gate.holds, pids.values())):
            return None
        standing = [ledger.segment(at[name][0]).key for name in sorted(at)]
        first, processes = pids[min(pids)], system.processes_by_name()
        said = len(system.said())
        return cls(system, ledger, gate, standing, first, waiting, processes, said)

    def attempts(self, number: int = 0) -> list[Attempt]:
        """Those at the segment of a worker."""
        trial, index = self.standing[number]
        return [one for one in self.ledger.attempts(trial) if one.segment == index]

    def ends(self, number: int = 0) -> list[str | None]:
        """How they ended."""
        return [one.end.outcome if one.end else None for one in self.attempts(number)]

    def is_on_its_way(self) -> bool:
        """Whether somebody is at every trial, or a message for it waits."""
        trials = {segment.trial for segment in self.ledger.history().outstanding}
        return trials <= waits(self.system, self.ledger) | held(self.system, self.ledger).keys()

    # -- what shows that a fault has had its effect

    def is_asked_to_stop(self) -> bool:
        """Whether the first worker's trial was told; set free before, it might just end."""
        return (self.gate.directory / f"{self.pid}.asked").exists()

    def is_taken_over(self) -> bool:
        """Whether another worker is at the first one's trial."""
        self.gate.open(but=self.pid)
        return len(self.attempts()) > 1

    def is_all_else_done(self) -> bool:
        """Whether what waited was trained, the first worker standing still."""
        self.gate.open(but=self.pid)
        history = self.ledger.history()
        return self.waiting <= history.learned.keys() | history.fresh.keys()

    def is_all_else_taken(self) -> bool:
        """Whether the other worker has taken whatever there was."""
        queue = self.system.redis().keyspace.queue(self.system.description.workers[1].queue)
        return self.is_all_else_done() and not self.system.redis().exists(queue)

    def is_away_noticed(self) -> bool:
        """Whether a worker has said that Redis does not answer, or takes nothing."""
        return "the broker does not answer" in self.system.said()[self.said :]

    def is_back(self) -> bool:
        """Whether Redis answers again to who asks anew."""
        return embedded.is_alive(embedded_directory(self.system.shared))

    def is_halted(self) -> bool:
        """Whether nobody trains any more."""
        self.has_been_asked = self.has_been_asked or self.is_asked_to_stop()
        if self.has_been_asked:
            self.gate.open()
        return not held(self.system, self.ledger)

    def is_one_interrupted(self) -> bool:
        """Whether the one whose lease was taken has ended its attempt."""
        return any(self.ends(number) == ["interrupted"] for number in range(N_WORKERS))

    def is_given_up(self) -> bool:
        """Whether the first worker, who woke up, has ended its attempt."""
        return self.ends()[0] is not None


SAVING = [f"SIGTERM of a {name}" for name in ("trial process", "pool child", "worker")]
EFFECTS: dict[str, Callable[[Scene], bool]] = {
    **dict.fromkeys(SAVING, Scene.is_asked_to_stop),
    "SIGSTOP+CONT of a pool child": Scene.is_taken_over,
    "SIGSTOP+CONT of a worker": Scene.is_all_else_done,
    "SIGSTOP+CONT of a Redis": Scene.is_away_noticed,
    "CLIENT PAUSE": Scene.is_away_noticed,
    "Redis takes no more (maxmemory)": Scene.is_away_noticed,
    "Redis' directory removed": Scene.is_back,
    "messages duplicated": Scene.is_all_else_taken,
    "leases deleted or taken": Scene.is_one_interrupted,
    "paused and resumed": Scene.is_halted,
}
# How the attempts at the first worker's segment end; where this says nothing, one brings the
# result, and no trial of the experiment has had more.
SAVED, LOST = ["interrupted", "result"], [None, "result"]
ENDS: dict[str, list[str | None]] = {
    **dict.fromkeys(SAVING, SAVED),
    "SIGSTOP+CONT of a pool child": SAVED,
    "paused and resumed": SAVED,
    "SIGKILL of a trial process": ["killed", "result"],
    "checkpoint lost or damaged": ["killed", "result"],
    "SIGKILL of a pool child": LOST,
    "SIGKILL of a worker": LOST,
    "SIGKILL of the supervisor": LOST,
    "SIGKILL of everything": LOST,
}
ONE_OF_TWO = "leases deleted or taken"
STARTED_AGAIN = ("SIGKILL", "SIGTERM", "Redis' directory")


def held(system: System, ledger: Ledger) -> dict[int, Holder]:
    """Who is at which trial."""
    trials = [segment.trial for segment in ledger.history().outstanding]
    return leases.holders(system.redis(), ledger.id, trials)


def waits(system: System, ledger: Ledger, *, first: bool = False) -> set[int]:
    """For which trials a message waits, in any queue or in the first worker's."""
    queues = [one.queue for one in system.description.workers][: 1 if first else None]
    found = dispatch.waiting_in(system.redis(), queues)
    return {trial for experiment, trial in found if experiment == ledger.id}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """What trials stand still at, and their environment."""
    directory = tmp_path_factory.mktemp("standing")
    (directory / "standing.py").write_text(STANDING)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(directory))
        patch.setenv("PYTHONPATH", str(directory), prepend=os.pathsep)
        patch.setenv("AMC_ALLOW_MODULES", "standing")
        yield Gate(directory / "gate")


@pytest.fixture(scope="module")
def system(gate: Gate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    """Two workers, a driver and a Redis of their own, which is what clients here use, too."""
    shared = tmp_path_factory.mktemp("faults")
    workers = fleet.describe(fleet.read(None, workers=N_WORKERS, gpus=None), {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMC_SHARED_DIR", str(shared))
        patch.delenv("AMC_BROKER_URL")
        made = Patient(shared, workers, random.Random(0))
        made.up()
        yield made
        fleet.down(shared=shared, at_once=True)
        shutil.rmtree(embedded_directory(shared), ignore_errors=True)


@pytest.fixture
def config(gate: Gate, make_config: Callable[..., ExperimentConfig]) -> ExperimentConfig:
    """Trials that may stand still, some of which go on in a second segment."""
    search = {"mode": "async", "window": 4, "n_calls": 10, "pruner": "asha", "test_seeds": 0}
    return make_config(
        {
            "environment.name": "standing:Stands-v0",
            "environment.kwargs": {"gate": str(gate.directory)},
            "training.total_timesteps": 12_288,
            "training.eval_freq": 2048,
            "training.save_freq": SAVED_EVERY,
            **{f"hyperparameter_optimizer.{key}": value for key, value in search.items()},
        }
    )


@pytest.fixture
def submit(config: ExperimentConfig, system: Patient, gate: Gate) -> Iterator[Callable[[], Ledger]]:
    """Hand an experiment to the fleet, once it is up again after the test before."""

    def hand_over() -> Ledger:
        system.up()
        ledger = Ledger(amc.submit(config).directory)
        system.running[:] = [ledger]
        return ledger

    yield hand_over
    gate.open()
    system.effect = None
    for ledger in system.running:
        ledger.mark_cancelled()  # of no effect on what has ended


@pytest.fixture(scope="module")
def wanted() -> dict[str, list[Any]]:
    """What comes out where nothing happens; found once."""
    return {}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_happens_once_in_the_middle_an_experiment_comes_out_the_same(
    system: Patient,
    submit: Callable[[], Ledger],
    gate: Gate,
    wanted: dict[str, list[Any]],
    eventually: Wait,
    name: str,
) -> None:
    if not wanted:
        undisturbed = submit()
        eventually(lambda: undisturbed.is_finished, 240)
        wanted["outcome"] = outcome(undisturbed)
    ledger = submit()
    eventually(lambda: any(one.start for one in ledger.history().open.values()), 240)
    gate.shut()
    scene = eventually(lambda: Scene.find(system, ledger, gate), 60)

    do(name, scene)
    wait_for(scene.is_on_its_way)
    gate.open()
    eventually(lambda: ledger.is_finished, 300)

    for path, content in system.torn.items():
        if path.exists():  # a damaged checkpoint is removed by who finds it, with its digest
            path.write_bytes(content)
    system.torn.clear()
    assert ledger.state == "completed"
    assert outcome(ledger) == wanted["outcome"]
    assert verify(ledger) == []
    assert scene.is_back()
    check_costs(name, scene)


def do(name: str, scene: Scene) -> None:
    """Let a fault happen and have its effect."""
    system = scene.system
    effect = EFFECTS.get(name)
    system.effect = None if effect is None else lambda: effect(scene)
    assert FAULTS[name](system)
    if system.effect is not None:
        wait_for(system.effect)
    if name == "SIGSTOP+CONT of a pool child":
        wait_for(scene.is_given_up)
    if name == "checkpoint lost or damaged":
        # What was lost is missed by who goes on from it.
        for _, holder in held(system, scene.ledger).items():
            for child in psutil.Process(holder.pid).children():
                child.kill()
    if name == "record torn or changed":
        # What the driver has read once it remembers.
        for child in psutil.Process(scene.processes["driver"]).children():
            child.kill()


def check_costs(name: str, scene: Scene) -> None:
    """Compare the attempts, and which processes there are, with what the fault may cost."""
    if name == ONE_OF_TWO:
        assert sorted(map(scene.ends, range(N_WORKERS))) == [SAVED, ["result"]]
        return
    ends = ENDS.get(name, ["result"])
    assert scene.ends() == ends
    if ends == ["result"]:
        history = scene.ledger.history()
        attempts = [scene.ledger.attempts(trial) for trial in history.trials]
        assert sum(map(len, attempts)) == len(history.segments)
    elif name != "checkpoint lost or damaged":
        first, second = scene.attempts()
        saved = second.step - first.step
        assert saved > SAVED_EVERY if name.startswith("SIGTERM") else saved >= SAVED_EVERY
    if not name.startswith(STARTED_AGAIN):
        assert scene.system.processes_by_name() == scene.processes
