"""What is learned through the normalisers, over seeds: minutes, where the small tests take none."""

from statistics import mean, stdev

import pytest

from amc.config.loader import ConfigLoader
from amc.workers.base import BaseWorker

SEEDS = range(4)


@pytest.fixture
def scores(tmp_path):
    """A function that trains DDPG on Pendulum with some wrappers, once for each seed."""

    def train(*wrappers):
        config = ConfigLoader().from_mapping(
            {
                "experiment_name": "pendulum",
                "algorithm": "ddpg",
                "environment": {"name": "Pendulum-v1", "wrappers": list(wrappers)},
                "algorithm_config": {"hidden_sizes": [64, 64], "gamma": 0.98}
                | {"learning_starts": 500},
                "training": {"total_timesteps": 10_000, "eval_episodes": 50},
            },
            source="test",
        )
        return [
            BaseWorker(
                0, config.model_copy(update={"seed": seed}), tmp_path / f"{len(wrappers)}-{seed}"
            )
            .run()
            .score
            for seed in SEEDS
        ]

    return train


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ddpg_learns_as_well_with_both_normalisers_as_without(scores):
    plain = scores()

    normalized = scores("normalize_observation", "normalize_reward")

    spread = max(stdev(plain), stdev(normalized), 25)
    assert mean(normalized) > mean(plain) - 2 * spread
    assert min(normalized) > -400  # 0 is best; a policy that has learned nothing earns -1,200
