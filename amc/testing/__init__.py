"""Conformance suites: subclass one, name what is yours, and inherit the tests of its contract.

    from amc.testing import EnvironmentSuite

    class TestGridWorld(EnvironmentSuite):
        environment = {"name": "grid_world:GridWorld", "kwargs": {"size": 5}}

`pytest` collects the class, and each test is a sentence about what the engine needs. What is given
is a class attribute, so this package neither needs nor imports pytest: install it beside amc. The
module that is named is allowed while a test runs (`AMC_ALLOW_MODULES`); it must be found by Python,
so let pytest add its folder (`pythonpath = ["."]`), or install it.
"""

from amc.testing.algorithm_suite import AlgorithmSuite
from amc.testing.environment_suite import EnvironmentSuite
from amc.testing.optimizer_suite import OptimizerSuite
from amc.testing.trainer_suite import TrainerSuite
from amc.testing.wrapper_suite import WrapperSuite

__all__ = ["AlgorithmSuite", "EnvironmentSuite", "OptimizerSuite", "TrainerSuite", "WrapperSuite"]
