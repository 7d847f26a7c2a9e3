"""The Makefile's targets: what they would run, without running it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README_TARGETS = {
    *("help", "install", "test", "check", "clean", "dist-cartpole", "dist-start", "dist-stop"),
    *("dist-status", "dist-logs", "dist-logs-worker", "dist-logs-coordinator", "dist-quick-dev"),
}


def make(*arguments: str) -> str:
    """What `make` prints; variables of whoever runs the tests are kept out."""
    inherited = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "WORKERS", "CONFIG", "GPUS", "WORKER"}
    environment = {key: value for key, value in os.environ.items() if key not in inherited}
    command = ["make", "--no-print-directory", *arguments]
    process = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return process.stdout


def test_help_is_the_default_and_lists_every_target():
    listed = set(re.findall(r"^  ([a-z%-]+) ", make(), flags=re.MULTILINE))

    assert README_TARGETS <= listed


def test_every_target_says_what_it_does():
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z%-]+):(?!=)", text, flags=re.MULTILINE))

    listed = set(re.findall(r"^  ([a-z%-]+) ", make("help"), flags=re.MULTILINE))

    assert targets == listed


@pytest.mark.parametrize("config", ["x.json", "configs/x.json"])
def test_a_config_may_be_given_with_or_without_its_folder(config: str):
    commands = make("-n", "dist-start", f"CONFIG={config}")

    assert "amc submit configs/x.json" in commands


def test_a_config_that_lies_elsewhere_is_taken_as_it_is(tmp_path: Path):
    path = tmp_path / "mine.json"
    path.write_text("{}")

    commands = make("-n", "dist-start", f"CONFIG={path}")

    assert f"amc submit {path}\n" in commands


def test_workers_and_gpus_are_handed_on():
    commands = make("-n", "dist-start", "WORKERS=8", "GPUS=0,1,2,3")

    assert "amc up --workers 8 --gpus 0,1,2,3\n" in commands


def test_a_number_in_the_target_is_the_number_of_workers():
    commands = make("-n", "dist-8", "CONFIG=my.json")

    assert "amc up --workers 8" in commands
    assert "amc submit configs/my.json" in commands


def test_cartpole_is_trained_with_four_workers_in_one_command():
    commands = make("-n", "dist-cartpole")

    assert "amc run configs/cartpole_distributed.json --workers 4" in commands


def test_the_ci_script_does_what_make_check_does():
    script = (ROOT / ".ci/run").read_text()

    assert re.findall(r"^make (\w+)$", script, flags=re.MULTILINE) == ["lint", "test"]
    assert re.search(r"^check: lint test ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert os.access(ROOT / ".ci/run", os.X_OK)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_install_compiles_nothing_on_any_machine_that_is_supported():
    command = [sys.executable, str(ROOT / ".ci" / "wheels.py")]

    check = subprocess.run(command, capture_output=True, text=True)

    assert check.returncode == 0, check.stdout
    for python in supported_pythons():
        for machine in ("Linux x86-64", "Linux ARM64"):
            assert f"CPython {python}, {machine}: " in check.stdout


def test_every_python_from_3_11_to_3_14_is_claimed():
    assert supported_pythons() == ["3.11", "3.12", "3.13", "3.14"]


def supported_pythons() -> list[str]:
    """The versions that setup.cfg's classifiers claim."""
    text = (ROOT / "setup.cfg").read_text()
    return re.findall(r"^ +Programming Language :: Python :: (3\.\d+)$", text, re.MULTILINE)
