"""What is gathered of an experiment."""

from collections.abc import Callable

import pytest

from amc.experiment_view import Experiment
from amc.ledger import AttemptEnd, Trial
from amc.reports.material import Material, curves_of, gather
from tests.experiments import learn, open_round
from tests.reports.conftest import point, train, write_evaluation

Record = Callable[..., Experiment]


def gathered(experiment: Experiment) -> Material:
    return gather(experiment._ledger, experiment.trials(), experiment.best)


def test_a_finished_search_is_told_whole(record: Record):
    material = gathered(record([1.0, 3.0, None]))

    assert (material.state, len(material.trials), len(material.stints)) == ("completed", 3, 3)
    assert material.best is not None and material.best.number == 1
    assert material.digest == "ab" * 32
    assert material.best_config is not None
    assert material.best_config.algorithm_config.n_epochs == 2
    assert list(material.space) == list(point(0))
    assert material.curves == {0: material.curves[0], 1: material.curves[1], 2: []}
    assert [kind.kernel for kind in material.ran_with] == ["fast@1"]


def test_its_cost_is_what_was_trained_and_what_was_lost(record: Record):
    cost = gathered(record([1.0, 3.0, None])).cost

    assert (cost.steps, cost.training_s, cost.lost_s, cost.elapsed_s) == (6000, 30.0, 10.0, 30.0)


def test_the_curve_of_a_running_trial_is_as_long_as_it_has_come(record: Record):
    experiment = record([1.0, 2.0], end=None)
    ledger = experiment._ledger
    open_round(ledger, Trial(2, point(2), 2, 1, 2))
    ledger.claim_attempt(2, worker="w", queue="gpu0", host="box/1")
    write_evaluation(ledger.paths.trial(2).directory, 1000, 4.5)

    curves = curves_of(ledger, ledger.history())

    assert curves[2] == [(1000, 4.5)]
    assert [step for step, _ in curves[0]] == [1000, 2000, 3000]


@pytest.fixture
def tested(record: Record, clock: list[float]) -> Experiment:
    """Two finalists on two further seeds each, and the winner's two tests."""
    experiment = record([3.0, 4.0], end=None)
    for kind, suggestions in (("finalist", (0, 0, 1, 1)), ("test", (1, 1))):
        ledger = experiment._ledger
        first = len(ledger.history().trials)
        trials = [
            Trial(first + at, point(number), first + at, 1, number, kind)
            for at, number in enumerate(suggestions)
        ]
        open_round(ledger, *trials)
        for trial in trials:
            train(ledger, trial.number, 10.0 * trial.suggestion + trial.number, clock)
    learn(experiment._ledger)
    return experiment


def test_suggestions_on_several_seeds_are_compared_the_winner_s_tests_first(tested: Experiment):
    contenders = gathered(tested).contenders

    assert [(one.suggestion, one.kind, one.is_winner) for one in contenders] == [
        (1, "test", True),
        (1, "finalist", True),
        (0, "finalist", False),
    ]
    assert contenders[0].scores == (16.0, 17.0)
    assert contenders[0].trials == (6, 7)


def test_seeds_of_a_config_are_compared_with_nothing_but_told(record: Record):
    material = gathered(record([1.0, 2.0, 3.0], hyperparameter_optimizer=None, seeds=3))

    (contender,) = material.contenders
    assert (contender.kind, contender.scores) == ("search", (1.0, 2.0, 3.0))
    assert material.space == {}


def test_an_experiment_of_which_nothing_was_run_is_told_too(record: Record):
    material = gathered(record([], end=None))

    assert (material.trials, material.best, material.digest, material.stints) == (
        (),
        None,
        None,
        (),
    )


def test_time_that_was_lost_to_an_interruption_counts(record: Record, clock: list[float]):
    experiment = record([1.0], end=None)
    ledger = experiment._ledger
    open_round(ledger, Trial(1, point(1), 1, 1, 1))
    attempt = ledger.claim_attempt(1, worker="w", queue="gpu0", host="box/1")
    clock[0] += 4.0
    ledger.end_attempt(1, attempt.number, AttemptEnd("interrupted"))

    assert gathered(experiment).cost.lost_s == 4.0
