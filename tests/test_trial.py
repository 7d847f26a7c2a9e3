"""What a training script imports."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import amc
from amc import trial

FILE = Path(trial.__file__)


@pytest.fixture
def fresh(monkeypatch):
    """As in a process that has not asked for its trial yet."""
    monkeypatch.setattr(trial, "_current", None)


@pytest.fixture
def told(tmp_path, monkeypatch, fresh):
    facts = {
        "trial": 3,
        "hyperparameters": {"lr": 0.1},
        "seed": 5,
        "from_step": 100,
        "until": 500,
        "horizon": 1000,
        "checkpoint": str(tmp_path / "model"),
        "directory": str(tmp_path),
        "report": str(tmp_path / "reports.jsonl"),
        "stop": str(tmp_path / "stop"),
    }
    path = tmp_path / "trial.json"
    path.write_text(json.dumps(facts))
    monkeypatch.setenv("AMC_TRIAL", str(path))
    return tmp_path


def lines(directory):
    return [json.loads(line) for line in (directory / "reports.jsonl").read_text().splitlines()]


def test_the_module_knows_its_trial(told):
    assert trial.hyperparameters == {"lr": 0.1}
    assert (trial.number, trial.seed, trial.from_step, trial.until) == (3, 5, 100, 500)
    assert (trial.checkpoint, trial.directory) == (told / "model", told)
    assert trial.current() is trial.current()


def test_reports_are_lines_of_plain_numbers(told):
    import numpy as np

    trial.report(np.int64(200), np.float32(0.5), loss=np.float64(0.25))
    trial.report(300)

    assert lines(told) == [{"step": 200, "score": 0.5, "loss": 0.25}, {"step": 300}]


def test_what_is_saved_is_copied_before_the_next_line_runs(told):
    model, agent = told / "model.zip", told / "agent"
    model.write_text("first")
    agent.mkdir()
    (agent / "weights").write_text("1")

    trial.report(200, 1)
    trial.save(model)
    model.write_text("second")
    trial.save(agent, step=250)

    first, second = lines(told)[1:]
    assert (first["step"], second["step"]) == (200, 250)
    assert Path(first["checkpoint"]).name == "model.zip"
    assert Path(first["checkpoint"]).read_text() == "first"
    assert (Path(second["checkpoint"]) / "weights").read_text() == "1"


@pytest.mark.timeout(20)
def test_what_cannot_be_saved_leaves_no_half_of_a_copy(told):
    (told / "agent").mkdir()
    (told / "agent" / "again").symlink_to(".")
    os.mkfifo(told / "pipe")

    for path, error in (
        (told / "agent", ValueError),
        (told / "pipe", FileNotFoundError),
        (Path("/dev/zero"), FileNotFoundError),
        (told / "gone", FileNotFoundError),
    ):
        with pytest.raises(error):
            trial.save(path)

    assert list((told / "saved").iterdir()) == []


def test_it_is_told_to_stop_by_a_file(told):
    before = trial.should_stop()
    (told / "stop").touch()

    assert (before, trial.should_stop()) == (False, True)


def test_without_amc_around_a_script_runs_as_ever(monkeypatch, capsys, fresh):
    monkeypatch.delenv("AMC_TRIAL", raising=False)

    trial.report(100, 2.5, loss=1)
    trial.save("model.zip")

    assert trial.hyperparameters == {} and trial.checkpoint is None and trial.until is None
    assert trial.should_stop() is False
    assert capsys.readouterr().out.splitlines()[0] == "step 100 score 2.5 loss 1.0"


def test_what_a_trial_does_not_have_is_no_attribute(told):
    with pytest.raises(AttributeError, match="learning_rate"):
        _ = trial.learning_rate


def test_it_needs_nothing_but_python(tmp_path):
    copy = tmp_path / "trial.py"
    copy.write_bytes(FILE.read_bytes())

    found = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path[:0] = [{str(tmp_path)!r}]\nimport trial; trial.report(1, 2)",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={},
    )

    assert found.stdout == "step 1 score 2.0\n"


def test_importing_it_loads_nothing_of_amc():
    code = (
        f"import sys; sys.path.insert(0, {str(Path(amc.__file__).parents[1])!r})\n"
        "from amc import trial\n"
        "print(*sorted(name for name in sys.modules if name.startswith('amc')))"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.split() == ["amc", "amc.trial", "amc.version"]
