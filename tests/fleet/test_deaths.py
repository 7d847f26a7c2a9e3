"""A real fleet trains an environment that detaches programs, while its processes are hit."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from amc import client, fleet
from amc.experiment_view import Experiment
from amc.fleet.description import Description, WorkerDescription
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.gpu import CPU
from amc.fleet.state import living
from amc.ledger import Ledger
from amc.settings import embedded_directory

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]

Wait = Callable[[Callable[[], object]], None]

ENVIRONMENT = """
import subprocess
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv


class LeavesDaemon(CartPoleEnv):
    def __init__(self, nap):
        super().__init__()
        subprocess.run(["sh", "-c", f"(setsid sleep {nap} &) &"])


gymnasium.register("LeavesDaemon-v0", entry_point=LeavesDaemon, max_episode_steps=500)
"""
NAP = f"4321.{os.getpid()}"
OF_THE_ENVIRONMENT = {"sh", "sleep"}
CONFIG = {
    "experiment_name": "leaves",
    "algorithm": "ppo",
    "algorithm_config": {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 2},
    "environment": {"name": "leaves_daemon:LeavesDaemon-v0", "kwargs": {"nap": NAP}},
    "training": {
        **{"total_timesteps": 10**9, "save_freq": 6400, "eval_freq": 10**8},
        **{"stop_at_reward_threshold": False, "max_attempts": 1},
    },
}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Experiment]:
    """An experiment that a fleet of one worker trains for ever."""
    shared = tmp_path_factory.mktemp("deaths")
    (shared / "leaves_daemon.py").write_text(ENVIRONMENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMC_SHARED_DIR", str(shared))
        patch.setenv("PYTHONPATH", str(shared))
        patch.setenv("AMC_ALLOW_MODULES", "leaves_daemon")
        patch.syspath_prepend(str(shared))
        patch.delenv("AMC_BROKER_URL", raising=False)
        try:
            fleet.up(Description((WorkerDescription("rl-worker-0", "gpu0", CPU),)), deadline_s=120)
            submit = [sys.executable, "-m", "amc", "submit", "-"]
            (shared / "leaves.json").write_text(json.dumps(CONFIG))
            submit[-1] = str(shared / "leaves.json")
            subprocess.run(submit, check=True, stdout=subprocess.DEVNULL)
            yield client.experiment("leaves-1")
        finally:
            fleet.down(shared=shared, at_once=True)
            shutil.rmtree(embedded_directory(shared), ignore_errors=True)


def supervisor(experiment: Experiment) -> psutil.Process:
    state = living(FleetPaths(experiment.directory.parent).state)
    assert state is not None
    return psutil.Process(state.pid)


def worker(experiment: Experiment) -> psutil.Process:
    """The worker's parent process."""
    state = living(FleetPaths(experiment.directory.parent).state)
    assert state is not None
    return psutil.Process(next(p.pid for p in state.processes if p.name == "rl-worker-0"))


def sleepers() -> set[int]:
    """What the environment's copies have detached."""
    found = subprocess.run(["pgrep", "-f", f"^sleep {NAP}"], capture_output=True, text=True)
    return set(map(int, found.stdout.split()))


def newest_checkpoint(experiment: Experiment) -> str:
    found = experiment.directory.glob("trials/0000/checkpoints/*.pt")
    return max((path.name for path in found), default="")


def step_of(checkpoint: str) -> int:
    return int(checkpoint.partition("-")[0])


def trial_process(experiment: Experiment) -> psutil.Process | None:
    """The one process below the worker's pool child, while there is one."""
    with contextlib.suppress(psutil.NoSuchProcess):  # the worker is being started again
        for child in worker(experiment).children():
            for trial in child.children():
                return trial
    return None


def test_signals_that_mean_nothing_harm_nobody(experiment: Experiment, wait_until: Wait) -> None:
    wait_until(lambda: newest_checkpoint(experiment))
    top = supervisor(experiment)
    found = (top, *top.children(recursive=True))
    everybody = [process for process in found if process.name() not in OF_THE_ENVIRONMENT]
    before = step_of(newest_checkpoint(experiment))

    for process in everybody:
        process.send_signal(signal.SIGUSR2)

    # Seconds of training: who were to hand the trial back had noticed by then.
    wait_until(lambda: step_of(newest_checkpoint(experiment)) > before + 64_000)
    assert [process for process in everybody if not process.is_running()] == []
    assert len(Ledger(experiment.directory).attempts(0)) == 1


def test_killing_the_trial_process_costs_no_attempt(
    experiment: Experiment, wait_until: Wait
) -> None:
    killed: set[int] = set()

    def kill() -> bool:
        trial = trial_process(experiment)
        if trial is None or trial.pid in killed:
            return False
        trial.kill()
        killed.add(trial.pid)
        return len(killed) == 3

    wait_until(kill)

    # Whoever is killed may still bring a checkpoint that it had almost written to its end.
    wait_until(lambda: len(Ledger(experiment.directory).attempts(0)) == 4)
    before = newest_checkpoint(experiment)
    wait_until(lambda: newest_checkpoint(experiment) > before)
    ends = [attempt.end for attempt in Ledger(experiment.directory).attempts(0)]
    assert [end.outcome for end in ends if end] == ["killed"] * 3


@pytest.mark.parametrize("victim", ["pool child", "worker"])
def test_what_a_killed_worker_leaves_behind_is_ended(
    experiment: Experiment, wait_until: Wait, victim: str
) -> None:
    wait_until(lambda: trial_process(experiment) and sleepers())
    left = sleepers()
    parent = worker(experiment)
    process = parent if victim == "worker" else parent.children()[0]

    process.kill()

    wait_until(lambda: not sleepers() & left)
    wait_until(lambda: trial_process(experiment) and sleepers())


def test_a_worker_that_is_told_to_hang_up_hands_its_trial_back(
    experiment: Experiment, wait_until: Wait
) -> None:
    wait_until(lambda: trial_process(experiment))
    n_attempts = len(Ledger(experiment.directory).attempts(0))

    worker(experiment).send_signal(signal.SIGHUP)

    wait_until(lambda: len(Ledger(experiment.directory).attempts(0)) > n_attempts)
    end = Ledger(experiment.directory).attempts(0)[n_attempts - 1].end
    assert end is not None and end.outcome == "interrupted"


def test_a_worker_that_cannot_import_what_trials_need_ends_with_a_sentence(
    experiment: Experiment, tmp_path: Path
) -> None:
    (tmp_path / "mujoco.py").write_text("raise AttributeError(\"None has no 'glGetError'\")")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "celery", "-A", "amc", "worker", "-Q", "gpu9", "-n", "nine@%h"]

    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    assert ended.returncode == 1
    assert "amc: this worker cannot import what trials need: AttributeError" in ended.stderr
