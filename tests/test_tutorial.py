"""The tutorial is true: its blocks are run in order, as somebody would type them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import amc
import amc.cli

TUTORIAL = (Path(amc.__file__).parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")
PROGRAMS = Path(sys.executable).parent


def blocks() -> Iterator[list[str]]:
    """The command line of each block that is run."""
    for language, text in re.findall(r"^```(bash|python)\n(.*?)^```", TUTORIAL, re.M | re.S):
        yield ["bash", "-ec", text] if language == "bash" else [sys.executable, "-c", text]


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
def test_every_block_does_what_it_is_said_to(tmp_path: Path):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AMC_")},
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "AMC_SHARED_DIR": str(tmp_path / "shared"),
    }
    said = []

    try:
        for command in blocks():
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
            said.append(done.stdout)
    finally:
        subprocess.run([PROGRAMS / "amc", "down"], env=environment, cwd=tmp_path, check=False)

    whole = "".join(said)
    assert "sound: " in whole
    assert "digest    holds" in whole
    assert (tmp_path / "best.mp4").stat().st_size > 1000
    assert (tmp_path / "cartpole.html").stat().st_size < 3_000_000
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"README.md", "replay.mp4"}
    assert {path.name for path in (tmp_path / "data").iterdir()} == {
        "evaluations.csv",
        "trials.csv",
    }
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_it_takes_the_whole_way_and_asks_for_nothing_that_is_not_there():
    text = "\n".join(command[-1] for command in blocks())

    named = set(re.findall(r"\bamc ([a-z-]+)", text))

    assert named <= set(amc.cli.COMMANDS)
    assert {"init", "run", "report", "enjoy", "verify", "compare", "package", "extend"} <= named
