"""MuJoCo stepped without what nobody looks at: the bits of Gymnasium's own step."""

import warnings
from collections.abc import Callable
from types import FunctionType
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.random import SeedSequence

from amc.config.schema import EnvironmentConfig
from amc.environments import VectorEnvironment, make
from amc.environments.lean_mujoco import lean

ROBOTS = ("HalfCheetah-v4", "Hopper-v3", "Walker2d-v3", "Ant-v4")


def environment(name: str, *, is_lean: bool, **settings: Any) -> VectorEnvironment:
    made: Any = make(EnvironmentConfig(name=name, **settings), 2, SeedSequence(3))
    assert all(isinstance(one.step, FunctionType) for one in made._environments)
    if not is_lean:
        for one in made._environments:
            del one.step
        made._steppers = [one.step for one in made._environments]
    return made  # type: ignore[no-any-return]


def differing(name: str, steps: int, **settings: Any) -> tuple[list[int], int]:
    """The steps at which anything differs, and how many episodes ended."""
    ours, theirs = (environment(name, is_lean=one, **settings) for one in (True, False))
    draw = np.random.default_rng(0)
    assert ours.reset().tobytes() == theirs.reset().tobytes()
    found = []
    for step in range(steps):
        # Small ones at times, so that what walks stands for a while.
        scale = 0.1 if step // 200 % 2 else 1.0
        actions = draw.normal(0, scale, (2, *ours.action_space.shape)).astype(np.float32)
        pair = ours.step(actions), theirs.step(actions)
        if any(a.tobytes() != b.tobytes() for a, b in zip(*pair, strict=True)):
            found.append(step)
    return found, len(ours.pop_episodes())


@pytest.mark.parametrize("name", ROBOTS)
def test_it_comes_to_the_bits_of_gymnasium(name: str):
    assert differing(name, 600)[0] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ROBOTS)
def test_it_comes_to_the_bits_of_gymnasium_in_a_hundred_thousand_steps(name: str):
    found, ends = differing(name, 50_000)

    assert found == []
    assert ends >= 100


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("HalfCheetah-v4", {"forward_reward_weight": 0.5, "ctrl_cost_weight": 2.0}),
        ("Hopper-v3", {"terminate_when_unhealthy": False, "healthy_reward": 0.3}),
        ("Hopper-v3", {"healthy_state_range": [-0.5, 0.5], "healthy_z_range": [0.9, 9.0]}),
        ("Walker2d-v3", {"healthy_angle_range": [-0.1, 0.1], "healthy_z_range": [0.5, 1.2]}),
        ("Ant-v4", {"terminate_when_unhealthy": False, "ctrl_cost_weight": 0.1}),
    ],
)
def test_it_does_as_the_environments_own_settings_say(name: str, keywords: dict[str, Any]):
    found, ends = differing(name, 300, kwargs=keywords, max_episode_steps=70)

    assert found == []
    assert ends >= 8


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("Ant-v4", {"use_contact_forces": True}),
        ("HalfCheetah-v4", {"exclude_current_positions_from_observation": False}),
        ("HalfCheetah-v4", {"render_mode": "rgb_array"}),
        ("HalfCheetah-v5", {}),
        ("Pendulum-v1", {}),
    ],
)
def test_what_is_not_known_here_is_stepped_by_gymnasium(name: str, keywords: dict[str, Any]):
    assert lean(made_by_gymnasium(name, **keywords)) is None


def made_by_gymnasium(name: str, **keywords: Any) -> Any:
    with warnings.catch_warnings(action="ignore"):  # of v4, which is what the mission asks for
        return gymnasium.make(name, disable_env_checker=True, **keywords).unwrapped


@pytest.mark.parametrize("coordinate", [0, 2])
def test_a_robot_whose_place_is_no_number_is_not_healthy(
    coordinate: int, monkeypatch: pytest.MonkeyPatch
):
    made = made_by_gymnasium("Ant-v4")
    made.reset(seed=0)
    step = lean(made)
    assert step is not None
    monkeypatch.setattr("amc.environments.lean_mujoco.mujoco.mj_step", broken(coordinate))

    *_, terminated, _, _ = step(np.zeros(8, np.float32))

    assert terminated is True


def broken(coordinate: int) -> Callable[[Any, Any, int], None]:
    def step(model: Any, data: Any, count: int) -> None:
        data.qpos[coordinate] = np.nan

    return step


def test_a_wrapper_is_given_the_details_of_a_step(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "gymnasium.wrappers")
    settings = EnvironmentConfig(name="HalfCheetah-v4", wrappers=("gymnasium.wrappers:ClipAction",))
    made: Any = make(settings, 1, SeedSequence(0))
    made.reset()

    *_, info = made._environments[0].step(np.zeros(6, np.float32))

    assert "x_velocity" in info
