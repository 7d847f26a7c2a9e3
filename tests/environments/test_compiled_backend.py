"""Compiled environments: the bits of Gymnasium's classes, wherever they are compiled."""

import logging
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numpy.random import SeedSequence
from numpy.typing import NDArray

from amc import compilation
from amc.config.backend import COMPILED, resolve_backend
from amc.config.loader import ConfigLoader
from amc.config.schema import EnvironmentConfig, WrapperConfig
from amc.environments import VectorEnvironment, agreement, classic, compiled_backend, make
from amc.environments.compiled.generators import seed_generator, uniform
from amc.errors import ConfigError, EnvironmentFault, ShapeError

MINE = WrapperConfig.model_construct(name="my.wrappers:Mine")
NORMALIZERS = ("normalize_observation", "normalize_reward")
# With the lengths of episodes, and what may be set.
SETTINGS: dict[str, dict[str, Any]] = {
    "CartPole-v0": {},
    "CartPole-v1": {"kwargs": {"sutton_barto_reward": True}, "max_episode_steps": 20},
    "MountainCar-v0": {"kwargs": {"goal_velocity": 0.02}, "wrappers": NORMALIZERS},
    "Acrobot-v1": {"wrappers": NORMALIZERS},
    "Pendulum-v1": {"kwargs": {"g": 9.81}, "max_episode_steps": 70},
}


def environment(name: str, backend: str, n_envs: int = 3, **settings: Any) -> VectorEnvironment:
    return make(EnvironmentConfig(name=name, backend=backend, **settings), n_envs, SeedSequence(5))


def actions(environment: VectorEnvironment, steps: int) -> NDArray[Any]:
    """At random, and for a time the last or the first choice, which leads some to their ends."""
    draw, n = np.random.default_rng(3), environment.n_envs
    space: Any = environment.action_space
    if not hasattr(space, "n"):
        return draw.normal(0, 2, (steps, n, 1)).astype(np.float32)
    found = draw.integers(space.n, size=(steps, n))
    found[steps // 2 :] = np.where(np.arange(steps - steps // 2) % 40 < 20, space.n - 1, 0)[:, None]
    return found


def played(environment: VectorEnvironment, chosen: NDArray[Any]) -> bytes:
    """Every bit of what the actions brought."""
    first = environment.reset().tobytes()
    steps = [environment.step(action) for action in chosen]
    arrays = b"".join(array.tobytes() for step in steps for array in step)
    return first + arrays + repr(environment.pop_episodes()).encode()


def compared(name: str, steps: int, **settings: Any) -> bool:
    compiled, plain = (environment(name, one, **settings) for one in ("compiled", "gymnasium"))
    chosen = actions(plain, steps)
    assert compiled.backend == f"compiled@1 {name}"
    return played(compiled, chosen) == played(plain, chosen)


@pytest.mark.parametrize("name", SETTINGS)
def test_it_comes_to_the_bits_of_gymnasium(name: str):
    assert SETTINGS.keys() == COMPILED

    assert compared(name, 1_000, **SETTINGS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_it_comes_to_the_bits_of_gymnasium_in_a_hundred_thousand_steps(name: str):
    assert compared(name, 100_000, n_envs=1)


@given(seed=st.integers(0, 2**31 - 1), low=st.floats(-9, 0), high=st.floats(0, 9))
@settings(deadline=None)
def test_its_draws_are_those_of_numpy(seed: int, low: float, high: float):
    found = drawn(seed, low, high)

    assert found.tolist() == np.random.default_rng(seed).uniform(low, high, 5).tolist()


@njit
def drawn(seed: int, low: float, high: float) -> NDArray[np.float64]:
    generator = np.empty(4, np.uint64)
    seed_generator(generator, seed)
    return np.array([uniform(generator, low, high) for _ in range(5)])


@pytest.mark.parametrize("name", SETTINGS)
def test_where_the_bits_differ_gymnasium_steps_the_same_states(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    compiled = environment(name, "compiled", **SETTINGS[name])
    monkeypatch.setattr(compiled_backend, "agrees", lambda classic: False)

    with caplog.at_level(logging.WARNING):
        by_gymnasium = environment(name, "compiled", **SETTINGS[name])

    assert "on this machine, so that Gymnasium's classes step" in caplog.text
    assert by_gymnasium.backend.startswith(f"compiled@1 {name} by gymnasium 1.")
    chosen = actions(compiled, 300)
    assert played(compiled, chosen) == played(by_gymnasium, chosen)
    by_gymnasium.load_state_dict(compiled.state_dict())
    for action in chosen:
        ours, theirs = (one.step(action) for one in (compiled, by_gymnasium))
        assert all(a.tobytes() == b.tobytes() for a, b in zip(ours, theirs, strict=True))


def test_a_machine_is_looked_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    kept = classic.Classic(classic.AcrobotEnv, 0.0)
    monkeypatch.setattr(compilation, "DIRECTORY", tmp_path)
    looked: list[object] = []
    monkeypatch.setattr(agreement, "_compared", lambda one: not looked.append(one))

    found = [agreement.agrees.__wrapped__(kept) for _ in range(3)]

    assert found == [True] * 3
    assert looked == [kept]


def test_a_machine_that_differs_is_found_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(classic.MountainCarEnv, "step", other_step(classic.MountainCarEnv.step))

    assert agreement._compared(classic.Classic(classic.PendulumEnv, 10.0))
    assert not agreement._compared(classic.Classic(classic.MountainCarEnv, 0.0))


def other_step(step: Any) -> Any:
    """The same with a position that is off in the last bit once it is on the right."""

    def changed(self: Any, action: Any) -> Any:
        observation, *others = step(self, action)
        position, velocity = self.state
        if position > 0:
            self.state = np.nextafter(position, 1), velocity
        return observation, *others

    return changed


def test_a_class_that_was_put_in_the_place_of_gymnasiums_is_stepped_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    class Heavier(classic.PendulumEnv):
        pass

    monkeypatch.setattr("gymnasium.envs.classic_control.pendulum.PendulumEnv", Heavier)
    monkeypatch.setattr("gymnasium.envs.classic_control.PendulumEnv", Heavier)

    with caplog.at_level(logging.WARNING):
        made = environment("Pendulum-v1", "auto")

    assert made.backend.startswith("gymnasium")
    assert "it is not Gymnasium's own class here" in caplog.text


def test_actions_that_cannot_be_are_refused():
    cartpole, pendulum = environment("CartPole-v1", "auto"), environment("Pendulum-v1", "auto")
    cartpole.reset()
    pendulum.reset()

    with pytest.raises(EnvironmentFault, match="Integers from 0 to 1 are meant"):
        cartpole.step(np.array([0, 1, 2]))
    with pytest.raises(ShapeError):
        cartpole.step(np.array([0, 1]))
    with pytest.raises(EnvironmentFault, match="not all finite"):
        pendulum.step(np.full((3, 1), np.nan, np.float32))


@pytest.mark.parametrize(
    ("settings", "backend"),
    [
        ({"name": "CartPole-v1"}, "compiled"),
        ({"name": "Acrobot-v1", "wrappers": NORMALIZERS}, "compiled"),
        ({"name": "Acrobot-v1", "backend": "gymnasium"}, "gymnasium"),
        ({"name": "CartPole-v1", "backend": "envpool"}, "envpool"),
        ({"name": "LunarLander-v2"}, "gymnasium"),
        ({"name": "CartPole-v1", "wrappers": (MINE,)}, "gymnasium"),
    ],
)
def test_compiled_code_steps_where_there_is_some(settings: dict[str, Any], backend: str):
    config = EnvironmentConfig.model_construct(
        **{**EnvironmentConfig(name="x").model_dump(), **settings}
    )

    assert resolve_backend(config) == backend


def test_compiled_code_that_is_not_there_cannot_be_asked_for():
    config = {
        "experiment_name": "x",
        "algorithm": "ppo",
        "environment": {"name": "LunarLander-v2", "backend": "compiled"},
        "training": {"total_timesteps": 100},
    }

    with pytest.raises(ConfigError, match="'compiled' is not possible: 'LunarLander-v2' has none"):
        ConfigLoader().from_mapping(config)
