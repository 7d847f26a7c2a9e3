"""The script in `examples/script` is tuned as it stands, and with the five lines of its patch."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import amc

EXAMPLE = Path(amc.__file__).parents[1] / "examples" / "script"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy, since a patch changes it; a Git repository, within which Git would patch that."""
    copy = tmp_path / "script"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    subprocess.run(["git", "init", "--quiet"], cwd=copy, check=True)
    return copy


@pytest.fixture
def start(folder: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start a command of amc there, as a user who has set nothing."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AMC_")}

    def start_it(*words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "amc", *words],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start_it


def ended(process: "subprocess.Popen[str]") -> Any:
    """What it says in JSON."""
    said, complained = process.communicate()
    assert process.returncode == 0, said + complained
    return json.loads(said)


def run(config: str) -> tuple[str, ...]:
    return "run", config, "--workers", "2", "--allow", "--json"


def test_five_lines_are_five_and_nothing_is_taken_out():
    lines = (EXAMPLE / "five_lines.diff").read_text(encoding="utf-8").splitlines()[2:]

    added = [line[1:].strip() for line in lines if line.startswith("+") and line.strip() != "+"]

    assert len(added) == 5
    assert added[0] == "from amc import trial"
    assert not any(line.startswith("-") for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("patched", [False, True])
def test_by_hand_it_trains_as_ever(folder: Path, patched: bool):
    if patched:
        subprocess.run(["git", "apply", "five_lines.diff"], cwd=folder, check=True)

    subprocess.run(
        [sys.executable, "ppo.py", "--total-timesteps", "512"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )

    assert (folder / "model.pt").exists()
    assert list((folder / "runs").glob("*/events*"))


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(400)
def test_as_it_stands_it_is_tuned_by_what_it_tells_tensorboard(start):
    result = ended(start(*run("config.json")))

    assert [trial["state"] for trial in result["trials"]] == ["completed"] * 6
    assert result["best"]["score"] > 200


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(400)
def test_with_five_lines_it_is_pruned_and_goes_on_after_a_kill(
    folder: Path, start, eventually: Callable[..., Any]
):
    subprocess.run(["git", "apply", "five_lines.diff"], cwd=folder, check=True)

    search = start(*run("resumable.json"))
    victim, told = eventually(lambda: with_a_checkpoint(folder), 60)
    victim.kill()
    result = ended(search)

    states = [trial["state"] for trial in result["trials"]]
    again = json.loads((told.parents[1] / "0002" / "trial.json").read_text())
    assert set(states) == {"completed", "halted"}
    assert result["best"]["score"] > 200
    assert again["from_step"] > 0
    assert again["checkpoint"]
    ended(start("verify", result["experiment_id"], "--json"))


def with_a_checkpoint(folder: Path) -> tuple[psutil.Process, Path] | None:
    """A script at its first attempt that has saved, and the file that told it what to train."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            told = Path(process.environ().get("AMC_TRIAL", ""))
            if not told.is_relative_to(folder) or "ppo.py" not in " ".join(process.cmdline()):
                continue
            place = told.parents[2]
            if told.parent.name == "0001" and list(place.glob("checkpoints/*.sha256")):
                return process, told
    return None
