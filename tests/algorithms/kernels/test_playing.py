"""Whole rollouts and evaluations in one call, against the same step by step: every bit."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import SeedSequence

from amc.algorithms.ppo import PPO
from amc.config.backend import COMPILED
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.environments import Episode, VectorEnvironment, make, make_evaluation
from amc.training.evaluation import evaluate_policy

NORMALIZERS = ("normalize_observation", "normalize_reward")
# None of them, one, or both in either order.
WRAPPERS = st.permutations(NORMALIZERS).flatmap(
    lambda order: st.integers(0, 2).map(lambda count: tuple(order[:count]))
)


def config(name: str, *, wrappers: tuple[str, ...] = (), **environment: Any) -> ExperimentConfig:
    settings = {"n_envs": 3, "n_steps": 40, "batch_size": 40, "n_epochs": 1, "hidden_sizes": [8]}
    return ConfigLoader().from_mapping(
        {
            "experiment_name": "x",
            "algorithm": "ppo",
            "algorithm_config": settings,
            "environment": {"name": name, "wrappers": list(wrappers), **environment},
            "training": {"total_timesteps": 100_000},
        }
    )


def learner(config: ExperimentConfig, n_envs: int, *, whole: bool) -> PPO:
    """PPO that acts in one call, or step by step."""
    environment = make(config.environment, n_envs, SeedSequence(1))
    ppo = PPO(environment, config, SeedSequence(2))
    assert ppo._inside is not None
    if not whole:
        ppo._inside = None
    return ppo


def state_of(ppo: PPO) -> tuple[list[bytes], list[Episode]]:
    """All that it has come to."""
    found: list[bytes] = []

    def look(value: Any) -> None:
        if isinstance(value, dict):
            for key in sorted(value):
                look(value[key])
        elif isinstance(value, torch.Tensor):
            found.append(value.numpy().tobytes())
        else:
            found.append(repr(value).encode())

    look(ppo.environment.state_dict())
    look(ppo.state_dict())
    return found, ppo.environment.pop_episodes()


@pytest.mark.parametrize("n_envs", [1, 3, 20])
@pytest.mark.parametrize("name", sorted(COMPILED))
def test_a_whole_rollout_is_what_its_steps_are(name: str, n_envs: int):
    settings = config(name, wrappers=NORMALIZERS, max_episode_steps=33)
    whole, steps = (learner(settings, n_envs, whole=one) for one in (True, False))

    for _ in range(4):
        assert whole.iterate() == steps.iterate()

    assert state_of(whole) == state_of(steps)


@settings(deadline=None, max_examples=20)
@given(
    name=st.sampled_from(sorted(COMPILED)),
    wrappers=WRAPPERS,
    n_envs=st.integers(1, 17),
    limit=st.integers(1, 60),
    piece=st.integers(1, 200),
)
def test_it_is_so_however_it_is_cut_and_normalised(
    name: str, wrappers: tuple[str, ...], n_envs: int, limit: int, piece: int
):
    made = config(name, wrappers=wrappers, max_episode_steps=limit)
    whole, steps = (learner(made, n_envs, whole=one) for one in (True, False))
    marks: list[str] = []
    whole.mark = marks.append

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("amc.algorithms.ppo.PIECE", piece)
        assert whole.iterate() == steps.iterate()

    assert state_of(whole) == state_of(steps)
    assert marks.count("step") == -(-40 // max(1, piece // n_envs))


@pytest.mark.parametrize("wrappers", [(), NORMALIZERS])
@pytest.mark.parametrize("name", sorted(COMPILED))
def test_an_evaluation_in_one_call_is_what_its_steps_are(name: str, wrappers: tuple[str, ...]):
    settings = config(name, wrappers=wrappers)
    ppo = learner(settings, 3, whole=True)
    ppo.iterate()
    stepped, played = (evaluation(settings, ppo.environment) for _ in range(2))
    play = ppo.player(played)

    assert play is not None
    assert evaluate_policy(ppo.predict, played, 12, play=play) == evaluate_policy(
        ppo.predict, stepped, 12
    )


def evaluation(config: ExperimentConfig, training: VectorEnvironment) -> VectorEnvironment:
    return make_evaluation(config.environment, 5, SeedSequence(9), training, bound=50)


def test_an_evaluation_in_one_call_is_given_up_between_two(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("amc.algorithms.kernels.ppo.PIECE", 100)
    settings = config("Pendulum-v1")
    ppo = learner(settings, 3, whole=True)
    environment = evaluation(settings, ppo.environment)
    answers = iter([True, True, False])

    found = evaluate_policy(
        ppo.predict, environment, 5, lambda: next(answers), ppo.player(environment)
    )

    assert found is None
    assert environment.state_dict()["lengths"].tolist() == [40] * 5


def test_what_is_not_compiled_is_stepped(monkeypatch: pytest.MonkeyPatch):
    made = config("CartPole-v1", backend="gymnasium")
    environment = make(made.environment, 2, SeedSequence(1))

    ppo = PPO(environment, made, SeedSequence(2))

    assert ppo._inside is None
    assert ppo.player(environment) is None
    ppo.iterate()
    assert ppo.num_timesteps == 80


def test_of_equal_actions_the_first_is_taken(monkeypatch: pytest.MonkeyPatch):
    ppo = learner(config("Acrobot-v1"), 3, whole=True)
    with torch.no_grad():
        ppo.learner.parameters.zero_()
    monkeypatch.setattr(ppo, "_noise", lambda n_steps: np.zeros((n_steps, 3, 3), np.float32))

    rollout = ppo._collect()

    assert not rollout.actions.any()
