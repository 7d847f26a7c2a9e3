"""Signals that ask a command to end."""

import io
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from amc.cli.interruption import ENDING, Interruption, as_ctrl_c, ask_again
from amc.cli.live import follow
from amc.client import experiment
from amc.ledger import Ledger


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_that_some_code_let_pass_interrupts_at_the_next_look(number: signal.Signals):
    with pytest.raises(Interruption) as caught, as_ctrl_c():
        with suppress(Interruption):
            signal.raise_signal(number)
        ask_again()

    assert caught.value.exit_code == 128 + number


def test_whoever_follows_an_experiment_is_interrupted_though_the_signal_was_dropped(
    make_experiment: Callable[..., Ledger],
):
    running = experiment(make_experiment(0.5, 0.7, end=None).id)

    def drop_a_signal() -> None:
        with suppress(Interruption):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interruption), as_ctrl_c():
        follow(running, Console(file=io.StringIO()), timeout_s=60, at_each_look=drop_a_signal)


def test_a_signal_that_came_into_a_callback_prints_nothing(capfd: pytest.CaptureFixture[str]):
    class Watched:
        pass

    with pytest.raises(Interruption), as_ctrl_c():
        watched = Watched()
        watcher = weakref.ref(watched, lambda _: signal.raise_signal(signal.SIGINT))
        del watched
        assert watcher() is None
        ask_again()

    assert capfd.readouterr().err == ""


def test_ctrl_c_in_the_midst_of_text_that_is_executed_ends_with_its_exit_code(tmp_path: Path):
    (tmp_path / "program.py").write_text(
        "import signal, sys\n"
        "from amc.cli.interruption import Interruption, as_ctrl_c\n"
        "try:\n"
        "    with as_ctrl_c():\n"
        "        exec('signal.raise_signal(signal.SIGINT)')\n"
        "except Interruption as error:\n"
        "    sys.exit(error.exit_code)\n"
    )

    finished = subprocess.run([sys.executable, "-m", "program"], cwd=tmp_path, timeout=60)

    assert finished.returncode == 130


def test_without_a_signal_nothing_is_interrupted():
    with as_ctrl_c():
        ask_again()
