"""A (1+n) evolution strategy: try points around the best, and wider ones the more often that helps.

Source: Rechenberg's one-fifth success rule, in the form of Kern et al. 2004,
https://doi.org/10.1023/B:NACO.0000023416.59689.4e.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from amc.optimizers.encoding import Encoding
from amc.optimizers.plug_in import understood

_FIRST_WIDTH, _LEAST_WIDTH, _MOST_WIDTH = 0.2, 0.005, 0.5
_GROWTH = 1.5
# In balance where one of five mutations is better: 1.5 * 1.5^(-1/4 * 4) = 1.
_SHRINKAGE = _GROWTH**-0.25


class EvolutionStrategy:
    """Mutates the best suggestion so far on the scales of the search space.

    Args:
        search_space: as a config writes it.
        seed: of every mutation.

    Attributes:
        encoding: suggestions as points of the unit cube [0, 1]^d; whole numbers, log scales,
            choices and conditions are its business.
        parent: the best point so far [d]; the centre before there is one.
        score: of the parent.
        width: standard deviation of a mutation.
    """

    def __init__(self, search_space: Mapping[str, Any], seed: int = 0) -> None:
        self.encoding = Encoding(understood(search_space))
        self.parent = np.full(self.encoding.n_columns, 0.5)
        self.score = -np.inf
        self.width = _FIRST_WIDTH
        self._random = np.random.default_rng(seed)

    def suggest(self, n_suggestions: int = 1) -> list[dict[str, Any]]:
        """Mutations of the parent; what mutates out of the cube is reflected at its edge."""
        steps = self._random.standard_normal((n_suggestions, len(self.parent)))
        reflected = np.abs(self.parent + self.width * steps) % 2
        return [self.encoding.decode(np.minimum(point, 2 - point)) for point in reflected]

    def update(
        self, suggestions: Sequence[Mapping[str, Any]], scores: Sequence[float | None]
    ) -> None:
        """Take the better for parent; a failed trial (None) is none."""
        for suggestion, score in zip(suggestions, scores, strict=True):
            is_better = score is not None and score > self.score
            if is_better:
                self.parent, self.score = self.encoding.encode(suggestion), score
            factor = _GROWTH if is_better else _SHRINKAGE
            self.width = float(np.clip(self.width * factor, _LEAST_WIDTH, _MOST_WIDTH))
