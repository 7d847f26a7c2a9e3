"""Patience lasts as long as there is work to be seen."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amc.fleet import patience
from amc.fleet.patience import Patience
from amc.fleet.state import ProcessState

Wait = Callable[[Callable[[], object]], None]

BUSY, IDLE = "while True: pass", "import time; time.sleep(600)"


@pytest.fixture
def process() -> Iterator[Callable[[str], ProcessState]]:
    """Start a process that runs some code; all are ended after the test."""
    started = []

    def start(code: str) -> ProcessState:
        started.append(subprocess.Popen([sys.executable, "-c", code]))
        return ProcessState("rl-worker-0", started[-1].pid, 0.0, 0)

    yield start
    for item in started:
        item.kill()
        item.wait()


@pytest.fixture
def any_work_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor may be shared by many, so that a busy process gets little of it."""
    monkeypatch.setattr(patience, "_SIGN_OF_LIFE_S", 0.01)


@pytest.fixture
def wait_for(tmp_path: Path) -> Callable[..., Patience]:
    """Look at a process until patience ends, or two seconds are over."""

    def wait(process: ProcessState, say: Callable[[str], None] = lambda line: None) -> Patience:
        found = Patience(0.5, lambda name: tmp_path / f"{name}.log", say)
        end = time.monotonic() + 2
        while time.monotonic() < end and not found.is_over:
            found.look([process])
        return found

    return wait


@pytest.mark.usefixtures("any_work_counts")
def test_a_process_that_works_is_waited_for_beyond_the_deadline(
    process: Callable[[str], ProcessState],
    wait_for: Callable[..., Patience],
) -> None:
    assert not wait_for(process(BUSY)).is_over


def test_a_process_that_does_nothing_is_given_up(
    process: Callable[[str], ProcessState],
    wait_for: Callable[..., Patience],
) -> None:
    found = wait_for(process(IDLE))

    assert found.is_over and found.waited_s >= 0.5


@pytest.mark.usefixtures("any_work_counts")
def test_patience_has_an_end_all_the_same(
    process: Callable[[str], ProcessState],
    wait_for: Callable[..., Patience],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "_LONGEST", 1)

    assert wait_for(process(BUSY)).is_over


def test_what_is_waited_for_is_told(
    process: Callable[[str], ProcessState],
    wait_for: Callable[..., Patience],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "_TELL_AFTER_S", 0.0)
    (tmp_path / "rl-worker-0.log").write_text("starting\ncompiling, once for this machine\n")
    said: list[str] = []

    wait_for(process(IDLE), said.append)

    assert said == ["waiting for rl-worker-0: compiling, once for this machine"]
