"""Actions between the bounds of a Box."""

import numpy as np
from gymnasium.spaces import Box

from amc.algorithms.spaces import ActionRange


def test_the_widest_bounds_are_reached_without_an_overflow():
    largest = float(np.finfo(np.float32).max)
    actions = ActionRange(Box(-largest, largest, (3,), np.float32))

    reached = actions.to_environment(np.array([[-1.0, 0.0, 1.0]], np.float32))

    assert reached.tolist() == [[-largest, 0.0, largest]]
