"""What is promised at submit, and that it is what runs."""

from collections.abc import Callable
from typing import Any

import pytest

from amc.cli import formatting
from amc.config.schema import ExperimentConfig
from amc.driver.budget import budget
from amc.errors import UsageError
from amc.ledger import Trial
from tests.experiments import play

MakeConfig = Callable[..., ExperimentConfig]
WHOLE = {"low": 1, "high": 3, "type": "int"}


def searching(make_config: MakeConfig, **search: Any) -> ExperimentConfig:
    return make_config({f"hyperparameter_optimizer.{key}": value for key, value in search.items()})


def run(config: ExperimentConfig) -> list[Trial]:
    """Every trial that the driver opens, all completed."""
    history, end = play(config, lambda trial: float(trial.suggestion))
    assert end.finish == "completed"
    return list(history.trials.values())


CASES: list[tuple[dict[str, Any], int, int, int]] = [
    ({"n_calls": 4}, 4, 0, 4),
    ({"n_calls": 5, "seeds_per_trial": 2}, 5, 0, 3),
    ({"n_calls": 7, "seeds_per_trial": 3, "trials_per_round": 2}, 7, 0, 3),
    ({"n_calls": 16}, 16, 12, 16),
    ({"n_calls": 17, "seeds_per_trial": 2, "trials_per_round": 8}, 17, 12, 9),
    ({"n_calls": 2, "finalists": 5, "finalist_seeds": 2}, 2, 4, 2),
    ({"n_calls": 3, "seeds_per_trial": 2, "finalists": 5, "finalist_seeds": 1}, 3, 1, 2),
    ({"n_calls": 16, "finalists": 0}, 16, 0, 16),
    ({"n_calls": 16, "test_seeds": 0}, 16, 12, 16),
    ({"n_calls": 4, "seeds_per_trial": 2, "test_seeds": 5}, 4, 0, 2),
    ({"type": "grid", "n_calls": 15, "search_space": {"n_epochs": WHOLE}}, 3, 0, 3),
    ({"type": "grid", "n_calls": 16, "search_space": {"n_epochs": WHOLE}}, 3, 9, 3),
    (
        {
            "type": "grid",
            "n_calls": 24,
            "seeds_per_trial": 2,
            "finalists": 9,
            "search_space": {"n_epochs": WHOLE, "gamma": {"choices": [0.9, 0.99]}},
        },
        12,
        18,
        6,
    ),
    (
        {"type": "grid", "n_calls": 5, "search_space": {"n_epochs": WHOLE, "gamma": [0.9, 0.99]}},
        4,
        0,
        4,
    ),
    (
        {
            "type": "grid",
            "n_calls": 15,
            "search_space": {
                "activation": {"choices": ["tanh", "relu"]},
                "gamma": {"choices": [0.9, 0.99], "if": {"activation": "tanh"}},
                "n_epochs": {**WHOLE, "if": {"activation": "relu"}},
            },
        },
        5,
        0,
        5,
    ),
    (
        {
            "type": "grid",
            "n_calls": 8,
            "search_space": {"n_epochs": {**WHOLE, "high": 10, "log": True}},
        },
        6,
        0,
        6,
    ),
    (
        {
            "type": "grid",
            "n_calls": 3,
            "search_space": {"gamma": {"choices": [0.9, 0.95, 0.97, 0.99]}},
        },
        3,
        0,
        3,
    ),
]


@pytest.mark.parametrize(("search", "searched", "again", "suggestions"), CASES)
def test_what_is_promised_is_what_runs(
    search: dict[str, Any], searched: int, again: int, suggestions: int, make_config: MakeConfig
):
    config = searching(make_config, **search)

    planned, trials = budget(config), run(config)

    kinds = [trial.kind for trial in trials]
    assert (kinds.count("search"), kinds.count("finalist")) == (searched, again)
    assert len({trial.suggestion for trial in trials}) == suggestions
    assert kinds.count("test") == search.get("test_seeds", 3 * (search["n_calls"] >= 16))
    assert (planned.search_trials, planned.trials) == (searched, len(trials))
    assert planned.suggestions == suggestions


def test_a_round_holds_the_seeds_of_at_least_one_suggestion(make_config: MakeConfig):
    config = searching(make_config, n_calls=6, seeds_per_trial=3, trials_per_round=2)

    assert [trial.round for trial in run(config)] == [0, 0, 0, 1, 1, 1]


def test_a_config_without_a_search_is_one_trial(make_config: MakeConfig):
    config = make_config().model_copy(update={"hyperparameter_optimizer": None})

    assert budget(config).trials == len(run(config)) == 1


def test_a_grid_that_is_too_large_is_refused_before_anything_is_run(make_config: MakeConfig):
    choices = {"choices": [[n, n] for n in range(1, 1001)]}
    space = {"hidden_sizes": choices, "optimizer.type": {"choices": ["adam", "sgd"]}}
    for name in ("target_kl", "clip_range_vf"):
        space[name] = {"choices": [None, *(n / 100 for n in range(1, 31))]}
    config = searching(make_config, type="grid", n_calls=24, search_space=space)

    with pytest.raises(UsageError, match=r"make a grid of 1922000 points"):
        budget(config)


@pytest.mark.parametrize(
    ("search", "text"),
    [
        ({"n_calls": 4}, "random search, 4 trials"),
        (
            {"n_calls": 5, "seeds_per_trial": 2},
            "random search, 5 trials (3 suggestions on 2 seeds each; "
            "the last on 1, too few to win)",
        ),
        (
            {"n_calls": 24},
            "random search, 24 trials, then 12 more: the best 4 again on 3 further seeds each, "
            "then 3 more: the winner on test seeds",
        ),
        (
            {"type": "grid", "n_calls": 24, "search_space": {"n_epochs": WHOLE}, "finalists": 0},
            "grid search, 3 trials, all 3 points of its grid, "
            "then 3 more: the winner on test seeds",
        ),
    ],
)
def test_it_is_said_in_a_sentence(search: dict[str, Any], text: str, make_config: MakeConfig):
    config = searching(make_config, **search)
    search_type = config.hyperparameter_optimizer.type if config.hyperparameter_optimizer else ""

    assert formatting.budget(search_type, budget(config)) == text
