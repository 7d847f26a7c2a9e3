"""The suite of trainers: a sound one passes, and each broken line of the contract fails a test."""

import textwrap
from pathlib import Path
from unittest import SkipTest

import pytest

from amc.testing import TrainerSuite

SOUND = """
    import random
    def train(trial):
        height = float(trial.checkpoint.read_text()) if trial.checkpoint else 0.0
        step, draws = trial.from_step, random.Random(f"{trial.seed} {trial.from_step}")
        while step < trial.until and not trial.should_stop():
            step += 100
            height += draws.random()
            trial.report(step, height)
        (trial.directory / "height").write_text(str(height))
        trial.save(trial.directory / "height")
"""
TESTS = [name for name in dir(TrainerSuite) if name.startswith("test_")]


def verdicts(module: str, tmp_path: Path, monkeypatch, only: str = "", **own) -> dict[str, str]:
    """What each test says of a trainer: "passed", "skipped", or the sentence."""
    name = f"trainer_{abs(hash((str(tmp_path), module)))}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(module))
    monkeypatch.syspath_prepend(str(tmp_path))
    values = {"trainer": f"{name}:train", "resumable": True, "source": str(tmp_path), **own}
    suite = type("Suite", (TrainerSuite,), values)()
    found = {}
    for test in [only] if only else TESTS:
        suite.setup_method()
        try:
            getattr(suite, test)()
            found[test] = "passed"
        except SkipTest:
            found[test] = "skipped"
        except AssertionError as error:
            found[test] = str(error)
        finally:
            suite.teardown_method()
    return found


def test_a_sound_function_passes_every_test(tmp_path, monkeypatch):
    assert set(verdicts(SOUND, tmp_path, monkeypatch).values()) == {"passed"}


def test_one_that_cannot_resume_is_asked_nothing_about_it(tmp_path, monkeypatch):
    whole = SOUND.replace("trial.save(", "(").replace("trial.checkpoint", "None")

    found = verdicts(whole, tmp_path, monkeypatch, resumable=False)

    assert sorted(set(found.values())) == ["passed", "skipped"]
    assert found["test_a_piece_goes_on_from_the_one_before"] == "skipped"


def test_a_command_is_tried_as_it_stands(tmp_path, monkeypatch):
    (tmp_path / "shell.sh").write_text(
        'echo "{\\"step\\": $1, \\"score\\": $2}" >> "$AMC_REPORT"\n', encoding="utf-8"
    )

    found = verdicts(
        "",
        tmp_path,
        monkeypatch,
        trainer=["sh", "shell.sh", "{until}", "{pace}"],
        hyperparameters={"pace": 3},
        resumable=False,
    )

    assert sorted(set(found.values())) == ["passed", "skipped"]


@pytest.mark.parametrize(
    ("sound", "broken", "test", "told"),
    [
        ("trial.report(step, height)", "pass", "reports_what", "ended without a score"),
        ("height += draws.random()", "height = float('nan')", "reports_what", "score is nan"),
        ("step < trial.until", "step < trial.until - 100", "reports_what", "ended after step 900"),
        ("trial.report(step", "trial.report(-step", "reports_what", "step must be"),
        ("random.Random(f", "random.SystemRandom(f", "same_seed", "Seed every generator"),
        (
            "step < trial.until and not trial.should_stop()",
            "step < trial.horizon",
            "a_piece_ends",
            "ended at 1000",
        ),
        ("trial.save(", "(", "a_piece_ends", "without a checkpoint"),
        ("from_step, random", "from_step * 0, random", "goes_on", "step 100 after step 500"),
        ("not trial.should_stop()", "True", "saves_when", "trained on to the end"),
    ],
)
def test_what_is_broken_is_told(tmp_path, monkeypatch, sound, broken, test, told):
    assert sound in SOUND

    found = verdicts(SOUND.replace(sound, broken), tmp_path, monkeypatch)

    (name,) = [one for one in TESTS if test in one]
    assert told in found[name]


def test_what_is_left_beside_the_code_is_told(tmp_path, monkeypatch):
    leaves = SOUND.replace(
        "(trial.directory /", f"(__import__('pathlib').Path({str(tmp_path)!r}) /"
    )

    test = "test_it_writes_to_a_directory_of_its_own"

    found = verdicts(leaves, tmp_path, monkeypatch, only=test)

    assert "height beside its code" in found[test]


@pytest.mark.slow
def test_what_goes_on_after_it_is_told(tmp_path, monkeypatch):
    starts = SOUND.replace(
        "height = float", "LEFT.append(subprocess.Popen(['sleep', '8'])); height = float"
    ).replace("import random", "import random, subprocess\n    LEFT = []")
    test = "test_it_leaves_no_process_behind"

    found = verdicts(starts, tmp_path, monkeypatch, only=test)

    assert "left sleep running" in found[test]
