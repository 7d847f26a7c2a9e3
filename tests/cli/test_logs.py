import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from amc.cli.logs import Reader, Sieve
from amc.ledger import Ledger

LOG = """\
 -------------- celery@host
                .> gpu0             exchange=gpu0(direct) key=gpu0

2026-01-31T12:00:00Z INFO rl-worker-0 cartpole-1/0#1 amc.workers.base: rl-worker-0 trains
2026-01-31T12:00:01Z INFO rl-worker-0 cartpole-11/0#1 amc.workers.base: another experiment
2026-01-31T12:00:02Z ERROR rl-worker-0 cartpole-1/10#2 amc.workers.attempts: it failed
Traceback (most recent call last):
ValueError: nan

worker: Warm shutdown (MainProcess)
2026-01-31T12:00:03Z INFO rl-worker-0 cartpole-1 amc.tasks: finished: failed
"""


def said(trial: int | None = None) -> list[str]:
    return [text for _, text in Sieve("cartpole-1", trial).sift(LOG.splitlines(keepends=True))]


def test_an_experiments_lines_come_with_their_tracebacks_and_nothing_else():
    lines = [line.partition(": ")[2] or line for line in said()]

    assert lines == [
        "rl-worker-0 trains",
        "it failed",
        "Traceback (most recent call last):",
        "nan",
        "finished: failed",
    ]


def test_a_trial_has_lines_of_its_own():
    assert [line[:19] for line in said(0)] == ["2026-01-31T12:00:00"]
    assert len(said(10)) == 3
    assert said(1) == []


def test_logs_of_several_workers_are_told_in_the_order_of_time(amc, make_experiment):
    ledger = make_experiment(1.0)
    logs = ledger.directory.parent / ".fleet" / "host" / "logs"
    logs.mkdir(parents=True)
    line = "2026-01-31T12:00:0{}Z INFO {} cartpole-1/0#1 amc.tasks: said\n"
    (logs / "driver.log").write_text(line.format(1, "driver") + line.format(3, "driver"))
    (logs / "rl-worker-0.log").write_text(line.format(2, "rl-worker-0"))

    outcome = amc("logs")

    assert [line.split()[2] for line in outcome.stdout.splitlines()] == [
        "driver",
        "rl-worker-0",
        "driver",
    ]


def test_logs_without_a_fleet_say_why_there_are_none(amc, make_experiment):
    make_experiment(1.0)

    outcome = amc("logs")

    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert "No fleet" in outcome.stderr


def test_a_trial_that_is_not_there_is_told(amc, make_experiment):
    make_experiment(1.0, 2.0)

    outcome = amc("logs", "cartpole-1", "--trial", "77")

    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert "cartpole-1 has no trial 77; it has 2 so far" in outcome.stderr


LINE = "2026-01-31T12:00:0{}Z {} rl-worker-0 cartpole-1/0#1 amc.tasks: {}\n"


def test_what_was_read_is_not_read_again_and_half_a_line_not_yet(tmp_path: Path):
    log = tmp_path / "rl-worker-0.log"
    log.write_text(LINE.format(1, "ERROR", "it failed") + "Traceback")
    reader = Reader(lambda: [log], "cartpole-1")

    first = reader.read()
    with log.open("a") as file:
        file.write(" (most recent call last):\n\nno traceback\n")
    second, third = reader.read(), reader.read()

    assert [line.rpartition(": ")[2] for line in first] == ["it failed"]
    assert (second, third) == (["Traceback (most recent call last):"], [])


def test_a_log_that_begins_anew_and_one_that_comes_later_are_read(tmp_path: Path):
    log, later = tmp_path / "rl-worker-0.log", tmp_path / "rl-worker-1.log"
    log.write_text(LINE.format(1, "INFO", "first") * 2)
    reader = Reader(lambda: sorted(tmp_path.glob("*.log")), "cartpole-1")
    reader.read()

    log.write_text(LINE.format(3, "INFO", "third"))
    later.write_text(LINE.format(2, "INFO", "second"))

    assert [line.rpartition(": ")[2] for line in reader.read()] == ["second", "third"]


@pytest.fixture
def following(make_experiment: Callable[..., Ledger], monkeypatch: pytest.MonkeyPatch):
    """A running experiment with a log, and `amc logs --follow` on it."""
    ledger = make_experiment(1.0, end=None)
    log = ledger.directory.parent / ".fleet" / "host" / "logs" / "rl-worker-0.log"
    log.parent.mkdir(parents=True)
    log.write_text(LINE.format(1, "INFO", "begun"))
    process = subprocess.Popen(
        [sys.executable, "-m", "amc", "logs", "-f"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield ledger, log, process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_following_ends_by_itself_once_all_is_told(following):
    ledger, log, process = following
    assert process.stdout.readline().endswith("begun\n")

    with log.open("a") as file:
        file.write(LINE.format(2, "INFO", "going on"))
    going_on = process.stdout.readline()
    ledger.finish("completed")
    with log.open("a") as file:
        file.write(LINE.format(3, "INFO", "finished"))
    said, complaints = process.communicate(timeout=30)

    assert going_on.endswith("going on\n")
    assert said.endswith("finished\n")
    assert (process.returncode, complaints) == (0, "")


def test_ctrl_c_ends_the_following_and_not_the_experiment(following):
    ledger, _, process = following
    process.stdout.readline()

    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Traceback" not in complaints
    assert ledger.state == "running"
