"""What README and docs show as code runs as it stands, in a place where somebody has worked."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import amc

ROOT = Path(amc.__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# The tutorial has a test of its own. Of the others, what takes another machine or is run elsewhere:
ELSEWHERE = {
    "make dist-cartpole": "how a fresh clone is tried, by .ci/run and by hand",
    ".venv/bin/amc run": "the same; what the commands do is held by tests/cli",
    "amc up --workers 4 --gpus": "four GPUs; its commands are tried one by one in tests/cli",
    "docker compose up": "a Docker engine",
    "ppo=cart-1,pend-1": "experiments in two environments; held by tests/comparing",
}


def blocks() -> Iterator[tuple[str, str, str]]:
    """Page, language and text of each block that is run."""
    for page in PAGES:
        if page.name == "tutorial.md":
            continue
        for language, text in re.findall(
            r"^```(bash|python)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S
        ):
            if not any(words in text for words in ELSEWHERE):
                yield page.name, language, text


def test_what_is_not_run_here_is_still_written_somewhere():
    written = "".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert [words for words in ELSEWHERE if words not in written] == []


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
def test_every_block_runs(tmp_path: Path):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AMC_")},
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "BROWSER": "true",
    }

    def run(*command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    (tmp_path / "configs").symlink_to(ROOT / "configs")
    amc_ = str(PROGRAMS / "amc")
    small = ["--set", "training.total_timesteps=4096", "--set", "training.eval_freq=1024"]
    search = ["configs/cartpole_distributed.json", "--set", "experiment_name=cartpole", *small]
    wrong = []
    try:
        assert run(amc_, "up", "--workers", "2").returncode == 0
        for _ in range(2):
            done = run(
                amc_, "submit", "--wait", *search, "--set", "hyperparameter_optimizer.n_calls=8"
            )
            assert done.returncode == 0, done.stderr
        assert run(
            amc_, "train", "configs/presets/ppo_cartpole.json", *small, "--out", "runs/cartpole"
        )
        assert run(amc_, "export", "cartpole-1", "--optuna").returncode == 0
        assert run(amc_, "enjoy", "cartpole-1", "--video", "best.mp4").returncode == 0

        for page, language, text in blocks():
            program = ("bash", "-ec") if language == "bash" else (sys.executable, "-c")
            done = run(*program, text)
            if done.returncode:
                wrong.append(f"{page}:\n{text}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}")
    finally:
        run(amc_, "down")

    assert not wrong, "\n\n".join(wrong)
