"""Finding an agent: by paths of every kind, and as a trial of an experiment."""

import shutil
from pathlib import Path

import pytest

from amc.errors import CheckpointError, UsageError
from amc.experiment_view import Experiment
from amc.ledger import Ledger
from amc.ledger.paths import SegmentPaths, checkpoint_files
from amc.playback import load
from tests.agents import begun, end, train


def test_a_run_s_directory_its_checkpoint_and_a_trial_s_directory_are_one_agent(trained):
    training = trained()

    by_directory, by_file = load(training.directory), load(str(training.outcome.checkpoint))

    assert by_directory.evaluate() == by_file.evaluate()
    assert by_directory.origin.source == by_file.origin.source


def test_a_damaged_checkpoint_gives_way_to_the_one_before(trained, tmp_path: Path):
    directory = shutil.copytree(trained(steps=512).directory, tmp_path / "run")
    newest, before = checkpoint_files(SegmentPaths(directory).checkpoints)
    newest.path.write_bytes(b"nothing")

    agent = load(directory)

    assert agent.origin.source == before.path
    with pytest.raises(CheckpointError, match="missing or damaged"):
        load(newest.path)


@pytest.mark.parametrize("name", ["absent", "empty", "text.pt"])
def test_where_there_is_no_agent_it_says_what_is_meant(tmp_path: Path, name: str):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.pt").write_text("no checkpoint")

    with pytest.raises((UsageError, CheckpointError), match=name):
        load(tmp_path / name)


@pytest.fixture
def experiment(shared: Path) -> Experiment:
    """One whose trial 0 has ended, whose trial 1 is at work, and whose trial 2 waits."""
    ledger = begun(shared)
    end(ledger, 0)
    train(ledger, 1)
    return Experiment(ledger)


def test_an_experiment_hands_out_the_best_agent_and_any_other(experiment: Experiment):
    best, first, second = experiment.agent(), experiment.agent(0), experiment.agent(1)

    assert best.origin == first.origin
    assert best.score == experiment.best.score
    assert second.config.seed != first.config.seed
    assert second.evaluate().mean == second.score


@pytest.mark.parametrize(
    ("number", "said"), [(2, "trial 2 of few-1: it has no checkpoint"), (9, "none of that number")]
)
def test_a_trial_without_a_checkpoint_is_told_from_none(experiment: Experiment, number, said):
    with pytest.raises(UsageError, match=said):
        experiment.agent(number)


def test_before_a_trial_has_ended_there_is_no_best_agent(shared: Path, make_config):
    experiment = Experiment(Ledger.create(shared, make_config()))

    with pytest.raises(UsageError, match="no trial has ended yet"):
        experiment.agent()
