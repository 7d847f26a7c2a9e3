import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amc import supervision
from amc.config.schema import ExperimentConfig
from amc.ledger import Attempt, AttemptEnd, Ledger, Result, Trial, files
from amc.supervision import room
from amc.supervision.progress import Progress
from amc.workers import preload

MakeConfig = Callable[..., ExperimentConfig]

assert preload, "as in a worker: the forked trials inherit what is imported here"


def attempts(*outcomes: str | None) -> list[Attempt]:
    return [
        Attempt(n + 1, "rl-worker-0", "gpu0", end=None if o is None else AttemptEnd(o))  # type: ignore[arg-type]
        for n, o in enumerate(outcomes)
    ]


def test_attempts_of_a_trials_own_doing_are_bounded() -> None:
    assert supervision.exhausted(attempts("signal", "oom"), 3) is None

    reason = supervision.exhausted(attempts("signal", "oom", "exception"), 3)

    assert reason is not None and reason.startswith("3 of 3 attempts failed")


def test_interruptions_do_not_count_as_failures_but_have_a_cap_of_their_own() -> None:
    many = ["interrupted", None] * 49

    assert supervision.exhausted(attempts(*many), 3) is None
    assert "100 times" in str(supervision.exhausted(attempts(*many, None, None), 3))


def test_progress_is_seen_across_a_fork() -> None:
    progress = Progress()

    pid = os.fork()
    if pid == 0:
        progress.mark("update", 128)
        os._exit(0)
    os.waitpid(pid, 0)

    assert progress.read() == (1, 128, "update")


# The trial of these tests is an environment that misbehaves, run by the real worker in a real fork.
ENVIRONMENTS = '''
import errno, os, signal, sys, time
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv


class Misbehaving(CartPoleEnv):
    """Does `what` at step `at`, unless the file `once` is there already."""

    def __init__(self, what, once, at=20, **kwargs):
        super().__init__(**kwargs)
        self.what, self.once, self.at, self.steps = what, once, at, 0

    def step(self, action):
        self.steps += 1
        if self.steps == self.at and not os.path.exists(self.once):
            if self.what.startswith("once_"):
                open(self.once, "w").close()
            getattr(self, self.what.removeprefix("once_"))()
        return super().step(action)

    def crash(self):
        raise RuntimeError("the cart fell off the table")

    def kill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(self):
        while True:
            time.sleep(1)

    def grow(self):
        self.hoard = bytearray(2 << 30)
        self.hoard[:: 4096] = b"x" * len(self.hoard[:: 4096])
        self.hang()

    def leave(self):
        os._exit(3)

    def exit(self):
        sys.exit("the cart has gone home")

    def fill(self):
        raise OSError(errno.ENOSPC, "No space left on device")


gymnasium.register("Misbehaving-v0", entry_point=Misbehaving, max_episode_steps=500)
'''


@pytest.fixture
def misbehaving(
    tmp_path: Path, shared: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ledger]:
    """Make an experiment with one open trial, whose environment does something bad."""
    (tmp_path / "misbehaving.py").write_text(ENVIRONMENTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AMC_ALLOW_MODULES", "misbehaving")

    def make(what: str, **overrides: Any) -> Ledger:
        config = make_config(
            {
                "environment.name": "misbehaving:Misbehaving-v0",
                "environment.kwargs": {"what": what, "once": str(tmp_path / "once")},
                "training.max_attempts": 2,
                "training.save_freq": 64,
                **{key.replace("__", "."): value for key, value in overrides.items()},
            }
        )
        ledger = Ledger.create(shared, config)
        ledger.open_round(0, [Trial(0, {}, seed=1)])
        return ledger

    return make


def supervise(ledger: Ledger) -> str:
    return supervision.supervise(ledger, 0, worker="rl-worker-0", queue="gpu0")


class Supervisor(threading.Thread):
    """Supervises the trial beside the test."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger
        self.became = ""

    def run(self) -> None:
        self.became = supervise(self._ledger)


def outcomes(ledger: Ledger) -> list[str]:
    return [attempt.end.outcome for attempt in ledger.attempts(0) if attempt.end]


@pytest.mark.engine
def test_a_healthy_trial_is_completed_in_one_attempt(
    broker: Any, shared: Path, make_config: MakeConfig
) -> None:
    ledger = Ledger.create(shared, make_config())
    ledger.open_round(0, [Trial(0, {"learning_rate": 1e-3}, seed=1)])

    became = supervise(ledger)

    result = ledger.result(0)
    assert became == "completed" and outcomes(ledger) == ["result"]
    assert result is not None and result.score is not None
    assert (result.steps, result.worker, result.attempt) == (256, "rl-worker-0", 1)
    assert "CartPole-v1" in result.environment
    assert not broker.exists("amc:lease:test-1:0")


@pytest.mark.engine
@pytest.mark.parametrize(
    ("what", "outcome", "said"),
    [
        ("crash", "exception", "the cart fell off the table"),
        ("kill", "signal", "SIGKILL"),
        ("leave", "exit", "code 3"),
        ("exit", "exception", "SystemExit: the cart has gone home"),
    ],
)
def test_a_trial_that_keeps_failing_is_recorded_with_the_reason(
    broker: Any, misbehaving: Callable[..., Ledger], what: str, outcome: str, said: str
) -> None:
    ledger = misbehaving(what)

    became = supervise(ledger)

    result = ledger.result(0)
    assert became == "failed" and outcomes(ledger) == [outcome, outcome]
    assert result is not None and result.state == "failed" and said in str(result.error)


@pytest.mark.engine
def test_the_traceback_of_a_failed_trial_is_in_the_ledger(
    broker: Any, misbehaving: Callable[..., Ledger]
) -> None:
    ledger = misbehaving("crash")

    supervise(ledger)

    result = ledger.result(0)
    assert result is not None and "Traceback" in str(result.error)


@pytest.mark.engine
def test_a_trial_that_crashes_once_goes_on_from_its_checkpoint(
    broker: Any, misbehaving: Callable[..., Ledger], tmp_path: Path
) -> None:
    once = {"once": str(tmp_path / "once"), "at": 100}
    undisturbed = misbehaving("", environment__kwargs={"what": "", **once, "once": "/dev/null"})
    disturbed = misbehaving("", environment__kwargs={"what": "once_kill", **once})

    supervise(undisturbed)
    supervise(disturbed)

    one, other = undisturbed.result(0), disturbed.result(0)
    assert outcomes(disturbed) == ["signal", "result"]
    assert one is not None and other is not None and other.attempt == 2
    assert one.digest == other.digest


@pytest.mark.engine
def test_a_trial_without_progress_is_killed_as_stalled(
    broker: Any, misbehaving: Callable[..., Ledger]
) -> None:
    ledger = misbehaving("hang", training__stall_timeout=2.0, training__max_attempts=1)

    became = supervise(ledger)

    assert became == "failed" and outcomes(ledger) == ["stall"]
    assert "no progress for 2 s" in str(ledger.attempts(0)[0].end)


@pytest.mark.engine
def test_a_trial_above_its_memory_limit_is_killed(
    broker: Any, misbehaving: Callable[..., Ledger]
) -> None:
    ledger = misbehaving("grow", training__memory_limit="1GiB", training__max_attempts=1)

    became = supervise(ledger)

    assert became == "failed" and outcomes(ledger) == ["oom"]


@pytest.mark.engine
def test_a_trial_that_somebody_else_is_at_is_left_alone(
    broker: Any, misbehaving: Callable[..., Ledger]
) -> None:
    ledger = misbehaving("crash")
    broker.set("amc:lease:test-1:0", "rl-worker-9@elsewhere/1/boot/gpu9")

    became = supervise(ledger)

    assert became == "is leased" and ledger.attempts(0) == []


@pytest.mark.engine
def test_a_stolen_lease_ends_the_trial_process(
    broker: Any, misbehaving: Callable[..., Ledger], eventually: Callable[..., Any]
) -> None:
    ledger = misbehaving("hang")
    supervisor = Supervisor(ledger)

    supervisor.start()
    eventually(lambda: broker.exists("amc:lease:test-1:0") and ledger.attempts(0))
    broker.set("amc:lease:test-1:0", "rl-worker-9@elsewhere/1/boot/gpu9")
    supervisor.join(30)

    assert supervisor.became == "interrupted" and outcomes(ledger) == ["interrupted"]
    assert ledger.result(0) is None


@pytest.mark.engine
def test_cancelling_stops_a_running_trial(
    broker: Any, shared: Path, make_config: MakeConfig, eventually: Callable[..., Any]
) -> None:
    ledger = Ledger.create(shared, make_config({"training.total_timesteps": 10_000_000}))
    ledger.open_round(0, [Trial(0, {}, seed=1)])
    supervisor = Supervisor(ledger)

    supervisor.start()
    eventually(lambda: ledger.attempts(0))
    ledger.mark_cancelled()
    supervisor.join(40)

    assert supervisor.became == "interrupted" and ledger.result(0) is None


@pytest.mark.engine
def test_a_full_disk_costs_the_trial_no_attempt(
    broker: Any, misbehaving: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_PAUSE_AFTER_FULL_DISK_S", 0.0)
    ledger = misbehaving("once_fill", training__max_attempts=1)

    became = supervise(ledger)

    assert became == "completed"
    assert outcomes(ledger) == ["full disk", "result"]


@pytest.mark.engine
def test_while_the_disk_is_full_a_trial_waits_and_can_be_stopped(
    broker: Any,
    misbehaving: Callable[..., Ledger],
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., Any],
) -> None:
    monkeypatch.setattr(files, "has_room", lambda directory, size: False)
    ledger = misbehaving("hang")
    supervisor = Supervisor(ledger)

    supervisor.start()
    eventually(lambda: broker.exists("amc:lease:test-1:0"))
    ledger.mark_cancelled()
    supervisor.join(30)

    assert supervisor.became == "interrupted" and ledger.attempts(0) == []


@pytest.mark.engine
def test_an_attempt_that_was_overtaken_ends(
    broker: Any, misbehaving: Callable[..., Ledger], eventually: Callable[..., Any]
) -> None:
    ledger = misbehaving("hang")
    supervisor = Supervisor(ledger)

    supervisor.start()
    eventually(lambda: ledger.attempts(0))
    ledger.write_result(Result(0, "completed", score=1.0, attempt=2))
    supervisor.join(30)

    assert supervisor.became == "interrupted"
    assert "attempt 2 has the result" in str(ledger.attempts(0)[0].end)


SUPERVISOR = """
import sys
from pathlib import Path
from amc import supervision
from amc.ledger import Ledger
supervision.supervise(Ledger(Path(sys.argv[1])), 0, worker="rl-worker-0", queue="gpu0")
"""


@pytest.mark.engine
def test_the_trial_process_dies_with_its_supervisor(
    broker: Any, misbehaving: Callable[..., Ledger], tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    ledger = misbehaving("hang")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(ledger.directory)], env=environment
    )
    children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children")
    eventually(lambda: ledger.attempts(0) and children.read_text().split())
    (child,) = children.read_text().split()

    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()

    eventually(lambda: not Path(f"/proc/{child}").exists(), 10)
    assert supervise_again_is_possible(broker, ledger)


@pytest.mark.engine
def test_a_signal_to_the_whole_process_group_saves_the_trial(
    broker: Any, shared: Path, make_config: MakeConfig, eventually: Callable[..., Any]
) -> None:
    ledger = Ledger.create(shared, make_config({"training.total_timesteps": 10_000_000}))
    ledger.open_round(0, [Trial(0, {}, seed=1)])
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(ledger.directory)], start_new_session=True
    )
    progress = ledger.paths.trial(0).directory / "metrics"
    eventually(lambda: list(progress.glob("*.jsonl")))

    os.killpg(supervisor.pid, signal.SIGTERM)
    supervisor.wait(60)

    assert outcomes(ledger) == ["interrupted"]
    assert list(ledger.paths.trial(0).directory.glob("checkpoints/*.pt"))


def supervise_again_is_possible(broker: Any, ledger: Ledger) -> bool:
    """The dead process left a lease under this worker's name; a new one takes it over."""
    ledger.mark_cancelled()
    return supervise(ledger) == "is stopped"
