"""The notebooks run from top to bottom, and show what they say."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from amc.settings import embedded_directory

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shared directory that holds a small search, finished."""
    monkeypatch.setenv("AMC_SHARED_DIR", str(tmp_path))
    monkeypatch.setenv("AMC_BROKER_URL", "")
    # envpool, once imported, has set it, and a notebook then shows no picture.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    sets = ("hyperparameter_optimizer.n_calls=4", "training.total_timesteps=2048")
    config = str(ROOT / "configs" / "cartpole_distributed.json")
    command = [sys.executable, "-m", "amc", "run", config, "--workers", "2", "--gpus", "none"]
    for assignment in (*sets, "training.eval_freq=1024"):
        command += ["--set", assignment]
    subprocess.run(command, env=os.environ, check=True, capture_output=True)
    shutil.rmtree(embedded_directory(tmp_path), ignore_errors=True)
    return tmp_path


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(300)
def test_a_notebook_shows_the_latest_experiment(searched: Path, tmp_path: Path) -> None:
    (path,) = NOTEBOOKS
    notebook = nbformat.read(path, as_version=4)

    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=place).execute()

    outputs = [item for cell in notebook.cells for item in cell.get("outputs", [])]
    said = "".join(item.get("text", "") for item in outputs)
    drawn = [item for item in outputs if "image/png" in item.get("data", {})]
    assert "cartpole_distributed-1 completed" in said
    assert "learning_rate = " in said
    assert len(drawn) == 5, "scores, curves, importance, slices, and scores again, live"
    assert "<Agent ppo in CartPole-v1" in said
    films = [item for item in outputs if "<video" in item.get("data", {}).get("text/html", "")]
    assert len(films) == 1 and "data:video/mp4;base64," in films[0]["data"]["text/html"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]

    assert not any(cell.outputs or cell.execution_count for cell in code)
