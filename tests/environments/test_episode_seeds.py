"""Seeds of episodes."""

from hypothesis import given
from hypothesis import strategies as st
from numpy.random import SeedSequence

from amc.environments.episode_seeds import EpisodeSeeds


@given(seed=st.integers(0, 2**63), n_envs=st.integers(1, 64))
def test_no_two_episodes_share_a_seed(seed: int, n_envs: int):
    seeds = EpisodeSeeds(SeedSequence(seed), n_envs)

    drawn = [seeds.seed(env, episode) for env in range(n_envs) for episode in range(20)]

    assert len(set(drawn)) == len(drawn)
    assert all(0 <= each < 2**31 for each in drawn)


def test_neighbouring_experiments_share_no_streams():
    streams = [
        {EpisodeSeeds(SeedSequence(seed), 16).seed(env, 0) for env in range(16)}
        for seed in range(8)
    ]

    assert len(set.union(*streams)) == 8 * 16


def test_reading_seeds_leaves_the_sequence_as_it_was():
    sequence = SeedSequence(5)

    EpisodeSeeds(sequence, 4).seed(3, 2)

    assert sequence.n_children_spawned == 0
    assert EpisodeSeeds(sequence, 4).seed(3, 2) == EpisodeSeeds(SeedSequence(5), 4).seed(3, 2)
