"""A SIGKILL is the kernel's, for want of memory, only if the kernel counts one just now."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from amc.workers import memory
from amc.workers.memory import OomKills, resident_bytes_below


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A control group's file of events, in place of the real one."""
    file = tmp_path / "memory.events"
    file.write_text("low 0\nhigh 12\noom 4\noom_kill 3\n")
    monkeypatch.setattr(memory, "_counters", lambda: iter([tmp_path / "absent", file]))
    return file


def test_kills_of_before_explain_nothing(counter: Path) -> None:
    assert not OomKills().was_just_now()


def test_a_kill_meanwhile_explains_a_death(counter: Path) -> None:
    kills = OomKills()

    counter.write_text("oom_kill 4\n")

    assert kills.was_just_now()


def test_a_kill_that_was_seen_long_ago_was_somebody_elses(
    counter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = OomKills()
    counter.write_text("oom_kill 4\n")
    kills.look()

    monkeypatch.setattr(memory, "_RECENT_S", 0.0)

    assert not kills.was_just_now()


def test_this_machine_has_a_counter() -> None:
    kills = OomKills()

    kills.look()

    assert any(memory._read(path) is not None for path in memory._counters())


def test_what_a_program_has_started_counts_with_it() -> None:
    hoard = f"{sys.executable} -c 'hoard = b\"x\" * (64 << 20); print(1, flush=True); input()'; :"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}

    with subprocess.Popen(["sh", "-c", hoard], **pipes) as shell:
        shell.stdout.readline()
        used = resident_bytes_below(os.getpid())
        shell.communicate(b"\n")

    assert used > 64 << 20
