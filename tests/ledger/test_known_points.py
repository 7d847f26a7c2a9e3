"""What an experiment teaches another one's search: its completed points that lie in the space."""

from collections.abc import Callable

import pytest

from amc.config.schema import ExperimentConfig
from amc.config.search.warm_start import MOST_KNOWN
from amc.errors import UsageError
from amc.ledger import Trial
from amc.ledger.known_points import known_points
from tests.experiments import of, report

MakeConfig = Callable[..., ExperimentConfig]
SPACE = {
    "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "activation": {"choices": ["tanh", "relu"]},
    "target_kl": {"low": 0.01, "high": 0.1, "if": {"activation": "relu"}},
}


def past_of(*suggestions, scores):
    trials = [Trial(n, values, n, 0, n) for n, values in enumerate(suggestions)]
    return of(trials, [report(n, score) for n, score in enumerate(scores)])


def known(config: ExperimentConfig, source: ExperimentConfig, history):
    search = config.hyperparameter_optimizer
    points = known_points(config, search, source=source, history=history)
    return [(point.hyperparameters, point.score) for point in points]


@pytest.fixture
def searching(make_config: MakeConfig) -> MakeConfig:
    def make(space=SPACE, **changes) -> ExperimentConfig:
        return make_config({"hyperparameter_optimizer.search_space": space, **changes})

    return make


def test_completed_suggestions_are_known_by_their_mean_score(searching: MakeConfig):
    first = {"learning_rate": 1e-3, "activation": "relu", "target_kl": 0.05}
    second = {"learning_rate": 2e-3, "activation": "tanh"}
    trials = [
        Trial(0, first, 0, 0, 0),
        Trial(1, first, 1, 0, 0),
        Trial(2, second, 2, 0, 1),
        Trial(3, second | {"learning_rate": 3e-3}, 3, 0, 2),
    ]
    history = of(trials, [report(n, score) for n, score in enumerate([10.0, 20.0, 7.0, None])])

    assert known(searching(), searching(), history) == [(first, 15.0), (second, 7.0)]


def test_what_was_fixed_there_counts_as_it_was_fixed(searching: MakeConfig):
    there = searching({"learning_rate": [1e-4, 1e-2]}, **{"algorithm_config.activation": "relu"})
    there = there.with_hyperparameters({"target_kl": 0.02})

    points = known(searching(), there, past_of({"learning_rate": 1e-3}, scores=[4.0]))

    assert points == [({"learning_rate": 1e-3, "activation": "relu", "target_kl": 0.02}, 4.0)]


def test_what_lies_outside_the_space_is_left_out(searching: MakeConfig):
    there = searching({"learning_rate": [1e-5, 1.0]})
    history = past_of({"learning_rate": 1e-5}, {"learning_rate": 1e-3}, scores=[9.0, 4.0])

    points = known(searching(), there, history)

    assert points == [({"learning_rate": 1e-3, "activation": "tanh"}, 4.0)]


def test_of_very_many_the_best_are_known(searching: MakeConfig):
    rates = [1e-4 + 1e-6 * number for number in range(MOST_KNOWN + 5)]
    history = past_of(*({"learning_rate": rate} for rate in rates), scores=rates)

    points = known(searching(), searching({"learning_rate": [1e-4, 1e-2]}), history)

    assert [score for _, score in points] == sorted(rates, reverse=True)[:MOST_KNOWN]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"environment.name": "Acrobot-v1"}, "its environment is 'Acrobot-v1', but here it is 'C"),
        (
            {"algorithm": "ddpg", "environment.name": "Pendulum-v1", "algorithm_config": {}},
            "its algorithm is 'ddpg', but here it is 'ppo'",
        ),
    ],
)
def test_scores_of_something_else_are_refused(searching: MakeConfig, changes, said: str):
    there = searching({"learning_rate": [1e-4, 1e-2]}, **changes)

    with pytest.raises(UsageError, match=said):
        known(searching(), there, past_of({"learning_rate": 1e-3}, scores=[4.0]))


def test_an_experiment_that_teaches_nothing_is_refused(searching: MakeConfig):
    with pytest.raises(UsageError, match="no completed trial of it is a point of this search"):
        known(searching(), searching(), past_of({"learning_rate": 1e-3}, scores=[None]))
