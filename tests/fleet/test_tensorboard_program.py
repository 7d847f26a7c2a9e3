import base64
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from urllib.request import urlopen

import pytest

from amc.errors import UsageError
from amc.fleet import tensorboard_program
from amc.fleet.tensorboard_program import link, serve
from amc.training.tensorboard import TensorBoard, write_experiment


def record(shared: Path, experiment: str, n_trials: int = 1) -> Path:
    """Event files as an experiment leaves them."""
    directory = shared / experiment
    write_experiment(directory / "tensorboard", {})
    for number in range(n_trials):
        run = directory / "tensorboard" / f"{number:04}"
        with TensorBoard(run, attempt=1) as board:
            board.scalars(1, {"train/loss": 1.0})
    return directory


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """An empty directory for links."""
    directory = tmp_path / "runs"
    directory.mkdir()
    return directory


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_every_experiment_has_a_link_and_nothing_else_has(tmp_path: Path, runs: Path) -> None:
    shared = tmp_path / "shared"
    for name in ("x-1", "y-1"):
        record(shared, name)
    (shared / ".fleet" / "tensorboard").mkdir(parents=True)
    (shared / "no-events").mkdir()

    link(shared, runs)

    assert sorted(path.name for path in runs.iterdir()) == ["x-1", "y-1"]
    assert (runs / "x-1" / "0000").is_dir()


def test_links_follow_what_is_submitted_and_removed(tmp_path: Path, runs: Path) -> None:
    shared = tmp_path / "shared"
    record(shared, "x-1")
    link(shared, runs)

    (shared / "x-1").rename(tmp_path / "elsewhere")
    record(shared, "x-2")
    link(shared, runs)

    assert [path.name for path in runs.iterdir()] == ["x-2"]


def test_one_experiment_may_be_shown_alone(tmp_path: Path, runs: Path) -> None:
    shared = tmp_path / "shared"
    for name in ("x-1", "y-1"):
        record(shared, name)

    link(shared, runs, "y-1")

    assert [path.name for path in runs.iterdir()] == ["y-1"]


def test_a_shared_directory_that_is_not_there_yet_has_no_runs(tmp_path: Path, runs: Path) -> None:
    link(tmp_path / "nothing", runs)

    assert not list(runs.iterdir())


def test_where_there_are_many_runs_the_address_ticks_some_of_the_newest(
    tmp_path: Path, runs: Path
) -> None:
    record(tmp_path / "shared", "x-1", 45)
    link(tmp_path / "shared", runs)

    ticked = tensorboard_program._ticked(runs)

    _, _, text = ticked.partition("runSelectionState=")
    names = json.loads(base64.b64decode(unquote(text)))
    assert list(names)[:2] == ["x-1", "x-1/0000"] and all(names.values())
    assert len(ticked) < 300


def test_of_few_runs_none_is_ticked_all_are_shown(tmp_path: Path, runs: Path) -> None:
    record(tmp_path / "shared", "x-1", 3)
    link(tmp_path / "shared", runs)

    assert tensorboard_program._ticked(runs) == ""


def test_a_port_that_is_taken_is_refused_with_what_to_do(tmp_path: Path, taken: int) -> None:
    with pytest.raises(UsageError, match=rf"port {taken}: something else .* --port {taken + 1}"):
        serve(tmp_path, port=taken)


def test_without_a_port_the_next_free_one_is_taken(
    monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    monkeypatch.setattr(tensorboard_program, "DEFAULT_PORT", taken)

    assert tensorboard_program._free("127.0.0.1", None) > taken


@pytest.mark.slow
def test_runs_have_short_names_and_a_signal_leaves_nothing_behind(tmp_path: Path) -> None:
    record(tmp_path / "shared", "x-1", 2)
    port = tensorboard_program._free("127.0.0.1", None)
    command = [sys.executable, "-m", "amc", "tensorboard", "x-1", "--port", str(port)]
    environment = {"AMC_SHARED_DIR": str(tmp_path / "shared"), "TMPDIR": str(tmp_path)}
    (tmp_path / "shared" / "x-1" / "experiment.json").write_text("{}")

    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with urlopen(f"http://127.0.0.1:{port}/data/runs", timeout=20) as answer:
            names = json.load(answer)
        links = list(tmp_path.glob("amc-tensorboard-*"))
        process.terminate()

    assert address.startswith(f"http://127.0.0.1:{port}/#custom_scalars")
    assert sorted(names) == ["x-1", "x-1/0000", "x-1/0001"]
    assert process.returncode == 0
    assert len(links) == 1 and not links[0].exists()
