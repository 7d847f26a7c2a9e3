"""The tests of an algorithm: what training, exact resumption, searches and playing need of it.

    class TestCrossEntropy(AlgorithmSuite):
        algorithm = "cross_entropy:CrossEntropy"
        algorithm_config = {"population": 4}

They train it for a moment, some forty times; let that moment be short.
"""

from amc.testing.continuation_checks import ContinuationChecks
from amc.testing.hyperparameter_checks import HyperparameterChecks
from amc.testing.learning_checks import LearningChecks


class AlgorithmSuite(HyperparameterChecks, LearningChecks, ContinuationChecks):
    """Subclass it and give `algorithm`.

    Attributes:
        algorithm: its name as a config has it, or the class.
        algorithm_config: hyperparameters with which it trains quickly; what is left out has its
            default.
        environment: what it trains in, as a config has it; CartPole-v1 if None, or Pendulum-v1
            where only continuous actions can be chosen.
        total_timesteps: how long; at least three calls of `iterate`.
        draws: whether training draws anything by chance.
    """
