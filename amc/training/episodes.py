"""The latest episodes of training: what its curves show, and its score where nothing is evaluated.

The door is `LatestEpisodes`.
"""

from collections import deque
from collections.abc import Iterable

from amc.environments.vector import Episode, VectorEnvironment
from amc.training.evaluation import Played
from amc.training.tensorboard import RETURN_TAG

WINDOW = 100  # as in SB3


class LatestEpisodes:
    """The last episodes that ended in an environment, all attempts and segments together."""

    def __init__(self, environment: VectorEnvironment) -> None:
        self._environment = environment
        self._latest: deque[Episode] = deque(maxlen=WINDOW)

    def restore(self, saved: Iterable[tuple[float, int]]) -> None:
        """Go on with those that `saved` gave."""
        self._latest.extend(Episode(*episode) for episode in saved)

    def saved(self) -> list[list[float]]:
        """Return and length of each, for a checkpoint."""
        return [[float(one.reward), int(one.length)] for one in self._collected()]

    def played(self) -> Played:
        """The episodes, as something to sum up; there may be none."""
        return Played(list(self._collected()), cut=0)

    def means(self) -> dict[str, float]:
        """Mean return and length under SB3's tags; nothing before the first end."""
        latest = self._collected()
        if not latest:
            return {}
        return {
            RETURN_TAG: sum(one.reward for one in latest) / len(latest),
            "rollout/ep_len_mean": sum(one.length for one in latest) / len(latest),
        }

    def _collected(self) -> deque[Episode]:
        self._latest.extend(self._environment.pop_episodes())
        return self._latest
