"""`amc enjoy`: an agent found, played and filmed from the shell."""

import json
from pathlib import Path

import pytest

from amc.cli import enjoy
from amc.playback import rendering


@pytest.fixture(autouse=True)
def _no_screen(monkeypatch: pytest.MonkeyPatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")


def test_the_returns_of_the_last_evaluation_are_shown_with_the_score(amc, trained):
    training = trained()
    expected = training.agent().evaluate()

    played = amc("enjoy", training.directory)

    *episodes, mean = played.stdout.splitlines()
    assert played.exit_code == 0, played.output
    assert [line.split()[:3] for line in episodes] == [
        ["episode", str(number), "return"] for number in (1, 2, 3)
    ]
    assert sorted(float(line.split()[3]) for line in episodes) == sorted(expected.returns)
    assert mean == (
        f"mean        return {expected.mean:.2f} +/- {expected.std:.2f}"
        f"   (its score in training: {training.outcome.score:.2f})"
    )


def test_as_json_there_is_one_document(amc, trained):
    training = trained()

    played = amc("enjoy", training.directory, "--episodes", 2, "--seed", 4, "--json")

    document = json.loads(played.stdout)
    expected = training.agent().evaluate(2, seed=4)
    assert sorted(one["return"] for one in document["episodes"]) == sorted(expected.returns)
    assert document["mean"] == pytest.approx(expected.mean)
    assert document["score"] == training.outcome.score
    assert document["video"] is None


def test_a_film_is_written_where_it_is_asked_for(amc, trained, tmp_path: Path):
    played = amc("enjoy", trained().directory, "--episodes", 1, "--video", tmp_path / "best.mp4")

    assert played.exit_code == 0, played.output
    assert f"video       {tmp_path}/best.mp4" in played.stdout
    assert (tmp_path / "best.mp4").stat().st_size > 1000


def test_an_experiment_s_id_goes_before_a_path_of_that_name(
    amc, trained, make_experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ledger = make_experiment(1.0, end=None)
    monkeypatch.chdir(trained().directory.parent)
    (Path(ledger.id)).symlink_to(trained().directory)

    by_id, by_path = amc("enjoy", ledger.id), amc("enjoy", f"./{ledger.id}")

    Path(ledger.id).unlink()
    assert by_path.exit_code == 0, by_path.output
    assert by_id.exit_code == 2, by_id.output
    assert f"of {ledger.id}: it has no checkpoint" in by_id.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fps", "30"], "--fps: it is of a film. Add --video FILE"),
        (["--video", "x.mp4", "--window"], "--window: a film is made without one"),
        (["--video", "x.avi"], "a film's name ends in .mp4 or .gif"),
        (["--video", "absent/x.mp4"], "there is no such directory"),
        (["--trial", "3"], "is a path, and so one agent"),
        (["--episodes", "0"], "0 is not in the range"),
    ],
)
def test_what_cannot_be_is_refused_without_a_traceback(amc, trained, options, said):
    played = amc("enjoy", trained().directory, *options)

    assert played.exit_code == 2
    assert said in played.stderr
    assert "Traceback" not in played.stderr


def test_a_window_opens_by_itself_where_there_is_a_display(amc, trained, monkeypatch):
    modes = []
    monkeypatch.setattr(
        enjoy,
        "_played",
        lambda agent, episodes, seed, video, fps, mode: modes.append(mode) or 1 / 0,
    )
    for display, options in [("", ()), (":0", ()), (":0", ("--no-window",))]:
        monkeypatch.setenv("DISPLAY", display)
        amc("enjoy", trained().directory, *options)

    assert modes == [None, "human", None]
    assert rendering.has_display()
