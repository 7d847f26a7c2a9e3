"""Restored environments go on with the same bits, on every environment of the mission."""

import io
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import SeedSequence, default_rng
from numpy.typing import NDArray

from amc.config.backend import COMPILED
from amc.config.schema import EnvironmentConfig
from amc.environments import Step, VectorEnvironment, make

MISSION = (
    "CartPole-v1",
    "LunarLander-v2",
    "MountainCar-v0",
    "Acrobot-v1",
    "Pendulum-v1",
    "HalfCheetah-v4",
    "Ant-v4",
    "Hopper-v3",
    "Walker2d-v3",
)
BACKENDS = ("gymnasium", "envpool")
NORMALIZERS = ("normalize_observation", "normalize_reward")
N_ENVS = 3

both_backends = pytest.mark.parametrize("backend", BACKENDS)
all_backends = pytest.mark.parametrize("backend", (*BACKENDS, "compiled"))
everything = pytest.mark.parametrize(
    ("name", "backend"),
    [*product(MISSION, BACKENDS), *((name, "compiled") for name in sorted(COMPILED))],
)


def environment(name: str, backend: str, seed: int = 7, **settings: Any) -> VectorEnvironment:
    config = EnvironmentConfig(name=name, backend=backend, **settings)
    return make(config, N_ENVS, SeedSequence(seed))


def random_actions(environment: VectorEnvironment, steps: int) -> NDArray[Any]:
    """Random actions, [steps, N, ...]; those of a Box go beyond its bounds."""
    generator = default_rng(3)
    space = environment.action_space
    if hasattr(space, "n"):
        return generator.integers(0, space.n, (steps, N_ENVS))
    return (generator.normal(size=(steps, N_ENVS, *space.shape)) * space.high).astype(np.float32)


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    """The state as a checkpoint gives it back."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def play(environment: VectorEnvironment, actions: NDArray[Any]) -> bytes:
    """Every bit of what the actions brought, and the episodes that ended."""
    steps = [environment.step(action) for action in actions]
    arrays = b"".join(array.tobytes() for step in steps for array in step)
    return arrays + repr(environment.pop_episodes()).encode()


def has_ended(step: Step) -> bool:
    return bool((step.terminated | step.truncated).any())


@everything
def test_a_restored_environment_goes_on_with_the_same_bits(name: str, backend: str):
    settings = {"wrappers": NORMALIZERS, "max_episode_steps": 33}
    original = environment(name, backend, **settings)
    actions = random_actions(original, 100)
    original.reset()
    for action in actions[:50]:
        original.step(action)
    state = through_a_file(original.state_dict())
    expected = play(original, actions[50:])

    restored = environment(name, backend, **settings)
    restored.load_state_dict(state)

    assert play(restored, actions[50:]) == expected


@everything
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(name: str, backend: str):
    environments = [environment(name, backend, seed) for seed in (1, 1, 2)]
    actions = random_actions(environments[0], 40)

    first, again, other = ((each.reset(), play(each, actions)) for each in environments)

    assert np.array_equal(first[0], again[0])
    assert first[1] == again[1]
    assert not np.array_equal(first[0], other[0])


@all_backends
def test_a_fork_has_episodes_of_its_own_seed_and_the_statistics_of_what_it_left(backend: str):
    original = environment("Pendulum-v1", backend, wrappers=NORMALIZERS)
    original.reset()
    play(original, random_actions(original, 50))
    seen, paid = np.full((2, 3), 0.5, np.float32), np.full(2, -3.0)
    other = environment("Pendulum-v1", backend, seed=8)
    actions = random_actions(original, 300)

    fork = environment("Pendulum-v1", backend, seed=8, wrappers=NORMALIZERS)
    fork.fork(through_a_file(original.state_dict()))

    np.testing.assert_array_equal(
        fork.normalize_observation(seen), original.normalize_observation(seen)
    )
    np.testing.assert_array_equal(fork.normalize_reward(paid), original.normalize_reward(paid))
    fork.reset()
    assert np.array_equal(fork.raw_observation, other.reset())
    for action in actions:
        assert np.array_equal(fork.step(action).raw_observation, other.step(action).raw_observation)
    again = environment("Pendulum-v1", backend, seed=8, wrappers=NORMALIZERS)
    again.load_state_dict(through_a_file(fork.state_dict()))
    assert play(again, actions) == play(fork, actions)


_GO_ON = """
import sys
import torch
from numpy.random import SeedSequence
from amc.config.backend import COMPILED
from amc.config.schema import EnvironmentConfig
from amc.environments import make

work = torch.load(sys.argv[1], weights_only=True)
for (name, backend), (state, actions) in work.items():
    restored = make(EnvironmentConfig(name=name, backend=backend), 3, SeedSequence(7))
    restored.load_state_dict(state)
    steps = [restored.step(action) for action in actions.numpy()]
    arrays = b"".join(array.tobytes() for step in steps for array in step)
    print(name, backend, (arrays + repr(restored.pop_episodes()).encode()).hex())
"""


@pytest.mark.slow
def test_another_process_goes_on_with_the_same_bits(tmp_path: Path):
    work, expected = {}, []
    for key in product(MISSION, BACKENDS):
        original = environment(*key)
        actions = random_actions(original, 60)
        original.reset()
        for action in actions[:40]:
            original.step(action)
        work[key] = (original.state_dict(), torch.from_numpy(actions[40:]))
        expected.append([*key, play(original, actions[40:]).hex()])
    torch.save(work, tmp_path / "work.pt")

    process = subprocess.run(
        [sys.executable, "-c", _GO_ON, str(tmp_path / "work.pt")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert [line.split() for line in process.stdout.splitlines()] == expected


@both_backends
def test_a_restored_environment_survives_the_natural_ends_of_episodes(backend: str):
    original = environment("LunarLander-v2", backend)
    actions = random_actions(original, 400)
    original.reset()
    ends = [has_ended(original.step(action)) for action in actions[:200]]
    state = through_a_file(original.state_dict())
    expected = play(original, actions[200:])

    restored = environment("LunarLander-v2", backend)
    restored.load_state_dict(state)

    assert any(ends)
    assert play(restored, actions[200:]) == expected


@all_backends
def test_episodes_not_yet_popped_survive(backend: str):
    original = environment("CartPole-v1", backend, max_episode_steps=5)
    original.reset()
    for action in random_actions(original, 12):
        original.step(action)
    state = through_a_file(original.state_dict())

    restored = environment("CartPole-v1", backend, max_episode_steps=5)
    restored.load_state_dict(state)

    assert restored.pop_episodes() == original.pop_episodes() != []


@all_backends
def test_an_environment_that_was_never_reset_has_a_state_too(backend: str):
    original = environment("CartPole-v1", backend)
    state = through_a_file(original.state_dict())

    restored = environment("CartPole-v1", backend)
    restored.load_state_dict(state)

    assert np.array_equal(restored.reset(), original.reset())


@all_backends
def test_resets_in_mid_episode_are_part_of_the_state(backend: str):
    original = environment("CartPole-v1", backend)
    actions = random_actions(original, 40)
    for begin in (0, 5, 5, 12):
        original.reset()
        for action in actions[begin:12]:
            original.step(action)
    state = through_a_file(original.state_dict())
    expected = play(original, actions[12:])

    restored = environment("CartPole-v1", backend)
    restored.load_state_dict(state)

    assert play(restored, actions[12:]) == expected


@all_backends
def test_a_state_restored_twice_is_the_same_state(backend: str):
    original = environment("Pendulum-v1", backend)
    original.reset()
    for action in random_actions(original, 9):
        original.step(action)
    state = original.state_dict()
    restored = environment("Pendulum-v1", backend)
    restored.load_state_dict(state)

    again = restored.state_dict()

    assert repr(again) == repr(state)
