"""A child is started again, ever later if it keeps on dying, and takes its own children with it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from amc.broker.machine import identify
from amc.fleet.child import Child, make_room, run
from amc.fleet.commands import Program

Wait = Callable[[Callable[[], object]], None]
MakeChild = Callable[..., Child]


@pytest.fixture
def make_child(tmp_path: Path) -> Iterator[MakeChild]:
    """A child that runs a command; it is gone after the test."""
    children = []

    def make(*command: str) -> Child:
        program = Program("it", command, os.environ, patience_s=5.0)
        child = Child("it", partial(run, program, tmp_path / "it.log"), program.patience_s)
        children.append(child)
        return child

    yield make
    for child in children:
        child.kill()


def test_a_child_that_is_killed_is_started_again(make_child: MakeChild, wait_until: Wait) -> None:
    child = make_child("sleep", "60")
    child.start_if_due()
    first = child.state.pid

    os.kill(first, signal.SIGKILL)
    wait_until(child.reap_if_ended)
    wait_until(child.start_if_due)

    assert child.state.pid not in {0, first}
    assert child.state.restarts == 1


@pytest.mark.slow
def test_a_child_that_dies_at_once_is_started_later_each_time(
    make_child: MakeChild, wait_until: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    child = make_child("false")
    delays = []

    for _ in range(4):
        wait_until(child.start_if_due)
        wait_until(child.reap_if_ended)
        delays.append(child.due - child.ended)

    assert delays == pytest.approx([0.25, 0.5, 1.0, 2.0])
    assert "it ended: exit code 1" in caplog.text


def test_a_command_that_is_not_there_is_tried_again_later(make_child: MakeChild) -> None:
    child = make_child("/nowhere/command")

    assert child.start_if_due()
    assert child.process is None
    assert child.failures == 1
    assert not child.start_if_due()


def test_killing_a_child_kills_its_children(
    make_child: MakeChild, wait_until: Wait, tmp_path: Path
) -> None:
    child = make_child("sh", "-c", "sleep 60 & echo $! >&2; wait")
    child.start_if_due()
    log = tmp_path / "it.log"
    wait_until(log.read_text)
    grandchild = int(log.read_text())

    child.kill()

    wait_until(lambda: identify(grandchild) is None)


def test_a_child_ends_with_the_process_that_started_it(tmp_path: Path, wait_until: Wait) -> None:
    program = (
        "import os, pathlib, sys; from amc.fleet.child import run;"
        "from amc.fleet.commands import Program;"
        "p = Program('it', ('sleep', '60'), os.environ, 1.0);"
        "print(run(p, pathlib.Path(sys.argv[1])).pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "it.log")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())

        parent.send_signal(signal.SIGKILL)

    wait_until(lambda: identify(pid) is None)


def test_a_child_that_was_asked_to_end_is_gone(make_child: MakeChild, wait_until: Wait) -> None:
    child = make_child("sleep", "60")
    child.start_if_due()

    child.terminate()

    wait_until(child.is_gone)
    assert child.exit_code == -signal.SIGTERM


def test_a_large_log_makes_room_for_a_new_one(tmp_path: Path) -> None:
    small, large = tmp_path / "small.log", tmp_path / "large.log"
    small.write_text("a line")
    with open(large, "wb") as file:
        file.truncate(17 << 20)

    make_room(small)
    make_room(large)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["large.log.1", "small.log"]
