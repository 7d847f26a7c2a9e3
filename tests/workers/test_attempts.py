import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from amc.config import kernel
from amc.config.schema import ExperimentConfig
from amc.ledger import Attempt, AttemptEnd, Decision, Ledger, Segment, Trial, files
from amc.workers import disk, preload
from amc.workers.attempt_process import dismiss
from amc.workers.attempts import MAX_INTERRUPTIONS, exhausted
from amc.workers.attempts import supervise as supervise_trial
from amc.workers.progress import Progress
from tests.experiments import open_round, report

MakeConfig = Callable[..., ExperimentConfig]

assert preload, "as in a worker: the forked trials inherit what is imported here"


def attempts(*outcomes: str | None, steps: list[int] | None = None) -> list[Attempt]:
    """Attempts that ended so and, if steps are given, began with these checkpoints."""
    begun = steps or [0] * len(outcomes)
    return [
        Attempt(n, "rl-worker-0", "gpu0", step=step, end=None if o is None else AttemptEnd(o))  # type: ignore[arg-type]
        for n, (o, step) in enumerate(zip(outcomes, begun, strict=True), start=1)
    ]


def test_attempts_of_a_trials_own_doing_are_bounded() -> None:
    assert exhausted(attempts("signal", "oom"), 3, 0) is None

    reason = exhausted(attempts("signal", "oom", "exception"), 3, 0)

    assert reason is not None and reason.startswith("3 of 3 attempts failed")


def test_attempts_that_left_a_later_checkpoint_do_not_count() -> None:
    crashes = attempts(*["exception"] * 5, steps=[0, 64, 128, 192, 256])

    assert exhausted(crashes, 1, 320) is None
    assert "1 of 1 attempts" in str(exhausted(crashes, 1, 256))


def test_a_crash_at_the_same_step_every_time_counts_although_it_comes_after_a_checkpoint() -> None:
    crashes = attempts(*["signal"] * 4, steps=[0, 64, 64, 64])

    assert exhausted(crashes[:3], 3, 64) is None
    assert "3 of 3 attempts" in str(exhausted(crashes, 3, 64))


def test_a_checkpoint_that_was_lost_is_no_progress_when_it_is_made_again() -> None:
    crashes = attempts(*["signal"] * 4, steps=[0, 128, 64, 128])

    assert "3 of 3 attempts" in str(exhausted(crashes, 3, 128))


def test_interruptions_do_not_count_as_failures_but_have_a_cap_of_their_own() -> None:
    many = ["interrupted", None, "killed", "killed"] * 5

    assert exhausted(attempts(*many[:-1]), 3, 0) is None
    assert "interrupted 20 times" in str(exhausted(attempts(*many), 3, 0))
    assert exhausted(attempts(*many, steps=[0] * 10 + [64] * 10), 3, 64) is None


def test_a_full_disk_may_last() -> None:
    assert exhausted(attempts(*["full disk"] * 50), 1, 0) is None


def test_what_is_the_same_every_time_is_not_tried_again() -> None:
    assert exhausted(attempts("usage"), 3, 0) is not None


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
import errno, faulthandler, os, signal, subprocess, sys, time
from collections import Counter
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv


class Misbehaving(CartPoleEnv):
    """Does `what` at step `at`, unless the file `once` is there already.

    Each of its copies counts steps of its own; for `each_...` all in a process count together.
    """

    counts = Counter()

    def __init__(self, what, once, at=20, **kwargs):
        super().__init__(**kwargs)
        self.what, self.once, self.at, self.steps = what, once, at, 0
        if what == "refuse":
            raise ValueError("there is no cart of that name")

    def step(self, action):
        self.steps += 1
        self.counts[os.getpid()] += 1
        is_each = self.what.startswith("each_")
        count = self.counts[os.getpid()] if is_each else self.steps
        if count == self.at and not os.path.exists(self.once):
            if self.what.startswith("once_"):
                open(self.once, "w").close()
            getattr(self, self.what.removeprefix("once_").removeprefix("each_"))()
        return super().step(action)

    def crash(self):
        raise RuntimeError("the cart fell off the table")

    def kill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def kill_twice(self):
        with open(self.once + "-twice", "a") as file:
            file.write("x")
        if os.path.getsize(self.once + "-twice") <= 2:
            self.kill()

    def segfault(self):
        faulthandler.disable()
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)  # pygame, once loaded, would abort
        os.kill(os.getpid(), signal.SIGSEGV)

    def start_others(self):
        """Leave processes behind: a child, one in a session of its own, and a daemon."""
        sleep = f"sleep 321.{os.getpid()}"
        for command in (sleep, f"setsid {sleep}", f"(setsid {sleep} &)"):
            subprocess.run(["sh", "-c", command + " &"])
        subprocess.Popen(sleep.split())
        with open(self.once + "-pids", "w") as file:
            subprocess.run(["pgrep", "-f", "^" + sleep], stdout=file)
        print("started", file=sys.stdout, flush=True)
        os.write(1, b"three sleepers")

    def start_others_and_hang(self):
        self.start_others()
        self.hang()

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
        open_round(ledger, Trial(0, {}, seed=1))
        return ledger

    return make


def supervise(ledger: Ledger) -> str:
    return supervise_trial(ledger, 0, worker="rl-worker-0", queue="gpu0")


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
    open_round(ledger, Trial(0, {"learning_rate": 1e-3}, seed=1))

    became = supervise(ledger)

    result = ledger.result(0)
    assert became == "completed" and outcomes(ledger) == ["result"]
    assert result is not None and result.score is not None
    assert (result.steps, result.worker, result.attempt) == (256, "rl-worker-0", 1)
    assert "CartPole-v1" in result.environment
    assert not broker.exists(broker.keyspace.lease("test-1", 0))


def go_on(ledger: Ledger, **more: Any) -> None:
    """Record that the driver learned what there was and opened the trial's next segment."""
    past = ledger.history()
    last = past.segments[0, past.last[0]]
    segment = Segment(
        0,
        last.index + 1,
        from_step=past.fresh[last.key].step,
        start=last.key,
        horizon=last.horizon,
        **more,
    )
    learned = tuple(past.fresh.values())
    assert ledger.append(Decision(past.decisions, learned, segments=(segment,)))


@pytest.mark.engine
def test_a_trial_in_segments_is_reported_as_the_same_trial_in_one(
    broker: Any, shared: Path, make_config: MakeConfig
) -> None:
    config = make_config({"training.eval_freq": 64})
    trial = Trial(0, {"learning_rate": 1e-3}, seed=1)
    whole, ledger = Ledger.create(shared, config), Ledger.create(shared, config)
    open_round(whole, trial)
    first = Segment(0, 0, from_step=0, until=64, horizon=256)
    assert ledger.append(Decision(0, trials=(trial,), segments=(first,)))

    supervise(whole)
    supervise(ledger)
    go_on(ledger, until=128)
    supervise(ledger)
    shutil.rmtree(ledger.paths.trial(0).segment(1).checkpoints)
    go_on(ledger, until=256)
    became = supervise(ledger)

    reports = [ledger.report(0, index) for index in range(3)]
    assert became == "completed"
    assert [report and report.step for report in reports] == [64, 128, 256]
    assert [report and report.start_digest for report in reports[1:]] == [
        report and report.digest for report in reports[:2]
    ]
    one, pieces = whole.result(0), ledger.result(0)
    assert one is not None and pieces is not None
    assert (pieces.digest, pieces.score) == (one.digest, one.score)
    assert pieces.mean_evaluation == one.mean_evaluation
    assert (ledger.paths.trial(0).directory / str(pieces.checkpoint)).is_file()


@pytest.mark.engine
def test_a_segment_below_its_threshold_is_reported_as_halted(
    broker: Any, shared: Path, make_config: MakeConfig
) -> None:
    ledger = Ledger.create(shared, make_config({"training.eval_freq": 64}))
    segment = Segment(0, 0, 0, 256, 256, stop_below=((128, 1e9),))
    opened = Decision(0, trials=(Trial(0, {}, seed=1),), segments=(segment,))
    assert ledger.append(opened)

    became = supervise(ledger)

    result = ledger.result(0)
    assert became == "completed", "there is nothing more to do"
    assert result is not None and (result.state, result.steps) == ("halted", 128)
    assert result.score is not None


@pytest.mark.engine
def test_attempts_at_an_earlier_segment_do_not_count(
    broker: Any, misbehaving: Callable[..., Ledger]
) -> None:
    ledger = misbehaving("crash")
    ledger.claim_attempt(0, worker="w", queue="gpu0", host="", segment=7)
    ledger.end_attempt(0, 1, AttemptEnd("usage", "another segment's"))

    supervise(ledger)

    result = ledger.result(0)
    assert result is not None and "the cart fell" in str(result.error)
    assert [attempt.segment for attempt in ledger.attempts(0)] == [7, 0, 0]


@pytest.mark.engine
@pytest.mark.parametrize(
    ("what", "outcome", "said"),
    [
        ("crash", "exception", "the cart fell off the table"),
        ("segfault", "signal", "SIGSEGV"),
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
def test_a_trial_without_evaluations_is_scored_by_its_training(
    broker: Any, shared: Path, make_config: MakeConfig
) -> None:
    ledger = Ledger.create(shared, make_config({"training.eval_freq": None}))
    open_round(ledger, Trial(0, {"learning_rate": 1e-3}, seed=1))

    became = supervise(ledger)

    result = ledger.result(0)
    assert became == "completed" and result is not None
    assert result.score is not None and result.score > 5
    assert (result.mean_evaluation, result.solved_at) == (None, None)


@pytest.mark.engine
def test_a_trial_that_reached_the_threshold_is_recorded_as_solved_and_ends_there(
    broker: Any, shared: Path, make_config: MakeConfig
) -> None:
    stopping = {"environment.reward_threshold": 1.0, "training.stop_at_reward_threshold": True}
    ledger = Ledger.create(shared, make_config({**stopping, "training.eval_freq": 64}))
    open_round(ledger, Trial(0, {"learning_rate": 1e-3}, seed=1))

    became = supervise(ledger)

    result = ledger.result(0)
    assert became == "completed" and result is not None
    assert (result.state, result.steps, result.solved_at) == ("completed", 64, 64)


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
    once = {"once": str(tmp_path / "once"), "at": 115}
    undisturbed = misbehaving("", environment__kwargs={"what": "", **once, "once": "/dev/null"})
    disturbed = misbehaving("", environment__kwargs={"what": "once_segfault", **once})

    supervise(undisturbed)
    supervise(disturbed)

    one, other = undisturbed.result(0), disturbed.result(0)
    assert outcomes(disturbed) == ["signal", "result"]
    assert one is not None and other is not None and other.attempt == 2
    assert one.digest == other.digest


@pytest.mark.engine
def test_a_trial_process_that_somebody_kills_is_no_failure(
    broker: Any, misbehaving: Callable[..., Ledger]
) -> None:
    ledger = misbehaving("kill_twice", training__max_attempts=1)

    became = supervise(ledger)

    assert became == "completed" and outcomes(ledger) == ["killed", "killed", "result"]


@pytest.mark.slow
@pytest.mark.engine
def test_a_trial_process_that_is_killed_again_and_again_without_progress_fails(
    broker: Any, misbehaving: Callable[..., Ledger]
) -> None:
    ledger = misbehaving("kill")

    became = supervise(ledger)

    result = ledger.result(0)
    assert became == "failed" and outcomes(ledger) == ["killed"] * 20
    assert result is not None and "interrupted 20 times" in str(result.error)


@pytest.mark.slow
@pytest.mark.engine
def test_training_a_lost_start_again_is_progress(
    broker: Any, misbehaving: Callable[..., Ledger], tmp_path: Path
) -> None:
    once = tmp_path / "once"
    once.touch()  # as long as it is there, nothing happens
    ledger = misbehaving(
        "each_kill",
        training__eval_freq=None,
        training__total_timesteps=2048,
        environment__max_episode_steps=20,
        environment__kwargs={"what": "each_kill", "once": str(once), "at": 115},
    )
    supervise(ledger)
    past = ledger.history()
    longer = Segment(0, 1, from_step=2048, until=2112, horizon=2112, start=(0, 0))
    learned = tuple(past.fresh.values())
    assert ledger.append(Decision(past.decisions, learned, segments=(longer,)))
    shutil.rmtree(ledger.paths.trial(0).segment(0).checkpoints)
    once.unlink()

    became = supervise(ledger)

    at_the_second = [one for one in ledger.attempts(0) if one.segment == 1]
    assert became == "completed"
    assert {one.end.outcome for one in at_the_second[:-1] if one.end} == {"killed"}
    assert len(at_the_second) > MAX_INTERRUPTIONS


@pytest.mark.engine
def test_a_trial_that_gets_further_each_time_may_crash_as_often_as_it_likes(
    broker: Any, misbehaving: Callable[..., Ledger], tmp_path: Path
) -> None:
    ledger = misbehaving(
        "crash",
        training__max_attempts=1,
        environment__kwargs={"what": "crash", "once": str(tmp_path / "once"), "at": 90},
    )

    became = supervise(ledger)

    assert became == "completed" and outcomes(ledger)[:-1] == ["exception"] * (
        len(ledger.attempts(0)) - 1
    )
    assert len(ledger.attempts(0)) > 1


@pytest.mark.engine
def test_what_a_config_got_wrong_is_told_in_a_sentence_after_one_attempt(
    broker: Any, misbehaving: Callable[..., Ledger]
) -> None:
    ledger = misbehaving("refuse")

    became = supervise(ledger)

    result = ledger.result(0)
    assert became == "failed" and outcomes(ledger) == ["usage"]
    assert result is not None and "there is no cart of that name" in str(result.error)
    assert "Traceback" not in str(result.error)


@pytest.mark.engine
def test_a_segment_that_would_mix_two_kernels_is_refused_in_a_sentence_after_one_attempt(
    broker: Any, shared: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.create(shared, make_config())
    first = Segment(0, 0, from_step=0, until=128, horizon=256)
    ledger.append(Decision(0, trials=(Trial(0, {}, seed=1),), segments=(first,)))
    assert supervise(ledger) == "completed"
    go_on(ledger, until=256)
    monkeypatch.setitem(kernel.VERSIONS, "fast", 2)
    dismiss()  # as where another version was installed

    became = supervise(ledger)

    report = ledger.report(0, 1)
    assert became == "failed" and outcomes(ledger) == ["result", "usage"]
    assert report is not None and "computed by kernel fast@1, here" in str(report.error)
    assert "Traceback" not in str(report.error)


@pytest.mark.engine
def test_a_plug_in_that_this_worker_may_not_load_is_not_tried_again(
    broker: Any, misbehaving: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = misbehaving("")
    monkeypatch.delenv("AMC_ALLOW_MODULES")

    became = supervise(ledger)

    result = ledger.result(0)
    assert became == "failed" and outcomes(ledger) == ["usage"]
    assert result is not None and "AMC_ALLOW_MODULES=misbehaving" in str(result.error)


@pytest.mark.engine
def test_nothing_that_a_trial_started_outlives_it(
    broker: Any, misbehaving: Callable[..., Ledger], tmp_path: Path
) -> None:
    ledger = misbehaving("start_others")

    became = supervise(ledger)

    pids = (tmp_path / "once-pids").read_text().split()
    assert became == "completed" and len(pids) >= 4
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.engine
def test_a_process_that_the_supervisor_had_before_is_left_alone(
    broker: Any, misbehaving: Callable[..., Ledger]
) -> None:
    ledger = misbehaving("start_others")

    with subprocess.Popen(["sleep", "60"]) as other:
        supervise(ledger)
        was_alive = other.poll() is None
        other.kill()

    assert was_alive


@pytest.mark.slow
@pytest.mark.engine
def test_what_a_trial_prints_goes_to_the_log(
    broker: Any, misbehaving: Callable[..., Ledger], tmp_path: Path
) -> None:
    ledger = misbehaving("start_others")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    ran = subprocess.run(
        [sys.executable, "-c", SUPERVISOR, str(ledger.directory)],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert ran.stdout == ""
    assert "started" in ran.stderr and "three sleepers" in ran.stderr


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
    key = broker.keyspace.lease("test-1", 0)
    broker.set(key, "rl-worker-9@elsewhere/1/boot/gpu9", px=9_000)

    became = supervise(ledger)

    assert became == "is leased" and ledger.attempts(0) == []


@pytest.mark.slow
@pytest.mark.engine
def test_a_stolen_lease_ends_the_trial_process(
    broker: Any, misbehaving: Callable[..., Ledger], eventually: Callable[..., Any]
) -> None:
    ledger = misbehaving("hang")
    supervisor = Supervisor(ledger)

    supervisor.start()
    eventually(lambda: broker.exists(broker.keyspace.lease("test-1", 0)) and ledger.attempts(0))
    key = broker.keyspace.lease("test-1", 0)
    broker.set(key, "rl-worker-9@elsewhere/1/boot/gpu9", px=9_000)
    supervisor.join(30)

    assert supervisor.became == "interrupted" and outcomes(ledger) == ["interrupted"]
    assert ledger.result(0) is None


@pytest.mark.engine
def test_cancelling_stops_a_running_trial(
    broker: Any, shared: Path, make_config: MakeConfig, eventually: Callable[..., Any]
) -> None:
    ledger = Ledger.create(shared, make_config({"training.total_timesteps": 10_000_000}))
    open_round(ledger, Trial(0, {}, seed=1))
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
    monkeypatch.setattr(disk, "_PAUSE_AFTER_FULL_DISK_S", 0.0)
    ledger = misbehaving("once_fill", training__max_attempts=1)

    became = supervise(ledger)

    assert became == "completed"
    assert outcomes(ledger) == ["full disk", "result"]


@pytest.mark.slow
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
    eventually(lambda: broker.exists(broker.keyspace.lease("test-1", 0)))
    ledger.mark_cancelled()
    supervisor.join(30)

    assert supervisor.became == "interrupted" and ledger.attempts(0) == []


@pytest.mark.slow
@pytest.mark.engine
def test_an_attempt_that_was_overtaken_ends(
    broker: Any, misbehaving: Callable[..., Ledger], eventually: Callable[..., Any]
) -> None:
    ledger = misbehaving("hang")
    supervisor = Supervisor(ledger)

    supervisor.start()
    eventually(lambda: ledger.attempts(0))
    ledger.write_report(report(0, 1.0, attempt=2))
    supervisor.join(30)

    assert supervisor.became == "interrupted"
    assert "attempt 2 has the report" in str(ledger.attempts(0)[0].end)


@pytest.mark.engine
@pytest.mark.parametrize("is_name_used_again", [True, False])
def test_an_attempt_for_a_removed_experiment_ends_and_writes_nothing_into_its_successor(
    broker: Any,
    misbehaving: Callable[..., Ledger],
    eventually: Callable[..., Any],
    is_name_used_again: bool,
) -> None:
    ledger = misbehaving("hang")
    supervisor = Supervisor(ledger)
    supervisor.start()
    eventually(lambda: ledger.attempts(0))

    shutil.rmtree(ledger.directory)
    if is_name_used_again:
        assert Ledger.create(ledger.directory.parent, ledger.config).id == ledger.id
    supervisor.join(30)

    assert supervisor.became == "is removed"
    left = list(ledger.directory.rglob("*.json"))
    assert left == ([ledger.paths.experiment] if is_name_used_again else [])


SUPERVISOR = """
import sys
from pathlib import Path
from amc.ledger import Ledger
from amc.workers.attempts import supervise
from amc.workers.shutdown import disregard_signals
disregard_signals()
supervise(Ledger(Path(sys.argv[1])), 0, worker="rl-worker-0", queue="gpu0")
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


@pytest.fixture
def endless(shared: Path, make_config: MakeConfig, eventually: Callable[..., Any]) -> Iterator[Any]:
    """A supervisor in a session of its own, the trial that it trains for ever, and its ledger."""
    ledger = Ledger.create(
        shared, make_config({"training.total_timesteps": 10_000_000, "training.save_freq": 64})
    )
    open_round(ledger, Trial(0, {}, seed=1))
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(ledger.directory)], start_new_session=True
    )
    checkpoints = ledger.paths.trial(0).directory / "checkpoints"
    eventually(lambda: list(checkpoints.glob("*.pt")))
    children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children")
    yield supervisor, int(children.read_text()), ledger
    supervisor.kill()
    supervisor.wait()


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_process_group_saves_the_trial(
    broker: Any, endless: Any, number: signal.Signals
) -> None:
    supervisor, _, ledger = endless

    os.killpg(supervisor.pid, number)
    supervisor.wait(60)

    ends = [attempt.end for attempt in ledger.attempts(0)]
    assert ends == [AttemptEnd("interrupted", "stopped on request, with a checkpoint")]
    assert list(ledger.paths.trial(0).directory.glob("checkpoints/*.pt"))


@pytest.mark.slow
@pytest.mark.engine
def test_signals_that_mean_nothing_change_nothing(
    broker: Any, endless: Any, eventually: Callable[..., Any]
) -> None:
    supervisor, trial, ledger = endless
    newest = newest_checkpoint(ledger)

    for number in (signal.SIGUSR1, signal.SIGUSR2):
        for pid in (supervisor.pid, trial):
            os.kill(pid, number)

    eventually(lambda: newest_checkpoint(ledger) > newest)
    assert supervisor.poll() is None and len(ledger.attempts(0)) == 1
    assert Path(f"/proc/{trial}").exists() and outcomes(ledger) == []


def newest_checkpoint(ledger: Ledger) -> str:
    return max(path.name for path in ledger.directory.glob("trials/0000/checkpoints/*.pt"))


def supervise_again_is_possible(broker: Any, ledger: Ledger) -> bool:
    """The dead process left a lease under this worker's name; a new one takes it over."""
    ledger.mark_cancelled()
    return supervise(ledger) == "is stopped"
