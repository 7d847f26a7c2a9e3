from collections.abc import Callable
from typing import Any

import pytest

from amc.client import resolved
from amc.config.schema import ExperimentConfig
from amc.driver.planning import plan
from amc.forecast import Pace, duration, first_trials, measure
from amc.ledger import Ledger

MakeConfig = Callable[..., ExperimentConfig]

SPACE = {"learning_rate": [1e-4, 1e-2], "gamma": [0.9, 0.999]}
SEARCHES: dict[str, dict[str, Any]] = {
    "bayesian": {"type": "bayesian", "n_calls": 8},
    "own points": {"type": "bayesian", "n_calls": 8, "initial_points": [{}, {"gamma": 0.95}]},
    "sobol, async": {"type": "sobol", "n_calls": 8, "mode": "async", "window": 3},
    "grid": {"type": "grid", "n_calls": 9},
    "seeds": {"type": "random", "n_calls": 8, "seeds_per_trial": 3},
    "halving": {"type": "random", "n_calls": 20, "pruner": "halving"},
    "pbt": {"type": "pbt", "n_calls": 4},
}
PACE = Pace(
    steps_per_s=1000.0,
    start_s=0.5,
    evaluation_s=0.0,
    played_per_s=1000.0,
    episode=(10.0, 100.0),
    seconds=2.0,
    device="cpu",
    share=1.0,
)


def of(make_config: MakeConfig, search: dict[str, Any] | None, **training: Any) -> ExperimentConfig:
    whole = None if search is None else {"search_space": SPACE, **search}
    steps = {"total_timesteps": 8192, "eval_freq": 512, **training}
    changes = {f"training.{key}": value for key, value in steps.items()}
    return resolved(make_config({"hyperparameter_optimizer": whole, **changes}))


@pytest.mark.parametrize("name", SEARCHES)
def test_what_is_foretold_is_what_the_driver_opens(name: str, make_config: MakeConfig, shared):
    config = of(make_config, SEARCHES[name])

    foretold = first_trials(config)

    ledger = Ledger.create(shared, config)
    ledger.append(plan(ledger.config, ledger.history()))
    assert foretold
    assert foretold == tuple(ledger.past.trials.values()) == first_trials(config)


def test_without_a_search_the_config_itself_is_foretold(make_config: MakeConfig):
    config = resolved(make_config({"hyperparameter_optimizer": None}))

    trials = first_trials(config.model_copy(update={"seeds": 3}))

    assert [trial.hyperparameters for trial in trials] == [{}, {}, {}]
    assert len({trial.seed for trial in trials}) == 3


@pytest.mark.parametrize("learning_starts", [0, 100_000])
def test_a_trial_is_measured_with_its_updates_and_its_evaluations(
    learning_starts: int, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("amc.forecast._MEASURED_S", 0.2)
    settings = {"learning_starts": learning_starts, "hidden_sizes": [32], "batch_size": 32}
    config = of(make_config, None, eval_episodes=2, total_timesteps=200_000).to_json()
    changed = {"algorithm": "ddpg", "environment": {"name": "Pendulum-v1"}, "seeds": 1}
    config = resolved({**config, **changed, "algorithm_config": settings})

    pace = measure(config, first_trials(config)[0])

    # Without updates it takes some millions of steps a second.
    assert 100 < pace.steps_per_s < 100_000
    assert pace.episode == (200, 200)
    assert pace.played_per_s > pace.steps_per_s
    assert 0.2 < pace.seconds < 60


@pytest.mark.parametrize(("algorithm", "name"), [("ppo", "CartPole-v1"), ("ddpg", "Pendulum-v1")])
def test_a_training_shorter_than_a_measurement_is_measured_as_if_it_went_on(
    algorithm: str, name: str, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("amc.forecast._MEASURED_S", 0.2)
    config = of(make_config, None, total_timesteps=64, eval_freq=None).to_json()
    own = {"algorithm": algorithm, "environment": {"name": name}, "algorithm_config": {}}
    config = resolved({**config, **own})

    pace = measure(config, first_trials(config)[0])

    # 64 steps are over before the first of these 200 ms.
    assert pace.seconds - pace.start_s >= 0.2
    assert pace.steps_per_s > 0
    assert pace.episode == (0, 0)


@pytest.mark.parametrize(
    ("search", "workers", "trials", "batches"),
    [
        (None, 4, 1, 1),
        ({"type": "random", "n_calls": 8, "trials_per_round": 4}, 4, 8, 2),
        ({"type": "random", "n_calls": 8, "trials_per_round": 4}, 2, 8, 4),
        ({"type": "random", "n_calls": 8, "trials_per_round": 4}, 100, 8, 2),
        ({"type": "random", "n_calls": 8, "mode": "async", "window": 8}, 4, 8, 2),
        ({"type": "random", "n_calls": 8, "finalists": 1, "test_seeds": 1}, 4, 12, 4),
        ({"type": "pbt", "n_calls": 6}, 4, 6, 2),
    ],
)
def test_trials_that_are_awaited_together_take_as_long_as_the_workers_need(
    search: dict[str, Any] | None,
    workers: int,
    trials: int,
    batches: int,
    make_config: MakeConfig,
):
    found = duration(of(make_config, search, eval_episodes=1), PACE, workers=workers, cores=100)

    # 16 evaluations of one episode of 10 to 100 steps, at 1000 steps a second.
    assert found.trial_s == pytest.approx((8.192 + 0.16, 8.192 + 1.6))
    assert found.trials == trials
    assert found.seconds == pytest.approx([batches * seconds for seconds in found.trial_s])


def test_more_threads_than_cores_take_longer(make_config: MakeConfig):
    config = of(make_config, {"type": "random", "n_calls": 4}, threads=2)

    alone, crowded = (duration(config, PACE, workers=4, cores=cores) for cores in (8, 2))

    assert (alone.slowdown, crowded.slowdown) == (1, 4)
    assert crowded.seconds[0] == pytest.approx(4 * alone.seconds[0])


def test_a_limit_on_steps_is_a_limit_on_time(make_config: MakeConfig):
    search = {"type": "random", "n_calls": 8}
    without = duration(of(make_config, search), PACE, workers=1, cores=1)
    limited = of(make_config, {**search, "max_timesteps": 4 * 8192})

    assert duration(limited, PACE, workers=1, cores=1).seconds[0] == without.seconds[0] / 2
