"""envpool's environments with same-step autoreset."""

import gymnasium
import numpy as np
import pytest
from numpy.random import SeedSequence, default_rng

from amc.environments.envpool_backend import EnvpoolVector
from amc.environments.gymnasium_backend import GymnasiumVector
from amc.errors import EnvironmentFault


def vector(name: str = "CartPole-v1", n_envs: int = 4, limit: int | None = None, **keywords):
    return EnvpoolVector(
        name, n_envs, seed=SeedSequence(0), max_episode_steps=limit, keywords=keywords
    )


def test_an_episode_that_ends_is_reset_in_the_same_step():
    environment = vector(limit=3)
    environment.reset()
    push_left = np.zeros(4, np.int64)

    steps = [environment.step(push_left) for _ in range(4)]

    assert [step.truncated.all() for step in steps] == [False, False, True, False]
    # After three pushes the cart moves fast; a new episode begins almost at rest.
    assert (steps[2].next_observation[:, 1] < -0.4).all()
    assert (np.abs(steps[2].observation) <= 0.05).all()
    assert (steps[3].observation[:, 1] < -0.1).all()
    assert (steps[3].observation[:, 1] > -0.3).all()


def test_only_the_environments_that_ended_are_reset():
    environment = vector(n_envs=8)
    environment.reset()
    generator = default_rng(0)

    partial = 0
    for _ in range(60):
        step = environment.step(generator.integers(0, 2, 8))
        ended = step.terminated | step.truncated
        assert np.array_equal(step.observation[~ended], step.next_observation[~ended])
        assert (np.abs(step.observation[ended]) <= 0.05).all()
        partial += 0 < ended.sum() < 8

    assert partial > 5


def test_lengths_and_returns_are_those_of_the_episodes():
    environment = vector(n_envs=2, limit=7)
    environment.reset()

    for _ in range(14):
        environment.step(np.array([0, 1]))

    episodes = environment.pop_episodes()
    assert len(episodes) == 4
    assert all(episode.length == episode.reward == 7 for episode in episodes)


def test_it_moves_as_gymnasiums_environment_does():
    pool = vector("MountainCar-v0", n_envs=1)
    own = GymnasiumVector(
        lambda: gymnasium.make("MountainCar-v0"),
        1,
        seed=SeedSequence(0),
        name="MountainCar-v0",
        max_episode_steps=200,
    )
    position = float(pool.reset()[0, 0])
    own.reset()
    own._environments[0].unwrapped.state = (position, 0.0)

    for action in default_rng(0).integers(0, 3, 50):
        theirs, ours = pool.step(np.array([action])), own.step(np.array([action]))

    assert theirs.observation == pytest.approx(ours.observation, abs=1e-4)
    assert theirs.reward == ours.reward


def test_an_environment_that_envpool_lacks_is_answered_with_what_to_do():
    with pytest.raises(
        EnvironmentFault, match=r"'Nothing-v0'.*set environment\.backend to gymnasium"
    ):
        vector("Nothing-v0")


def test_a_keyword_that_envpool_lacks_is_answered_with_what_to_do():
    with pytest.raises(EnvironmentFault, match=r"colour.*Check environment\.kwargs"):
        vector(colour="red")


def test_a_state_of_gymnasium_is_refused():
    environment = vector()
    state = environment.state_dict() | {"environment": "gymnasium CartPole-v1"}

    with pytest.raises(EnvironmentFault, match="'gymnasium CartPole-v1' was saved"):
        environment.load_state_dict(state)


def test_images_are_refused():
    with pytest.raises(EnvironmentFault, match="27,648 numbers"):
        vector("CarRacing-v3")


def test_closing_twice_does_no_harm():
    environment = vector()

    environment.close()
    environment.close()
