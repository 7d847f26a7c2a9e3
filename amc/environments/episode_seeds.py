"""Seeds of episodes: every episode of every environment has one of its own."""

import numpy as np

# Environments may hand their seed to code that takes a C int, so 31 bits and no more.
_BITS = 31


class EpisodeSeeds:
    """A different seed for each (environment, episode), all from one SeedSequence.

    Environment i's episode e has number k = e * n_envs + i, and its seed is

        (offset + factor * k) mod 2^31

    with an odd factor. That permutes the 31-bit numbers, so no two episodes of a run share a seed;
    31 bits drawn at random for each would repeat one within some 50,000 episodes.

    Args:
        seed: where offset and factor come from; it is read, never spawned from.
        n_envs: how many environments count through the episodes.

    Attributes:
        offset: 0 <= offset < 2^64.
        factor: odd, below 2^64.
    """

    def __init__(self, seed: np.random.SeedSequence, n_envs: int) -> None:
        offset, factor = seed.generate_state(2, np.uint64)
        self.offset = int(offset)
        self.factor = int(factor) | 1
        self._n_envs = n_envs

    def seed(self, env: int, episode: int) -> int:
        """The seed of environment `env`'s episode `episode`, both counted from 0.

        Returns:
            0 <= seed < 2^31.
        """
        return self.numbered(self.offset, self.factor, episode * self._n_envs + env)

    @staticmethod
    def numbered(offset: int, factor: int, number: int) -> int:
        """The seed of the episode of a number k."""
        return (offset + factor * number) % (1 << _BITS)
