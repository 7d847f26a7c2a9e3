"""What is done between two steps of MuJoCo in one call, against the same piecemeal: every bit."""

from typing import Any

import mujoco
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import SeedSequence

from amc.algorithms.ppo import PPO
from amc.environments import make
from amc.errors import EnvironmentFault
from tests.algorithms.kernels.test_playing import NORMALIZERS, WRAPPERS, config, state_of

ROBOTS = ("HalfCheetah-v4", "Hopper-v3", "Walker2d-v3", "Ant-v4")


def learner(made: Any, n_envs: int, *, walks: bool) -> PPO:
    """PPO that does in one call what is done between two steps, or step by step."""
    environment = make(made.environment, n_envs, SeedSequence(1))
    ppo = PPO(environment, made, SeedSequence(2))
    assert ppo._walking is not None
    if not walks:
        ppo._walking = None
    return ppo


def pair(made: Any, n_envs: int) -> tuple[PPO, PPO]:
    return learner(made, n_envs, walks=True), learner(made, n_envs, walks=False)


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("name", ROBOTS)
def test_a_rollout_is_what_its_steps_are(name: str, n_envs: int):
    walks, steps = pair(config(name, wrappers=NORMALIZERS, max_episode_steps=33), n_envs)

    for _ in range(4):
        assert walks.iterate() == steps.iterate()

    assert state_of(walks) == state_of(steps)


@settings(deadline=None, max_examples=12)
@given(
    name=st.sampled_from(ROBOTS),
    wrappers=WRAPPERS,
    n_envs=st.integers(1, 17),
    limit=st.integers(1, 60),
    piece=st.integers(1, 200),
)
def test_it_is_so_however_it_is_cut_and_normalised(
    name: str, wrappers: tuple[str, ...], n_envs: int, limit: int, piece: int
):
    walks, steps = pair(config(name, wrappers=wrappers, max_episode_steps=limit), n_envs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("amc.algorithms.ppo.PIECE", piece)
        assert walks.iterate() == steps.iterate()

    assert state_of(walks) == state_of(steps)


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("HalfCheetah-v4", {"forward_reward_weight": 0.5, "ctrl_cost_weight": 2.0}),
        ("Hopper-v3", {"terminate_when_unhealthy": False, "healthy_reward": 0.3}),
        ("Hopper-v3", {"healthy_state_range": [-0.5, 0.5], "healthy_z_range": [0.9, 9.0]}),
        ("Walker2d-v3", {"healthy_angle_range": [-0.1, 0.1], "healthy_z_range": [0.5, 1.2]}),
        ("Ant-v4", {"terminate_when_unhealthy": False, "ctrl_cost_weight": 0.1}),
        ("Ant-v4", {"healthy_z_range": [0.6, 0.8]}),
    ],
)
def test_it_does_as_the_environments_own_settings_say(name: str, kwargs: dict[str, Any]):
    walks, steps = pair(config(name, kwargs=kwargs, max_episode_steps=70), 2)

    for _ in range(3):
        assert walks.iterate() == steps.iterate()

    assert state_of(walks) == state_of(steps)


def test_a_state_that_was_taken_in_mid_episode_is_gone_on_from_either_way():
    made = config("Hopper-v3", wrappers=NORMALIZERS)
    first = learner(made, 2, walks=True)
    first.iterate()
    saved = first.environment.state_dict(), first.state_dict()
    walks, steps = pair(made, 2)

    for ppo in (walks, steps):
        ppo.environment.load_state_dict(saved[0])
        ppo.load_state_dict(saved[1])
        ppo.iterate()
    first.iterate()

    assert state_of(walks)[0] == state_of(steps)[0] == state_of(first)[0]


@pytest.mark.parametrize("walks", [True, False])
def test_an_action_that_is_no_number_is_refused(walks: bool):
    ppo = learner(config("HalfCheetah-v4"), 1, walks=walks)
    with torch.no_grad():
        ppo.learner.parameters[:] = np.nan

    with pytest.raises(EnvironmentFault, match=r"actions: \[\[nan, .* are not all finite"):
        ppo.iterate()


@pytest.mark.parametrize("walks", [True, False])
def test_what_is_observed_and_no_number_is_refused(walks: bool, monkeypatch: pytest.MonkeyPatch):
    ppo = learner(config("Walker2d-v3"), 2, walks=walks)
    ppo.observe()
    environment: Any = ppo.environment
    second, n_steps = environment._environments[1], 0
    true_step = mujoco.mj_step

    def step(model: Any, data: Any, n: int) -> None:
        nonlocal n_steps
        true_step(model, data, n)
        n_steps += data is second.data
        if n_steps == 3:
            data.qpos[1] = np.nan

    monkeypatch.setattr(mujoco, "mj_step", step)
    monkeypatch.setattr(ppo, "_walking", ppo._walking and _again(environment))

    with pytest.raises(
        EnvironmentFault, match=r"environment 1 \(Walker2d-v4\): its observation at step 3"
    ):
        ppo.iterate()


@pytest.mark.parametrize("walks", [True, False])
def test_a_simulation_that_fails_is_told_with_its_place(
    walks: bool, monkeypatch: pytest.MonkeyPatch
):
    ppo = learner(config("Ant-v4"), 2, walks=walks)
    ppo.observe()
    environment: Any = ppo.environment
    n_steps, true_step = 0, mujoco.mj_step

    def step(model: Any, data: Any, n: int) -> None:
        nonlocal n_steps
        n_steps += 1
        if n_steps == 6:
            raise mujoco.FatalError("out of memory")
        true_step(model, data, n)

    monkeypatch.setattr(mujoco, "mj_step", step)
    monkeypatch.setattr(ppo, "_walking", ppo._walking and _again(environment))

    with pytest.raises(
        EnvironmentFault,
        match=r"environment 1 \(Ant-v4\): step failed after 2 steps of episode 0: .*out of memory",
    ):
        ppo.iterate()


def _again(environment: Any) -> Any:
    """Taken apart once more, now that MuJoCo's step is another one."""
    from amc.environments.walking import walking

    return walking(environment)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("Ant-v4", {"kwargs": {"use_contact_forces": True}}),
        ("Hopper-v4", {"kwargs": {"exclude_current_positions_from_observation": False}}),
        ("Hopper-v5", {}),
        ("LunarLander-v3", {}),
    ],
)
def test_what_compiled_code_does_not_know_is_stepped(name: str, more: dict[str, Any]):
    made = config(name, **more)

    ppo = PPO(make(made.environment, 1, SeedSequence(1)), made, SeedSequence(2))

    assert ppo._walking is None
    ppo.iterate()
    assert ppo.num_timesteps == 40
