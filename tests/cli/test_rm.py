import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome

from amc.cli import main
from amc.ledger import Ledger
from amc.ledger.paths import CheckpointFile

Amc = Callable[..., Outcome]
Make = Callable[..., Ledger]


def answering(answer: str, *arguments: str) -> Outcome:
    return CliRunner().invoke(main, arguments, input=answer)


def test_it_says_how_much_that_is_and_asks(make_experiment: Make, shared: Path):
    make_experiment(1.0, 2.0)

    declined = answering("n\n", "rm", "cartpole-1")
    agreed = answering("y\n", "rm", "cartpole-1")

    assert "cartpole-1: completed, 2 trials, created" in declined.stderr
    assert "kB, for good? [y/N]" in declined.stderr
    assert "Nothing was removed" in declined.stderr
    assert (agreed.exit_code, agreed.stdout) == (0, "cartpole-1 removed\n")
    assert not (shared / "cartpole-1").exists()


@pytest.mark.slow
def test_several_go_at_once_and_none_if_one_may_not(amc: Amc, make_experiment: Make, shared: Path):
    for end in ("completed", None, "failed"):
        make_experiment(1.0, end=end)

    refused = amc("rm", "--yes", "cartpole-1", "cartpole-2")
    removed = amc("rm", "--yes", "--json", "cartpole-1", "cartpole-3")

    assert refused.exit_code == 2
    assert "Cancel it first: amc cancel cartpole-2" in refused.stderr
    found = json.loads(removed.stdout)["removed"]
    assert [one["experiment_id"] for one in found] == ["cartpole-1", "cartpole-3"]
    assert all(one["bytes"] > 100 for one in found)
    assert [path.name for path in shared.glob("[!.]*")] == ["cartpole-2"]


@pytest.mark.parametrize("word", ["cart", "latest"])
def test_without_a_question_only_what_is_written_out_goes(
    word: str, amc: Amc, make_experiment: Make, shared: Path
):
    make_experiment(1.0)

    outcome = amc("rm", "--yes", word)

    assert outcome.exit_code == 2
    assert "cartpole-1 is meant, so write it out" in outcome.stderr
    assert (shared / "cartpole-1").exists()


@pytest.mark.parametrize("word", ["../outside", "..", ".", "/etc", ".removed", "cartpole-1/trials"])
def test_nothing_outside_is_reached(
    word: str, amc: Amc, make_experiment: Make, shared: Path, tmp_path: Path
):
    make_experiment(1.0)
    (tmp_path / "outside").mkdir()

    outcome = amc("rm", "--yes", word)

    assert outcome.exit_code == 2
    assert (tmp_path / "outside").exists()
    assert (shared / "cartpole-1" / "trials").exists()


def test_what_cannot_be_read_can_be_removed(amc: Amc, make_experiment: Make, shared: Path):
    ledger = make_experiment(1.0)
    ledger.paths.experiment.write_text("{")

    outcome = amc("rm", "--yes", "cartpole-1")

    assert "cannot be read" in outcome.stderr
    assert not ledger.directory.exists()


# -- clean


def lay(path: Path, *, age_s: float = 0.0, size: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age_s,) * 2)
    return path


@pytest.fixture
def littered(make_experiment: Make, shared: Path) -> dict[str, Path]:
    """An experiment, what may go, and what looks alike and stays."""
    directory = make_experiment(1.0, 2.0).directory
    week, hour = 8 * 86_400, 3700
    logs = shared / ".fleet" / "elsewhere" / "logs"
    return {
        "going": lay(shared / ".gone-1a2b" / "trials" / "x").parents[1],
        "written": lay(directory / ".experiment.json.0f.tmp", age_s=hour),
        "writing": lay(directory / ".trial.json.0f.tmp"),
        "old log": lay(logs / "rl-worker-0.log", age_s=week),
        "log": lay(logs / "driver.log"),
        "record": directory / "experiment.json",
    }


def test_leftovers_go_and_nothing_else(amc: Amc, littered: dict[str, Path]):
    outcome = amc("clean", "--yes")

    assert outcome.exit_code == 0
    left = {name for name, path in littered.items() if path.exists()}
    assert left == {"writing", "log", "record"}
    assert "old logs: 1, 100 B" in outcome.stderr
    assert outcome.stdout == "removed 300 B\n"


def test_what_is_clean_says_so(amc: Amc, make_experiment: Make):
    make_experiment(1.0)

    outcome = amc("clean")

    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert "Nothing to remove" in outcome.stderr


def test_who_says_no_keeps_everything(littered: dict[str, Path]):
    outcome = answering("n\n", "clean")

    assert outcome.exit_code == 0
    assert all(path.exists() for path in littered.values())


def test_what_a_late_worker_writes_for_a_removed_experiment_goes(
    amc: Amc, make_experiment: Make, shared: Path
):
    make_experiment(1.0)
    amc("rm", "--yes", "cartpole-1")
    late = lay(shared / "cartpole-1" / "trials" / "0000" / "checkpoints" / "x.pt")
    stranger = lay(shared / "cartpole-2" / "notes.txt")

    amc("clean", "--yes")

    assert not late.exists()
    assert stranger.exists()


def with_checkpoints(ledger: Ledger, *trials: int) -> list[Path]:
    found = []
    for trial in trials:
        directory = ledger.paths.trial(trial).segment(0).checkpoints
        file = CheckpointFile.of(directory, 2048, 1)
        found += [lay(file.path), lay(file.digest_path)]
    return found


def test_checkpoints_of_losers_go_only_where_an_experiment_has_ended_and_only_on_request(
    amc: Amc, make_experiment: Make
):
    ended = with_checkpoints(make_experiment(1.0, 3.0, 2.0), 0, 1, 2)
    running = with_checkpoints(make_experiment(1.0, 3.0, end=None), 0, 1)

    amc("clean", "--yes")
    untouched = [path.exists() for path in ended]
    outcome = amc("clean", "--yes", "--checkpoints", "--json")

    assert all(untouched)
    assert [path.exists() for path in ended] == [False, False, True, True, False, False]
    assert all(path.exists() for path in running)
    document = json.loads(outcome.stdout)
    assert document["bytes"] == 400
    assert {one["what"] for one in document["removed"]} == {"checkpoints of cartpole-1"}


def test_an_experiment_behind_a_link_is_not_thinned(
    amc: Amc, make_experiment: Make, shared: Path, tmp_path: Path
):
    ledger = make_experiment(1.0, 2.0)
    files = with_checkpoints(ledger, 0, 1)
    ledger.directory.rename(tmp_path / "elsewhere")
    ledger.directory.symlink_to(tmp_path / "elsewhere")

    amc("clean", "--yes", "--checkpoints")

    assert all(path.exists() for path in files)
