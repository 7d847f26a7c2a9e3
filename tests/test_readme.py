"""The README is short and true: what it tells people to type exists."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import amc
from amc.cli import COMMANDS, main
from amc.config.loader import ConfigLoader

ROOT = Path(amc.__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FLEET = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def command_lines(program: str) -> Iterator[list[str]]:
    """Every command line of the README that calls a program."""
    for block in blocks(README, "bash"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            words = [word for word in words if not re.fullmatch(r"[A-Z_]+=\S*", word)]
            if words and Path(words[0]).name == program:
                yield words


def test_it_is_under_two_hundred_lines_and_runs_something_by_line_forty() -> None:
    lines = README.splitlines()

    assert len(lines) < 200
    assert "make dist-cartpole" in "\n".join(lines[:40])


def test_its_make_targets_exist() -> None:
    targets = make_targets()

    named = {word for words in command_lines("make") for word in words[1:2]}
    named |= set(re.findall(r"`(?:make )?((?:dist-[a-z]+|test-all|check|bench)[a-z-]*)", README))

    assert {"dist-cartpole", "test"} <= named
    assert named - {"dist-"} <= targets


@pytest.mark.parametrize("words", list(command_lines("amc")), ids=" ".join)
def test_its_commands_and_options_exist(words: list[str]) -> None:
    name = words[1]
    assert name in COMMANDS

    command = main.get_command(click.Context(main), name)

    assert command is not None
    with command.make_context(name, words[2:], resilient_parsing=True) as context:
        known = {option for item in context.command.params for option in item.opts}
    assert {word for word in words[2:] if word.startswith("--")} <= known


def test_its_config_loads() -> None:
    (text,) = blocks(README, "json")

    config = ConfigLoader().from_mapping(json.loads(text))

    assert config.experiment_name == "ppo_cartpole_experiment"


def test_its_python_names_what_there_is() -> None:
    (text,) = blocks(README, "python")

    compile(text, "README.md", "exec")
    for name in re.findall(r"\bamc\.(\w+)", text):
        assert hasattr(amc, name)
    for name in re.findall(r"\bexperiment\.(\w+)", text):
        assert hasattr(amc.Experiment, name)


def test_its_configs_are_shipped() -> None:
    named = set(re.findall(r"configs/\w+\.json", README))

    assert named == {f"configs/{path.name}" for path in (ROOT / "configs").glob("*.json")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_table_of_older_commands_names_what_there_is() -> None:
    rows = [line.split(" | ") for line in FLEET.splitlines() if line.startswith("| `")]
    ours = " ".join(row[1] for row in rows if len(row) == 3)

    made = set(re.findall(r"`make (?!dist-8)([a-z-]+)", ours))
    typed = set(re.findall(r"`amc ([a-z]+)", ours))

    assert {"build", "dist-shell", "dist-clean", "dist-restart", "dist-follow"} <= made
    assert made <= make_targets()
    assert {"train", "validate", "down"} <= typed <= set(COMMANDS)


@pytest.mark.slow
def test_the_programmatic_names_of_the_table_hold(tmp_path: Path) -> None:
    (text,) = blocks(FLEET, "python")
    text += "print(result.state, len(suggestions), {name for item in suggestions for name in item})"
    (tmp_path / "configs").symlink_to(ROOT / "configs")

    process = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True
    )

    assert process.stdout == "completed 4 {'lr'}\n", process.stderr


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([a-z][a-z%-]*):", makefile, flags=re.MULTILINE))
