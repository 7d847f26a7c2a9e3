import pytest

from amc.algorithms.learning_rate import scheduled_learning_rate
from amc.config.schema import OptimizerConfig


@pytest.mark.parametrize(("progress", "linear"), [(0.0, 0.1), (0.25, 0.075), (1.0, 0.0)])
def test_the_learning_rate_goes_to_nothing_only_where_it_is_said(progress, linear):
    constant = OptimizerConfig(learning_rate=0.1)
    falling = OptimizerConfig(learning_rate=0.1, learning_rate_schedule="linear")

    assert scheduled_learning_rate(constant, progress) == 0.1
    assert scheduled_learning_rate(falling, progress) == pytest.approx(linear)
