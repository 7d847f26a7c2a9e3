"""What counts as a sign of life."""

import pytest

from amc.workers.progress import Progress


@pytest.fixture
def progress():
    progress = Progress()
    yield progress
    progress.close()


def test_the_last_mark_and_the_steps_are_read_back(progress):
    progress.mark("step", 64)
    progress.mark("save", 64)

    assert progress.read()[1:] == (64, "save")


@pytest.mark.parametrize("what", ["step", "save", "set-up", "thinking"])
def test_a_mark_that_is_repeated_without_a_step_is_no_progress(progress, what):
    progress.mark("step", 64)
    before, *_ = progress.read()

    for _ in range(10):
        progress.mark(what, 64)

    assert progress.read() == (before, 64, what)


@pytest.mark.parametrize("what", ["update", "evaluation"])
def test_updates_and_evaluations_are_progress_between_two_steps(progress, what):
    progress.mark("step", 64)
    before, *_ = progress.read()

    progress.mark(what, 64)

    assert progress.read()[0] == before + 1
