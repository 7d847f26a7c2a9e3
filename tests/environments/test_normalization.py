"""Normalisers around a vector environment."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import SeedSequence, default_rng

from amc.config.schema import EnvironmentConfig
from amc.environments import make, make_evaluation
from amc.environments.compiled.running_mean_std import COUNT, EPSILON, MEAN, SQUARES
from amc.environments.normalization import (
    CLIP,
    NormalizeObservation,
    NormalizeReward,
    observation_statistics,
)
from amc.errors import EnvironmentFault

OBSERVATION, REWARD = "normalize_observation", "normalize_reward"


def environment(*wrappers: str, gamma: float = 0.99, **settings: Any):
    config = EnvironmentConfig(name="Pendulum-v1", wrappers=wrappers, **settings)
    return make(config, 2, SeedSequence(0), gamma=gamma)


def actions(steps: int):
    return default_rng(0).uniform(-2, 2, (steps, 2, 1)).astype(np.float32)


def test_observations_are_standardised_by_what_was_seen_so_far():
    plain, normalized = environment(), environment(OBSERVATION)
    seen = [plain.reset()]
    normalized.reset()

    for action in actions(100):
        seen.append(plain.step(action).observation)
        step = normalized.step(action)

    samples = np.concatenate(seen).astype(np.float64)
    expected = (seen[-1] - samples.mean(axis=0)) / np.sqrt(samples.var(axis=0) + EPSILON)
    assert step.observation == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_the_last_observation_of_an_episode_is_normalised_but_not_counted():
    normalized = environment(OBSERVATION, max_episode_steps=3)
    plain = environment(max_episode_steps=3)
    normalized.reset()
    plain.reset()

    for action in actions(3):
        step, raw = normalized.step(action), plain.step(action)

    statistics = normalized.statistics
    spread = np.sqrt(statistics[SQUARES] / statistics[COUNT] + EPSILON)
    expected = np.clip((raw.next_observation - statistics[MEAN]) / spread, -CLIP, CLIP)
    assert step.truncated.all()
    assert step.next_observation == pytest.approx(expected, rel=1e-5)
    assert statistics[COUNT] == pytest.approx(2 * 4, rel=1e-4)


@pytest.mark.parametrize("wrappers", [(), (OBSERVATION,), (REWARD,), (OBSERVATION, REWARD)])
def test_a_step_hands_on_the_raw_values_beside_the_normalised_ones(wrappers):
    plain, wrapped = environment(max_episode_steps=3), environment(*wrappers, max_episode_steps=3)
    first, _ = plain.reset(), wrapped.reset()
    assert np.array_equal(wrapped.raw_observation, first)

    for action in actions(7):
        expected, step = plain.step(action), wrapped.step(action)

        assert np.array_equal(step.raw_observation, expected.observation)
        assert np.array_equal(step.raw_reward, expected.reward)
        assert np.array_equal(step.raw_next_observation, expected.next_observation)
        assert np.array_equal(wrapped.raw_observation, expected.observation)
    assert wrapped.is_normalized == bool(wrappers)
    assert (step.observation is step.raw_observation) == (OBSERVATION not in wrappers)
    assert (step.reward is step.raw_reward) == (REWARD not in wrappers)


@pytest.mark.parametrize("wrappers", [(OBSERVATION, REWARD), (REWARD, OBSERVATION)])
def test_what_was_remembered_raw_is_normalised_with_the_present_statistics(wrappers):
    wrapped = environment(*wrappers)
    wrapped.reset()
    for action in actions(50):
        step = wrapped.step(action)
    state = wrapped.state_dict()

    observation = wrapped.normalize_observation(step.raw_observation)
    reward = wrapped.normalize_reward(step.raw_reward)

    assert np.array_equal(observation, step.observation)
    assert np.array_equal(reward, step.reward)
    assert np.abs(wrapped.normalize_reward(np.array([1e9, -1e9]))).tolist() == [CLIP, CLIP]
    assert torch.equal(wrapped.state_dict()["moments"], state["moments"])
    assert torch.equal(wrapped.state_dict()["inner"]["moments"], state["inner"]["moments"])


def test_without_an_end_both_observations_are_one():
    normalized = environment(OBSERVATION)
    normalized.reset()

    step = normalized.step(actions(1)[0])

    assert step.next_observation is step.observation


def test_rewards_are_divided_by_the_spread_of_returns_and_no_mean_is_taken_off():
    plain, normalized = environment(), environment(REWARD, gamma=0.9)
    plain.reset()
    normalized.reset()
    returns, history = np.zeros(2), []

    for action in actions(150):
        raw = plain.step(action).reward
        scaled = normalized.step(action).reward
        returns = 0.9 * returns + raw
        history.append(returns)

    assert scaled == pytest.approx(raw / np.sqrt(np.var(history)), rel=1e-2)


@pytest.mark.parametrize("settings", [{"max_episode_steps": 1}])
def test_returns_begin_anew_where_time_ran_out(settings: dict[str, Any]):
    normalized = environment(REWARD, **settings)
    normalized.reset()
    plain = environment(**settings)
    plain.reset()
    rewards = []

    for action in actions(60):
        normalized.step(action)
        rewards.append(plain.step(action).reward)

    variance = normalized.statistics[SQUARES, 0] / normalized.statistics[COUNT, 0]
    assert variance == pytest.approx(np.var(rewards), rel=1e-2)


def test_returns_begin_anew_where_the_task_ended():
    config = EnvironmentConfig(name="CartPole-v1", wrappers=(REWARD,))
    normalized = make(config, 1, SeedSequence(0), gamma=1.0)
    normalized.reset()
    returns, history = 0.0, []

    for _ in range(60):
        step = normalized.step(np.array([1]))
        returns += 1.0
        history.append(returns)
        returns = 0.0 if step.terminated[0] else returns

    mean = normalized.statistics[MEAN, 0]
    assert mean == pytest.approx(np.mean(history), rel=1e-3)


def test_normalised_values_stay_within_ten():
    normalized = environment(OBSERVATION, REWARD)
    observation = normalized.reset()

    step = normalized.step(actions(1)[0])

    assert np.abs(observation).max() <= CLIP
    assert np.abs(step.reward).max() <= CLIP


def test_episodes_report_raw_returns():
    plain = environment(max_episode_steps=5)
    normalized = environment(OBSERVATION, REWARD, max_episode_steps=5)
    plain.reset()
    normalized.reset()

    for action in actions(11):
        plain.step(action)
        normalized.step(action)

    assert normalized.pop_episodes() == plain.pop_episodes() != []


def test_evaluation_copies_the_statistics_and_leaves_them_frozen():
    config = EnvironmentConfig(name="Pendulum-v1", wrappers=(REWARD, OBSERVATION))
    training = make(config, 2, SeedSequence(0))
    training.reset()
    for action in actions(30):
        training.step(action)
    before = training.statistics.copy()

    evaluation = make_evaluation(config, 2, SeedSequence(1), training)
    evaluation.reset()
    for action in actions(30):
        evaluation.step(action)

    assert np.array_equal(observation_statistics(evaluation), before)
    assert np.array_equal(training.statistics, before)


def test_evaluation_stays_frozen_while_training_goes_on():
    config = EnvironmentConfig(name="Pendulum-v1", wrappers=(OBSERVATION,))
    training = make(config, 2, SeedSequence(0))
    evaluation = make_evaluation(config, 2, SeedSequence(1), training)
    before = observation_statistics(evaluation).copy()

    training.reset()

    assert np.array_equal(observation_statistics(evaluation), before)


def test_evaluation_rewards_are_raw():
    config = EnvironmentConfig(name="Pendulum-v1", wrappers=(OBSERVATION, REWARD))
    plain = make(config.model_copy(update={"wrappers": ()}), 2, SeedSequence(1))
    evaluation = make_evaluation(config, 2, SeedSequence(1), None)
    plain.reset()
    evaluation.reset()

    step, raw = evaluation.step(actions(1)[0]), plain.step(actions(1)[0])

    assert np.array_equal(step.reward, raw.reward)


def test_evaluation_can_be_made_from_a_saved_state():
    config = EnvironmentConfig(name="Pendulum-v1", wrappers=(OBSERVATION, REWARD))
    training = make(config, 2, SeedSequence(0))
    training.reset()

    evaluation = make_evaluation(config, 1, SeedSequence(1), training.state_dict())

    assert np.array_equal(observation_statistics(evaluation), observation_statistics(training))


def test_without_a_normaliser_there_are_no_statistics():
    training = environment(REWARD)

    assert observation_statistics(training) is None
    assert observation_statistics(training.state_dict()) is None
    assert observation_statistics(None) is None


def test_wrappers_apply_in_the_order_of_the_config():
    outer = environment(OBSERVATION, REWARD)

    assert isinstance(outer, NormalizeReward)
    assert isinstance(outer.inner, NormalizeObservation)


def test_a_state_of_other_wrappers_is_refused():
    state = environment(OBSERVATION, REWARD).state_dict()

    with pytest.raises(EnvironmentFault, match=r"other environment\.wrappers"):
        environment(REWARD, OBSERVATION).load_state_dict(state)
    with pytest.raises(EnvironmentFault, match=r"other environment\.wrappers"):
        environment(OBSERVATION).load_state_dict(environment().state_dict())
