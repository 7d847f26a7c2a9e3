"""The environment to act in by hand: the config's wrappers and limit, as they were in training."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit

from amc.config.schema import EnvironmentConfig, WrapperConfig
from amc.environments import make_acting

WRAPPER = """
import gymnasium


class Counting(gymnasium.ObservationWrapper):
    '''Shifts observations by how often it was asked; begins with what it is given.'''

    asked = 0

    def observation(self, observation):
        self.asked += 1
        return observation + self.asked

    def get_state(self):
        return {"asked": self.asked}

    def set_state(self, state):
        self.asked = state["asked"]
"""


def lengths(environment: gymnasium.Env, most: int) -> int:
    """Steps until an episode is truncated."""
    environment.reset(seed=0)
    for step in range(1, most + 1):
        *_, terminated, truncated, _ = environment.step(environment.action_space.sample())
        assert not terminated
        if truncated:
            return step
    return most + 1


@pytest.mark.parametrize(
    ("name", "limit", "expected"), [("Pendulum-v1", None, 200), ("Pendulum-v1", 7, 7)]
)
def test_it_has_the_registered_limit_unless_the_config_has_one(name, limit, expected):
    config = EnvironmentConfig(name=name, max_episode_steps=limit)

    environment = make_acting(config, [])

    assert lengths(environment, 300) == expected


def test_what_has_no_limit_is_cut_off_where_evaluation_cuts_it():
    gymnasium.register("Endless-v0", "gymnasium.envs.classic_control.pendulum:PendulumEnv")
    config = EnvironmentConfig(name="Endless-v0")

    bounded, endless = make_acting(config, [], bound=11), make_acting(config, [])

    assert lengths(bounded, 300) == 11
    assert lengths(endless, 300) == 301
    del gymnasium.registry["Endless-v0"]


def test_the_normalisers_are_not_around_it():
    config = EnvironmentConfig(
        name="Pendulum-v1", wrappers=["normalize_observation", "normalize_reward"]
    )

    environment = make_acting(config, [])

    layers = set()
    while isinstance(environment, gymnasium.Wrapper):
        layers.add(type(environment))
        environment = environment.env
    assert layers <= {TimeLimit}


def test_wrappers_begin_every_episode_as_training_left_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "counting.py").write_text(WRAPPER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AMC_ALLOW_MODULES", "counting")
    config = EnvironmentConfig(
        name="Pendulum-v1", wrappers=[WrapperConfig(name="counting:Counting", kwargs={})]
    )
    plain, _ = make_acting(EnvironmentConfig(name="Pendulum-v1"), []).reset(seed=1)

    environment = make_acting(config, [[{"asked": 40}], [{"asked": 90}]])

    for _ in range(2):
        observation, _ = environment.reset(seed=1)
        np.testing.assert_allclose(observation, plain + 41)
        environment.step(environment.action_space.sample())
