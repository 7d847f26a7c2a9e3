from cross_entropy import CrossEntropy

from amc.testing import AlgorithmSuite

SMALL = {"n_envs": 4, "n_steps": 8}


class TestWithChoices(AlgorithmSuite):
    algorithm = CrossEntropy
    algorithm_config = SMALL
    total_timesteps = 160


class TestWithContinuousActions(AlgorithmSuite):
    algorithm = CrossEntropy
    algorithm_config = SMALL
    environment = {"name": "Pendulum-v1", "wrappers": ["normalize_observation"]}
    total_timesteps = 160
