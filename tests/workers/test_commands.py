"""A trial that a command trains, supervised by the real worker in a real fork."""

import os
import shlex
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from amc.config.loader import ConfigLoader
from amc.ledger import Ledger, Trial
from amc.workers import preload
from amc.workers.attempts import supervise as supervise_trial
from tests.experiments import open_round

assert preload, "as in a worker: the forked trials inherit what is imported here"
pytestmark = pytest.mark.engine

Opened = Callable[..., Ledger]
PACKAGES = Path(__file__).parents[2]


@pytest.fixture
def opened(tmp_path: Path, shared: Path, broker: Any, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """A factory of experiments with one open trial, which a script trains."""
    monkeypatch.setenv("AMC_ALLOW_SOURCES", str(tmp_path))

    def make(script: str, training: dict[str, Any] | None = None, **more: Any) -> Ledger:
        (tmp_path / "train.py").write_text(textwrap.dedent(script))
        command = [sys.executable, "-S", "train.py"]
        words = shlex.join(command)
        monkeypatch.setenv("AMC_ALLOW_COMMANDS", f"PYTHONPATH={PACKAGES} {words}")
        config = ConfigLoader().from_mapping(
            {
                "experiment_name": "own",
                "command": command,
                "env": {"PYTHONPATH": str(PACKAGES)},
                "source": str(tmp_path),
                "training": {
                    "total_timesteps": 1000,
                    "eval_freq": 100,
                    "max_attempts": 2,
                    **(training or {}),
                },
                **more,
            },
            source="test",
        )
        ledger = Ledger.create(shared, config)
        open_round(ledger, Trial(0, {}, seed=1))
        return ledger

    return make


def supervise(ledger: Ledger) -> str:
    return supervise_trial(ledger, 0, worker="rl-worker-0", queue="gpu0")


def ends(ledger: Ledger) -> list[tuple[str, str]]:
    return [(one.end.outcome, one.end.detail) for one in ledger.attempts(0) if one.end]


def in_the_way(ledger: Ledger) -> Path:
    return ledger.paths.trial(0).segment(0).files


def test_a_command_s_trial_is_reported_once_with_its_curve(opened):
    ledger = opened(
        """
        from amc import trial
        for step in range(100, 1001, 100):
            trial.report(step, step)
        """
    )

    became = supervise(ledger)

    report = ledger.report(0, 0)
    assert became == "completed" and ends(ledger)[0][0] == "result"
    assert (report.state, report.score, report.step, report.kernel) == (
        *("completed", 1000.0, 1000),
        "own",
    )
    assert report.curve == tuple((step, float(step)) for step in range(100, 1001, 100))
    assert (report.digest, report.checkpoint, report.cpu) == (None, None, ())


@pytest.mark.parametrize(
    ("script", "outcome", "told"),
    [
        ("import sys; print('no luck'); sys.exit(3)", "exception", "no luck"),
        ("raise ValueError('lr is wrong')", "exception", "ValueError: lr is wrong"),
        ("import os; os.kill(os.getpid(), 11)", "signal", "SIGSEGV"),
        ("import os; os.kill(os.getpid(), 37)", "signal", "signal 37"),
        ("from amc import trial; trial.report(1, float('nan'))", "exception", "score is nan"),
    ],
)
def test_a_script_s_own_fault_counts_and_its_last_words_are_told(opened, script, outcome, told):
    ledger = opened(script)

    became = supervise(ledger)

    report = ledger.report(0, 0)
    assert became == "failed" and [end for end, _ in ends(ledger)] == [outcome, outcome]
    assert told in str(report.error)
    assert "Traceback (most recent call last)" not in str(report.error).partition("printed")[0]
    assert "trial_process.py" not in str(report.error), "what is ours is of no use to anybody"


def test_a_sentence_is_told_once(opened):
    ledger = opened("pass", training={"max_attempts": 1})

    supervise(ledger)

    assert str(ledger.report(0, 0).error).count("ended without a score") == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_script_that_somebody_kills_begins_again_and_that_costs_nothing(opened, number):
    ledger = opened(
        f"""
        import os
        from amc import trial
        trial.report(500, 1)
        if trial.attempt <= 3:
            os.kill(os.getpid(), {number})
        trial.report(1000, trial.attempt)
        """
    )

    became = supervise(ledger)

    assert became == "completed" and ledger.report(0, 0).score == 4.0
    assert [end for end, _ in ends(ledger)] == ["killed"] * 3 + ["result"]
    assert ledger.report(0, 0).curve == ((500, 1.0), (1000, 4.0))


def test_a_script_that_says_nothing_stalls(opened):
    ledger = opened(
        """
        import time
        from amc import trial
        trial.report(100, 1)
        time.sleep(600)
        """,
        training={"stall_timeout": 1.0, "max_attempts": 1},
    )

    became = supervise(ledger)

    assert became == "failed"
    assert ends(ledger) == [("stall", "no progress for 1 s after report")]


@pytest.mark.slow
def test_a_script_that_prints_is_alive(opened):
    ledger = opened(
        """
        import time
        from amc import trial
        for _ in range(12):
            print("still at it")
            time.sleep(0.2)
        trial.report(1000, 1)
        """,
        training={"stall_timeout": 1.0},
    )

    assert supervise(ledger) == "completed"


def test_a_script_s_memory_is_bounded_and_not_ours_counted(opened):
    ledger = opened(
        """
        import time
        from amc import trial
        hoard = b"x" * (200 << 20 if trial.attempt == 1 else 1)
        time.sleep(600 if trial.attempt == 1 else 0)
        trial.report(1000, 1)
        """,
        training={"memory_limit": 100 << 20},
    )

    became = supervise(ledger)

    assert became == "completed"
    outcome, told = ends(ledger)[0]
    assert outcome == "oom" and "memory_limit is 104,857,600" in told


def test_what_a_script_started_ends_with_it(opened):
    ledger = opened(
        """
        import subprocess
        from amc import trial
        sleep = ["sleep", "600"]
        left = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
        (trial.directory / "left").write_text(" ".join(str(one.pid) for one in left))
        trial.report(1000, 1)
        """
    )

    became = supervise(ledger)

    left = [int(pid) for pid in (in_the_way(ledger) / "left").read_text().split()]
    assert became == "completed"
    assert not any(psutil.pid_exists(pid) for pid in left)


def test_a_script_does_not_outlive_the_process_that_runs_it(opened):
    ledger = opened(
        """
        import os, time
        from amc import trial
        (trial.directory / "pids").write_text(f"{os.getpid()} {os.getppid()}")
        trial.report(100, trial.attempt)
        if trial.attempt == 1:
            time.sleep(600)
        trial.report(1000, trial.attempt)
        """
    )
    pids = in_the_way(ledger) / "pids"
    supervisor = threading.Thread(target=supervise, args=(ledger,))
    supervisor.start()
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    script, runner = map(int, pids.read_text().split())

    os.kill(runner, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(script))
    supervisor.join(30)

    assert [end for end, _ in ends(ledger)] == ["killed", "result"]


def test_a_program_that_is_missing_is_not_asked_for_again(opened, monkeypatch):
    ledger = opened("", command=["no-such-program"], env={})
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "no-such-program")

    became = supervise(ledger)

    assert became == "failed" and len(ends(ledger)) == 1
    assert "'no-such-program' cannot be run" in str(ledger.report(0, 0).error)


def test_a_process_takes_the_next_trial_of_a_command(opened):
    ledger = opened(
        """
        import os
        from amc import trial
        print(os.getppid())
        trial.report(1000, 1)
        """
    )
    parents = []
    for number in (0, 1):
        if number:
            open_round(ledger, Trial(1, {}, seed=2))
        supervise_trial(ledger, number, worker="rl-worker-0", queue="gpu0")
        (exchange,) = ledger.paths.trial(number).segment(0).exchanges()
        parents.append(exchange.output.read_text().split()[-1])

    assert parents[0] == parents[1], "what is forked once trains both"


def wait_until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)
