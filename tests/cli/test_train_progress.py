"""The progress of `amc train`: a bar on a terminal, plain lines elsewhere."""

import os
import pty
import re
from contextlib import redirect_stderr, suppress
from dataclasses import replace

import pytest

from amc.cli.train_progress import progress
from amc.training.curve import Evaluation

POINT = Evaluation(step=128, score=21.5, std=2.0, episodes=10, length=21.5, seconds=1.0)


@pytest.fixture
def terminal(monkeypatch):
    """A function that trains with a real terminal as standard error and returns what it showed."""
    monkeypatch.setenv("TERM", "xterm-256color")
    reader, writer = pty.openpty()

    def show(*arguments):
        with os.fdopen(writer, "w") as stream, redirect_stderr(stream):
            train(*arguments)
        return b"".join(everything()).decode()

    def everything():
        # A read gives what the kernel has passed on by then, which may be a part.
        with suppress(OSError):  # EIO: the writer was closed, and nothing is left
            while chunk := os.read(reader, 1 << 16):
                yield chunk

    yield show
    os.close(reader)


def train(total_timesteps=256):
    with progress(total_timesteps) as watcher:
        for step in range(total_timesteps):
            watcher.mark("step", step)
        watcher.evaluation(POINT)


def test_a_terminal_gets_a_bar(terminal):
    shown = terminal()

    assert "128/256 steps" in shown
    assert "score 21.5 ± 2.0" in shown


def test_no_color_is_honoured(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    shown = terminal()

    assert "128/256 steps" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-8][0-9;]*m", shown)


def test_a_pipe_gets_a_line_per_evaluation_and_nothing_else(capsys):
    train()

    out, err = capsys.readouterr()
    assert out == ""
    assert err == "step 128/256  score 21.5 ± 2.0\n"


def test_without_evaluations_a_pipe_gets_a_line_per_checkpoint(capsys):
    with progress(256, evaluates=False) as watcher:
        for kind, step in (("step", 64), ("save", 64), ("update", 128), ("save", 256)):
            watcher.mark(kind, step)

    assert capsys.readouterr().err == "step 64/256  saved\nstep 256/256  saved\n"


def test_episodes_that_were_cut_off_are_told(capsys):
    with progress(256) as watcher:
        watcher.evaluation(replace(POINT, cut=2))

    assert capsys.readouterr().err == "step 128/256  score 21.5 ± 2.0, 2 episodes cut off\n"


def test_thousands_of_marks_redraw_a_few_times_only(terminal):
    shown = terminal(20_000)

    assert 0 < shown.count("/20,000 steps") < 20
