"""`amc package`: an agent handed on from the shell, with what is known of its score."""

import json
from pathlib import Path

from amc.playback import load


def test_an_agent_at_a_path_is_measured_over_episodes(amc, trained, tmp_path: Path):
    training = trained()
    expected = training.agent().evaluate(20, seed=0)

    written = amc("package", training.directory, tmp_path / "out", "--no-film", "--json")

    document = json.loads(written.stdout)
    assert document["claim"] == f"{expected.mean:.2f} +/- {expected.std:.2f} over 20 episodes"
    assert "README.md" in document["files"] and "replay.mp4" not in document["files"]
    assert load(tmp_path / "out").score == training.outcome.score


def test_what_was_written_is_told(amc, trained, tmp_path: Path):
    written = amc("package", trained().directory, tmp_path / "out")

    assert written.exit_code == 0, written.output
    assert [line.split()[0] for line in written.stdout.splitlines()] == [
        "package",
        "files",
        "score",
    ]
    assert amc("enjoy", tmp_path / "out", "--episodes", 1, "--json").exit_code == 0


def test_a_directory_with_something_else_is_left_alone(amc, trained, tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")

    written = amc("package", trained().directory, tmp_path)

    assert written.exit_code == 2
    assert "there is something else in it" in written.stderr
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_package_that_cannot_have_a_film_says_why(amc, trained, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "absent"))

    written = amc("package", trained().directory, tmp_path / "out")

    assert written.exit_code == 0
    assert "there is no film in it: film: ffmpeg cannot be started" in written.stderr
