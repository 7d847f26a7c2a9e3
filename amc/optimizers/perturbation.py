"""Exploration around a point that is good: how a population moves from what it copies.

Source: Jaderberg et al. 2017, https://arxiv.org/abs/1711.09846, "perturb" and "resample" of section
4.1.1. Its door is `perturbed`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from amc.optimizers.encoding import Encoding

UP, DOWN = 1.2, 0.8


def perturbed(
    encoding: Encoding,
    point: Mapping[str, Any],
    generator: np.random.Generator,
    resample_probability: float,
) -> dict[str, Any]:
    """A point near another one.

    Each dimension moves by a fifth of what its scale measures, up or down: of the value on a log
    scale, of 1 - value on a reverse_log one, of the distance from the low end on a linear one;
    whole numbers by at least one; choices to a neighbour. Or it is drawn afresh, which a dimension
    that begins to count always is.

    Args:
        encoding: of the search space.
        point: a suggestion.
        generator: of the draws; as many for every point.
        resample_probability: how often a dimension is drawn afresh.
    """
    fresh = encoding.names, encoding.axes, generator.random((len(encoding.axes), 3))
    found = {}
    for name, axis, (is_resampled, is_up, position) in zip(*fresh, strict=True):
        if name not in point or is_resampled < resample_probability:
            found[name] = axis.spread(float(position))
        else:
            found[name] = axis.moved(point[name], UP if is_up < 0.5 else DOWN)
    return encoding.settled(found)
