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
    *("build", "dist-restart", "dist-follow", "dist-clean", "dist-shell", "wheels"),
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

    assert "amc up --workers 8 --gpus 0,1,2,3 --if-down\n" in commands


def test_a_number_in_the_target_is_the_number_of_workers():
    commands = make("-n", "dist-8", "CONFIG=my.json")

    assert "amc up --workers 8" in commands
    assert "amc submit configs/my.json" in commands


def test_cartpole_is_trained_in_one_command_with_the_workers_that_are_up_or_its_own():
    commands = make("-n", "dist-cartpole")

    assert "amc run configs/cartpole_distributed.json\n" in commands


def test_the_development_environment_brings_every_dashboard():
    commands = make("-n", "dist-quick-dev", "WORKERS=2")

    assert "amc up --workers 2 --flower --tensorboard --jupyter\n" in commands


def test_a_restart_stops_the_workers_before_it_starts_them():
    commands = make("-n", "dist-restart", "WORKERS=2")

    assert re.search(r"amc down\n.*amc up --workers 2", commands)


def test_cleaning_up_leaves_experiments_alone():
    commands = make("-n", "dist-clean")

    assert re.search(r"amc down --clean\n", commands)
    assert "rm " not in commands


def test_the_image_gets_the_index_that_the_install_would_use():
    plain = make("-n", "build")
    cpu = make("-n", "build", "PIP_EXTRA_INDEX_URL=https://index/cpu")

    assert "docker build --tag ai-mission-control" in plain
    assert "PIP_EXTRA_INDEX_URL" not in plain
    assert "--build-arg PIP_EXTRA_INDEX_URL=https://index/cpu ." in cpu


def test_a_shell_has_amc_on_its_path_where_no_container_runs():
    process = subprocess.run(
        ["make", "--silent", "--old-file=install", "dist-shell", f"VENV={sys.prefix}"],
        cwd=ROOT,
        # An engine that is not there: the tests may run beside one whose fleet is up.
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere", "SHELL": "/bin/sh"},
        input="command -v amc\n",
        capture_output=True,
        text=True,
    )

    assert process.stdout.strip() == f"{sys.prefix}/bin/amc", process.stderr


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
