"""What a worker is given, where no experiment gives it."""

import pytest

from amc.training.trial import TrialContext


def test_a_new_directory_is_a_first_attempt_with_everything_directly_in_it(tmp_path):
    context = TrialContext.standalone(5, tmp_path)

    assert (context.attempt, context.trial.seed, context.trial.hyperparameters) == (1, 5, {})
    assert context.directory == tmp_path
    assert context.tensorboard == tmp_path / "tensorboard"


@pytest.mark.parametrize(
    "left",
    [
        "checkpoints/000000000128-0003.pt",
        "metrics/0003.jsonl",
        "tensorboard/events.out.tfevents.0000000003.some.host",
    ],
)
def test_whatever_an_attempt_left_the_next_one_has_a_new_number(tmp_path, left):
    path = tmp_path / left
    path.parent.mkdir()
    path.touch()

    assert TrialContext.standalone(5, tmp_path).attempt == 4
