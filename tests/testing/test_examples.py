"""The packages in `examples/` are installed by pip, pass their own tests, and run."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import amc

EXAMPLES = Path(amc.__file__).parents[1] / "examples"
PACKAGES = sorted(path.parent.name for path in EXAMPLES.glob("*/pyproject.toml"))
# What the best trial of each config reaches at least, well above what an untrained agent does.
REACHED = {
    "environment": -30,
    "wrapper": 100,
    "algorithm": 100,
    "optimizer": 100,
    "trainer": 0.9,
}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_all_that_a_reader_looks_for(package: str):
    folder = EXAMPLES / package

    readme = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    tests = "".join(path.read_text(encoding="utf-8") for path in folder.glob("test_*.py"))

    assert len(readme) <= 30
    assert re.search(r"^from amc\.testing import \w+Suite$", tests, re.MULTILINE)
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["training"]


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(600)
@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_installed_passes_its_tests_and_runs(package: str, tmp_path: Path):
    # Not in its place: a build leaves things behind, and what is tested is what was installed.
    source, site = tmp_path / "source", tmp_path / "site"
    shutil.copytree(EXAMPLES / package, source, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AMC_")}
    environment |= {
        "PYTHONPATH": str(site),
        "AMC_SHARED_DIR": str(tmp_path / "shared"),
        "OMP_NUM_THREADS": "1",
    }

    def python(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=source,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    python("pip", "install", "--no-deps", "--no-build-isolation", "--target", str(site), ".")
    for path in source.glob("*.py"):
        if not path.name.startswith("test_"):
            path.unlink()
    passed = python("pytest", "-q", "-W", "error", "-p", "no:cacheprovider")
    result: dict[str, Any] = json.loads(
        python("amc", "run", "config.json", "--workers", "1", "--json")
    )

    assert re.search(r"\d+ passed", passed)
    assert {trial["state"] for trial in result["trials"]} <= {"completed", "halted"}
    assert result["best"]["score"] > REACHED[package]
