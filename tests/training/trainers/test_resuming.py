"""Pieces of a training by a trainer of the user's own, each from what the one before had saved."""

import shutil
from dataclasses import replace

import pytest
import torch

from amc.errors import CheckpointError, TrainerError
from amc.training import checkpoint
from amc.training.trainers.payload import KEY

# It counts in its checkpoint what it was trained with, a letter per 100 steps.
REMEMBERS = """
    from amc import trial
    letters = trial.checkpoint.read_text() if trial.checkpoint else ""
    step = trial.from_step
    assert step == 100 * len(letters), (step, letters)
    while step < trial.until and not trial.should_stop():
        step += 100
        letters += trial.hyperparameters.get("letter", "a")
        trial.report(step, float(len(set(letters))))
    (trial.directory / "letters.txt").write_text(letters)
    trial.save(trial.directory / "letters.txt")
"""


@pytest.fixture
def segments(tmp_path, own):
    from tests.training.conftest import Segments

    return Segments(
        own(REMEMBERS, resumable=True, algorithm_config={"letter": "a"}), tmp_path / "trials"
    )


def test_a_piece_goes_on_where_the_one_before_ended(segments):
    first, second, third = segments.through(300, 600, 1000)

    assert [one.steps for one in (first, second, third)] == [300, 600, 1000]
    assert (first.start_digest, second.start_digest) == (None, first.digest)
    assert third.start_digest == second.digest
    assert [one.step for one in third.evaluations] == list(range(100, 1001, 100))


def test_an_exploit_goes_on_from_another_trial_with_other_hyperparameters(segments):
    context = segments.context(300, trial=7)
    winner = segments.reported(context, segments.run(context))

    copy = segments.context(600, winner, trial=8, hyperparameters={"letter": "b"}, reseed=99)
    outcome = segments.run(copy)

    assert outcome.steps == 600
    assert outcome.score == 2.0, "letters of both"
    assert outcome.start_digest == winner.report.digest


def test_a_start_that_was_lost_is_trained_again(segments):
    context = segments.context(300)
    before = segments.reported(context, segments.run(context))
    shutil.rmtree(context.paths.checkpoints)

    later = segments.context(600, before)
    outcome = segments.run(later)

    assert (outcome.state, outcome.steps) == ("completed", 600)
    assert not later.start_again.exists()


def test_another_checkpoint_than_was_reported_is_no_start(segments):
    context = segments.context(300)
    before = segments.reported(context, segments.run(context))
    (written,) = context.paths.checkpoints.glob("*.pt")
    state = checkpoint.load(written)
    name, is_executable, _ = state[KEY]["files"][0]
    state[KEY]["files"] = [[name, is_executable, torch.tensor([*b"aaz"], dtype=torch.uint8)]]
    checkpoint.save(context.paths.checkpoints, state, step=300, attempt=1)

    outcome = segments.run(segments.context(600, before))

    assert outcome.start_digest == before.report.digest
    assert outcome.score == 1.0, "there is no z in it"


def test_a_start_that_is_trained_again_need_not_be_the_same(segments):
    context = segments.context(300)
    before = segments.reported(context, segments.run(context))
    shutil.rmtree(context.paths.checkpoints)
    script = segments.config.source + "/train.py"
    with open(script, "a") as file:
        file.write("\n(trial.directory / 'letters.txt').write_text(letters[:-1] + 'z')")
        file.write("\ntrial.save(trial.directory / 'letters.txt')\n")

    first = segments.run(segments.context(600, before))
    resumed = segments.run(replace(segments.context(600, before), attempt=50))

    assert first.state == resumed.state == "completed"
    assert first.start_digest == resumed.start_digest
    assert first.start_digest not in (None, before.report.digest), "as it was, for verify"


def test_a_damaged_checkpoint_gives_way_to_the_one_before(segments, own, tmp_path):
    config = own(
        """
        from amc import trial
        step = trial.from_step
        while step < trial.until:
            step += 250
            (trial.directory / "m").write_text(str(step))
            trial.report(step, step)
            trial.save(trial.directory / "m")
            if trial.attempt == 1 and step == 750:
                raise SystemExit("killed")
        """,
        resumable=True,
    )
    segments.config = config
    with pytest.raises(TrainerError):
        segments.run(segments.context(1000))
    again = segments.context(1000)
    newest = sorted(again.paths.checkpoints.glob("*.pt"))[-1]
    newest.write_bytes(newest.read_bytes()[:-1] + b"?")

    outcome = segments.run(again)

    assert outcome.steps == 1000
    assert [one.step for one in outcome.evaluations] == [250, 500, 750, 1000]
    assert not newest.exists(), "it would count among the last two"


def test_a_piece_that_ends_without_a_checkpoint_is_told(segments, own):
    segments.config = own("from amc import trial\ntrial.report(trial.until, 1)", resumable=True)

    with pytest.raises(TrainerError, match="ended its piece at step 300 without a checkpoint"):
        segments.run(segments.context(300))


def test_a_last_piece_needs_no_checkpoint(segments, own):
    segments.config = own("from amc import trial\ntrial.report(trial.until, 1)", resumable=True)

    outcome = segments.run(segments.context(1000))

    assert (outcome.state, outcome.digest) == ("completed", None)


def test_a_script_that_has_no_more_to_do_ends_before_its_time(segments, own):
    segments.config = own("from amc import trial\ntrial.report(200, 1)", resumable=True)

    outcome = segments.run(segments.context(300))

    assert (outcome.state, outcome.steps) == ("completed", 200)


def test_a_start_that_cannot_be_trained_again_is_told(segments):
    context = segments.context(300)
    before = segments.reported(context, segments.run(context))
    shutil.rmtree(context.paths.checkpoints)
    with open(segments.config.source + "/train.py", "w") as file:
        file.write("raise SystemExit(1)")

    with pytest.raises((CheckpointError, TrainerError), match="exit code 1"):
        segments.run(segments.context(600, before))
