"""A process makes one attempt after another, as long as each leaves it as it was."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from amc.config.schema import ExperimentConfig
from amc.ledger import Ledger, Trial
from amc.workers import attempt_process
from amc.workers.attempts import supervise
from amc.workers.base import BaseWorker, TrialContext
from amc.workers.preload import rehearse
from amc.workers.progress import Progress
from amc.workers.traces import Traces
from tests.experiments import open_round

MakeConfig = Callable[..., ExperimentConfig]
Eventually = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def rehearsed() -> None:
    """As in a worker: what is made at first use is there."""
    rehearse()


def waiting() -> int | None:
    """The process that waits for an attempt."""
    process = attempt_process._idle
    return None if process is None else process._pid


def two_trials(shared: Path, config: ExperimentConfig) -> Ledger:
    ledger = Ledger.create(shared, config)
    open_round(ledger, Trial(0, {"learning_rate": 1e-3}, seed=1), Trial(1, {}, seed=2))
    return ledger


def make_attempt(ledger: Ledger, trial: int) -> int | None:
    """Let a trial be trained; the process that waits for the next one then, if one does."""
    assert supervise(ledger, trial, worker="rl-worker-0", queue="gpu0") == "completed"
    assert ledger.attempts(trial)[-1].end is not None
    return waiting()


@pytest.mark.engine
def test_a_second_trial_is_trained_in_the_process_of_the_first_to_the_same_bits(
    broker: Any, shared: Path, make_config: MakeConfig, tmp_path: Path
) -> None:
    config = make_config({"training.eval_freq": 128})
    ledger = two_trials(shared, config)

    first, second = make_attempt(ledger, 0), make_attempt(ledger, 1)

    assert first is not None
    assert second == first
    alone = BaseWorker(0, config, tmp_path, TrialContext.standalone(2, tmp_path)).run()
    result = ledger.result(1)
    assert result is not None
    assert (result.digest, result.score) == (alone.digest, alone.score)
    assert [attempt.number for attempt in ledger.attempts(1)] == [1]


@pytest.mark.engine
def test_a_process_that_waits_in_vain_ends_and_is_waited_for(
    broker: Any, shared: Path, make_config: MakeConfig, eventually: Eventually
) -> None:
    ledger = two_trials(shared, make_config())
    first = make_attempt(ledger, 0)
    assert first is not None

    eventually(lambda: not psutil.pid_exists(first), 10)
    second = make_attempt(ledger, 1)

    assert second not in {None, first}


@pytest.mark.engine
def test_a_process_that_was_killed_while_it_waited_costs_no_attempt(
    broker: Any, shared: Path, make_config: MakeConfig
) -> None:
    ledger = two_trials(shared, make_config())
    first = make_attempt(ledger, 0)
    assert first is not None
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # nobody has noticed yet

    os.kill(first, signal.SIGKILL)
    second = make_attempt(ledger, 1)

    assert second not in {None, first}
    assert [attempt.number for attempt in ledger.attempts(1)] == [1]


@pytest.mark.engine
def test_a_request_to_stop_that_came_while_it_waited_is_not_for_the_next_attempt(
    broker: Any, shared: Path, make_config: MakeConfig
) -> None:
    ledger = two_trials(shared, make_config())
    first = make_attempt(ledger, 0)
    assert first is not None

    os.kill(first, signal.SIGTERM)
    second = make_attempt(ledger, 1)

    assert second == first


ENVIRONMENT = """
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv


class Short(CartPoleEnv):
    def step(self, action):
        return (*super().step(action)[:1], {reward}, *super().step(action)[2:])


gymnasium.register("Short-v0", entry_point=Short, max_episode_steps=1)
"""


@pytest.mark.engine
def test_a_plug_in_that_was_edited_counts_at_the_next_attempt(
    broker: Any,
    shared: Path,
    make_config: MakeConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plug_in = tmp_path / "short_environment.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AMC_ALLOW_MODULES", "short_environment")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    config = make_config({"environment": {"name": "short_environment:Short-v0"}})
    ledger = two_trials(shared, config)

    scores = []
    for trial, reward in enumerate((3.0, 5.0)):
        plug_in.write_text(ENVIRONMENT.format(reward=reward))
        assert make_attempt(ledger, trial) is None
        result = ledger.result(trial)
        scores.append(None if result is None else result.score)

    assert scores == [3.0, 5.0]


def _leave_a_thread() -> Callable[[], object]:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    return lambda: (stop.set(), thread.join())


def _leave_a_program() -> Callable[[], object]:
    program = subprocess.Popen(["sleep", "60"])
    return lambda: (program.kill(), program.wait())


def _leave_a_module() -> Callable[[], object]:
    sys.modules["left_behind"] = sys
    return lambda: sys.modules.pop("left_behind")


def _leave_a_variable() -> Callable[[], object]:
    os.environ["LEFT_BEHIND"] = "1"
    return lambda: os.environ.pop("LEFT_BEHIND")


def _leave_a_file() -> Callable[[], object]:
    file = open(os.devnull)
    return file.close


def _go_elsewhere() -> Callable[[], object]:
    before = os.getcwd()
    os.chdir("/")
    return lambda: os.chdir(before)


def _count_in_doubles() -> Callable[[], object]:
    torch.set_default_dtype(torch.float64)
    return lambda: torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "leave",
    [
        _leave_a_thread,
        _leave_a_program,
        _leave_a_module,
        _leave_a_variable,
        _leave_a_file,
        _go_elsewhere,
        _count_in_doubles,
        lambda: random.random,
        lambda: np.random.random,
        lambda: torch.rand(1).item,
        lambda: np.seterr(divide="raise") and (lambda: np.seterr(divide="warn")),
    ],
)
def test_whatever_is_left_behind_shows(leave: Callable[[], Callable[[], object]]) -> None:
    before = Traces.here()
    assert Traces.here() == before

    undo = leave()
    try:
        if undo in (random.random, np.random.random):
            undo()
        assert Traces.here() != before
    finally:
        undo()


def test_progress_begins_anew_with_an_attempt() -> None:
    progress = Progress()
    progress.mark("update", 128)
    before, *_ = progress.read()

    progress.restart()
    progress.mark("step", 1)

    assert progress.read() == (before + 1, 1, "step")
    progress.close()


EVERY = {
    "CartPole-v1": ["ppo"],
    "MountainCar-v0": ["ppo"],
    "Acrobot-v1": ["ppo"],
    "LunarLander-v2": ["ppo"],
    "Pendulum-v1": ["ppo", "ddpg"],
    "HalfCheetah-v4": ["ppo", "ddpg"],
    "Hopper-v4": ["ppo", "ddpg"],
    "Walker2d-v4": ["ppo", "ddpg"],
    "Ant-v4": ["ppo", "ddpg"],
}
SETTINGS = {
    "ppo": {"n_envs": 1, "n_steps": 32, "batch_size": 32},
    "ddpg": {"learning_starts": 16, "batch_size": 16},
}


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.parametrize("kernel", ["fast", "reference"])
@pytest.mark.parametrize(
    ("name", "algorithm"), [(name, one) for name, every in EVERY.items() for one in every]
)
def test_no_environment_of_ours_leaves_anything_behind(
    broker: Any, shared: Path, make_config: MakeConfig, name: str, algorithm: str, kernel: str
) -> None:
    ledger = two_trials(
        shared,
        make_config(
            {
                "algorithm": algorithm,
                "algorithm_config": SETTINGS[algorithm],
                "environment": {"name": name},
                "training": {"total_timesteps": 64, "eval_episodes": 1, "kernel": kernel},
            }
        ),
    )

    assert make_attempt(ledger, 0) is not None


@pytest.mark.slow
def test_a_rehearsal_says_nothing_starts_nothing_and_asks_no_gpu() -> None:
    program = (
        "import os, sys, torch\n"
        "torch.cuda.device_count = torch.cuda.is_available = lambda: sys.exit('asked for a GPU')\n"
        "from amc import logs\n"
        "from amc.workers.preload import rehearse\n"
        "logs.configure()\n"
        "rehearse()\n"
        "print(len(os.listdir('/proc/self/task')), torch.cuda.is_initialized())\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert process.stdout.split() == ["1", "False"], process.stderr
    assert process.stderr == ""
