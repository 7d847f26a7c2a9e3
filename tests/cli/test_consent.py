"""A command or a function that a config names: asked for once, taken by --allow, else refused."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result as Outcome

from amc.cli.consent import permit
from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.permission import require_allowed
from tests.experiments import of_command

_RUN_SH = ["./run.sh", "--lr", "{learning_rate}", "a\nb\x1b[2J"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> ExperimentConfig:
    for name in ("AMC_ALLOW_COMMANDS", "AMC_ALLOW_MODULES"):
        monkeypatch.setenv(name, "")  # so that what is permitted goes with the test
    return of_command(command=_RUN_SH, env={"NAME": "none", "HOME": None}, source="/code")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What somebody types on a terminal."""
    return lambda text: monkeypatch.setattr(sys, "stdin", Terminal(text))


def test_a_yes_on_a_terminal_allows_the_command_and_no_other(
    config: ExperimentConfig, typed: Callable[[str], None], capsys: pytest.CaptureFixture[str]
):
    typed("y\n")

    permit(config, is_agreed=False)

    asked = capsys.readouterr()
    require_allowed(config)
    with pytest.raises(UsageError):
        require_allowed(of_command(command=["./run.sh"]))
    assert asked.out == ""
    assert "This config runs `NAME=none ./run.sh --lr '{learning_rate}' 'a\\nb" in asked.err
    assert "on this machine, in /code. Run it? [y/N]" in asked.err
    assert "\x1b" not in asked.err and asked.err.count("\n") <= 1


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_anything_but_a_yes_refuses_it(
    config: ExperimentConfig, typed: Callable[[str], None], answer: str
):
    typed(answer)

    with pytest.raises(UsageError, match="was not allowed to run here"):
        permit(config, is_agreed=False)

    with pytest.raises(UsageError):
        require_allowed(config)


def test_without_a_terminal_nobody_is_asked(
    config: ExperimentConfig, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))

    with pytest.raises(UsageError, match="AMC_ALLOW_COMMANDS="):
        permit(config, is_agreed=False)


def test_who_agreed_before_is_not_asked(config: ExperimentConfig, typed: Callable[[str], None]):
    typed("n\n")

    permit(config, is_agreed=True)

    require_allowed(config)


def test_a_function_is_permitted_beside_the_modules_that_are_allowed(
    config: ExperimentConfig, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "plug_in")
    function = of_command(command=None, trainer="my_code.here:train")

    permit(function, is_agreed=True)

    require_allowed(function)
    with pytest.raises(UsageError):
        require_allowed(of_command(command=None, trainer="my_code:train"))


@pytest.mark.parametrize("verb", ["run", "train"])
@pytest.mark.parametrize("smuggled", [False, True])
def test_a_command_line_without_a_terminal_refuses_before_anything_runs(
    amc: Callable[..., Outcome], tmp_path: Path, verb: str, smuggled: bool
):
    traces = tmp_path / "was-here"
    path = tmp_path / "own.json"
    own = {"algorithm": "command", "command": ["touch", str(traces)]}
    base = {"experiment_name": "own", "training": {"total_timesteps": 100}}
    path.write_text(json.dumps(base if smuggled else {**base, **own}))
    sets = [word for key, text in own.items() for word in ("--set", f"{key}={json.dumps(text)}")]

    outcome = amc(verb, path, *(sets if smuggled else ()))

    assert outcome.exit_code == UsageError.exit_code, outcome.output
    assert "was not allowed to run here. Allow it: --allow" in outcome.stderr
    assert not traces.exists() and not (tmp_path / "runs").exists()
