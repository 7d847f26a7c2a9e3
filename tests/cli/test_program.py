import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from amc import cli
from amc.errors import AmcError, BrokerError, UsageError
from amc.version import VERSION


def program_that(raises: BaseException) -> cli.CommandGroup:
    """A program with one command, which raises."""

    @click.command("go")
    def go() -> None:
        raise raises

    return cli.CommandGroup("amc", commands=[go])


def test_help_lists_every_command_with_what_it_does():
    outcome = CliRunner().invoke(cli.main, ["--help"])

    assert outcome.exit_code == 0
    for name, text in cli.COMMANDS.items():
        assert f"{name} " in outcome.output
        assert text in outcome.output


def test_the_version_is_told():
    outcome = CliRunner().invoke(cli.main, ["--version"])

    assert outcome.output == f"amc {VERSION}\n"


def test_a_mistyped_command_is_answered_with_the_one_that_was_meant():
    outcome = CliRunner().invoke(cli.main, ["sumbit", "x.json"])

    assert outcome.exit_code == 2
    assert "Did you mean 'submit'?" in outcome.stderr
    assert outcome.stdout == ""


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("runn", "Did you mean 'run'?"),
        ("statsu", "Did you mean 'status'?"),
        ("Submit", "Did you mean 'submit'?"),
        ("start", "Did you mean 'up' or 'run'?"),
        ("stop", "Did you mean 'down' or 'cancel'?"),
        ("list", "Did you mean 'ls'?"),
        ("kill", "Did you mean 'cancel'?"),
        ("tune", "Did you mean 'run'?"),
        ("optimise", "Did you mean 'run'?"),
        ("experimnets", "Did you mean 'ls'?"),
        ("version", "Did you mean '--version'?"),
        ("configs/x.json", "Did you mean 'run FILE' or 'validate FILE'?"),
        ("qqqq", "There are: init, validate, run, "),
        ("", "There are: init, validate, run, "),
        ("x\x1b[2J" * 1000, "There are: init, validate, run, "),
    ],
)
def test_the_words_of_other_programs_are_answered_with_ours(word: str, told: str):
    outcome = CliRunner().invoke(cli.main, [word])

    assert outcome.exit_code == 2
    assert told in outcome.stderr
    assert all(line.isprintable() for line in outcome.stderr.splitlines())
    assert len(outcome.stderr) < 500


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_every_command_is_meant_by_its_misspelling(command: str):
    misspelled = command + command[-1]

    outcome = CliRunner().invoke(cli.main, [misspelled])

    assert f"Did you mean '{command}'?" in outcome.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("no"), 2), (BrokerError("no"), 3), (AmcError("no"), 1)],
)
def test_an_expected_error_is_one_line_and_the_exit_code_of_its_class(error: AmcError, code: int):
    outcome = CliRunner().invoke(program_that(error), ["go"])

    assert outcome.exit_code == code
    assert outcome.stderr == "amc: no\n"
    assert outcome.stdout == ""


def test_ctrl_c_exits_with_130():
    outcome = CliRunner().invoke(program_that(KeyboardInterrupt()), ["go"])

    assert outcome.exit_code == 130
    assert "interrupted" in outcome.stderr


def test_a_fault_of_the_machine_is_one_line():
    error = PermissionError(errno.EACCES, "Permission denied", "/somewhere")

    outcome = CliRunner().invoke(program_that(error), ["go"])

    assert outcome.exit_code == 1
    assert outcome.stderr == "amc: [Errno 13] Permission denied: '/somewhere'\n"


def test_a_bug_keeps_its_traceback():
    outcome = CliRunner().invoke(program_that(ZeroDivisionError()), ["go"])

    assert isinstance(outcome.exception, ZeroDivisionError)


def test_a_reader_that_goes_away_is_no_error(make_experiment: Callable[..., object], shared: Path):
    make_experiment(1.0, 2.0)
    process = subprocess.Popen(
        [sys.executable, "-m", "amc", "ls", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    process.wait()

    assert said == ""


def test_every_option_is_a_variable_too(amc, make_experiment, monkeypatch: pytest.MonkeyPatch):
    make_experiment(1.0, 2.0, end=None)
    monkeypatch.setenv("AMC_LS_JSON", "1")
    monkeypatch.setenv("AMC_WATCH_TIMEOUT", "0")

    listed, watched = amc("ls"), amc("watch")

    assert listed.stdout.startswith("[")
    assert watched.exit_code == 5


def test_completion_knows_the_commands():
    environment = {**os.environ, "_AMC_COMPLETE": "bash_complete", "COMP_WORDS": "amc sh"}

    process = subprocess.run(
        [Path(sys.executable).with_name("amc")],
        env={**environment, "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
    )

    assert process.stdout.split() == ["plain,show"]


def test_a_signal_during_a_command_ends_it_without_a_traceback(
    make_experiment: Callable[..., object], shared: Path
):
    make_experiment(1.0, end=None)
    process = subprocess.Popen(
        [sys.executable, "-m", "amc", "watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)

    assert first == "round 0\n"
    assert process.returncode == 130
    assert "cartpole-1 goes on" in said
    assert "Traceback" not in said
