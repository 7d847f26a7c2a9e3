"""Searches whose trials a script trains, while everything is killed: nothing is lost or doubled."""

import contextlib
import random
import shlex
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from amc.celery import send_wake
from amc.config.loader import ConfigLoader
from amc.ledger import Ledger
from amc.settings import shared_dir
from amc.verify import remarks, verify
from tests.faults.conftest import StartWorker, outcome

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(400)]

PACKAGES = Path(__file__).parents[2]
# What it comes to hangs on its hyperparameters, its seed and its checkpoint alone.
SCRIPT = """
    import json, random, time
    from amc import trial
    state = json.loads(trial.checkpoint.read_text()) if trial.checkpoint else {"height": 0.0}
    step, resumes = trial.from_step, RESUMABLE
    while step < trial.until and not trial.should_stop():
        step += 100
        draws = random.Random(f"{trial.seed} {step}")
        state["height"] += draws.random() * trial.hyperparameters["pace"]
        time.sleep(0.03)
        trial.report(step, state["height"], pace=trial.hyperparameters["pace"])
        if resumes and (step % 200 == 0 or step >= trial.until or trial.should_stop()):
            (trial.directory / "state.json").write_text(json.dumps(state))
            trial.save(trial.directory / "state.json")
"""
SEARCHES: dict[str, tuple[bool, dict[str, Any]]] = {
    "rounds": (True, {"trials_per_round": 3}),
    "halving": (True, {"pruner": "halving", "trials_per_round": 6}),
    "asha": (True, {"mode": "async", "window": 4, "pruner": "asha"}),
    "pbt": (True, {"type": "pbt", "n_calls": 4, "perturbation_interval": 400}),
    "whole": (False, {"trials_per_round": 3}),
    "whole, median": (False, {"mode": "async", "window": 4, "pruner": "median"}),
    "whole, asha": (False, {"mode": "async", "window": 4, "pruner": "asha"}),
}


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    return [sys.executable, "-S", str(tmp_path / "climb.py")]


DIES_ONCE = """
    import os
    from amc import trial
    trial.report(400, 1)
    if trial.attempt == 1:
        os.kill(os.getpid(), 9)
    trial.report(1200, trial.attempt)
"""


@pytest.fixture
def make(shared: Path, tmp_path: Path, command: list[str]) -> Callable[[str], Ledger]:
    """Record a search of a kind; the script is there."""

    def make_ledger(kind: str) -> Ledger:
        resumable, search = SEARCHES[kind]
        script = textwrap.dedent(SCRIPT).replace("RESUMABLE", str(resumable))
        (tmp_path / "climb.py").write_text(script)
        config = {
            "experiment_name": "climb",
            "command": command,
            "env": {"PYTHONPATH": str(PACKAGES)},
            "source": str(tmp_path),
            "resumable": resumable,
            "hyperparameter_optimizer": {
                "type": "random",
                "n_calls": 9,
                "search_space": {"pace": {"low": 0.1, "high": 10, "log": True}},
                "finalists": 0,
                "test_seeds": 0,
                **search,
            },
            "training": {"total_timesteps": 1200, "eval_freq": 200},
        }
        return Ledger.create(shared_dir(), ConfigLoader().from_mapping(config, source="test"))

    return make_ledger


@pytest.mark.parametrize("kind", SEARCHES)
def test_killed_at_random_a_script_s_search_comes_out_the_same(
    make: Callable[[str], Ledger],
    command: list[str],
    tmp_path: Path,
    start_worker: StartWorker,
    eventually: Callable[..., Any],
    kind: str,
) -> None:
    allowed = {
        "AMC_ALLOW_COMMANDS": f"PYTHONPATH={PACKAGES} {shlex.join(command)}",
        "AMC_ALLOW_SOURCES": str(tmp_path),
    }
    start_worker("driver", queues="driver")
    workers = {
        name: start_worker(name, queues=f"gpu{name[-1]}", **allowed)
        for name in ("rl-worker-0", "rl-worker-1")
    }
    undisturbed = make(kind)
    send_wake(undisturbed.id)
    eventually(lambda: undisturbed.is_finished, 120)
    chosen = random.Random(kind)

    ledger = make(kind)
    send_wake(ledger.id)
    for _ in range(8):
        time.sleep(chosen.uniform(0.1, 0.6))
        name = chosen.choice(list(workers))
        what = chosen.choice(["script", "trial process", "pool child", "worker"])
        _kill(workers[name], what)
        if not workers[name].is_alive:
            workers[name] = start_worker(name, queues=f"gpu{name[-1]}", **allowed)
    eventually(lambda: ledger.is_finished, 180)

    assert ledger.state == "completed"
    assert verify(ledger) == []
    assert outcome(ledger) == outcome(undisturbed)
    assert any("were trained by a trainer of your own" in one for one in remarks(ledger))
    eventually(lambda: not _running(command))


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_it_forgets_an_attempt_a_trial_is_what_its_last_attempt_made(
    make: Callable[[str], Ledger],
    command: list[str],
    tmp_path: Path,
    start_worker: StartWorker,
    eventually: Callable[..., Any],
    when: str,
) -> None:
    ledger = make("whole")
    (tmp_path / "climb.py").write_text(textwrap.dedent(DIES_ONCE))
    worker = start_worker(
        armed=f"{when}-forgotten",
        AMC_ALLOW_COMMANDS=f"PYTHONPATH={PACKAGES} {shlex.join(command)}",
        AMC_ALLOW_SOURCES=str(tmp_path),
    )

    send_wake(ledger.id)
    eventually(lambda: ledger.is_finished, 120)

    assert "amc: killed at the failpoint" in worker.said
    assert verify(ledger) == []
    curves = {one.curve[0] for one in ledger.history().learned.values()}
    assert curves == {(400, 1.0)}
    assert {len(one.curve) for one in ledger.history().learned.values()} == {2}


def _kill(worker: Any, what: str) -> None:
    with contextlib.suppress(psutil.NoSuchProcess, AttributeError):
        match what:
            case "worker":
                worker.kill()
            case "pool child":
                worker.pool_child().send_signal(signal.SIGKILL)
            case "trial process":
                worker.trial_process().send_signal(signal.SIGKILL)
            case "script":
                for process in worker.trial_process().children():
                    process.send_signal(signal.SIGKILL)


def _running(command: list[str]) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [])[-1:] == command[-1:]:
            found.append(process.pid)
    return found
