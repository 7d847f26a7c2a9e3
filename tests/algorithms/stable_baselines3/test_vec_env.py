import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecEnv

from amc.algorithms.stable_baselines3.vec_env import AsVecEnv, AsVecNormalize
from amc.environments.normalization import NormalizeObservation, NormalizeReward


def as_vec_env(environment, *, ends_raw=False):
    return AsVecEnv(environment, environment.step, environment.reset, ends_raw=ends_raw)


def test_it_is_the_environment_under_the_interface_of_sb3(worlds):
    env = as_vec_env(worlds["follow"](3))

    first = env.reset()
    observation, reward, ended, infos = env.step(np.ones((3, 1), np.float32))

    assert isinstance(env, VecEnv) and (env.num_envs, env.get_attr("render_mode")) == (
        3,
        [None] * 3,
    )
    assert first.shape == observation.shape == (3, 1)
    assert reward.dtype == np.float32 and not ended.any() and infos == [{}, {}, {}]


@pytest.mark.parametrize("terminates", [False, True])
def test_the_end_of_an_episode_is_told_with_its_last_observation_and_its_reason(worlds, terminates):
    world = worlds["follow"](2, length=1)
    world.terminates = terminates
    steps = []

    def step(actions):
        steps.append(world.step(actions))
        return steps[-1]

    env = AsVecEnv(world, step, world.reset, ends_raw=False)
    env.reset()

    observation, _, ended, infos = env.step(np.ones((2, 1), np.float32))

    assert ended.all()
    assert [info["TimeLimit.truncated"] for info in infos] == [not terminates] * 2
    last = np.stack([info["terminal_observation"] for info in infos])
    np.testing.assert_array_equal(last, steps[0].next_observation)
    assert (last != observation).any()


def test_of_a_normalised_environment_a_replay_gets_the_last_observation_raw(worlds):
    environment = NormalizeObservation(worlds["follow"](2, length=1))
    seen = as_vec_env(environment)
    raw = as_vec_env(environment, ends_raw=True)
    environment.reset()

    *_, of_a_rollout = seen.step(np.ones((2, 1), np.float32))
    *_, of_a_replay = raw.step(np.ones((2, 1), np.float32))

    assert max(abs(info["terminal_observation"]).max() for info in of_a_replay) <= 1
    assert max(abs(info["terminal_observation"]).max() for info in of_a_rollout) > 0


def test_writing_in_what_a_step_returned_changes_nothing_of_the_environment(worlds):
    world = worlds["salary"](2)
    kept = []

    def step(actions):
        kept.append(world.step(actions))
        return kept[-1]

    env = AsVecEnv(world, step, world.reset, ends_raw=False)
    env.reset()
    _, reward, _, _ = env.step(np.ones((2, 1), np.float32))
    reward += 10  # as PPO does where time ran out
    env.action_space.seed(3)

    assert (kept[0].raw_reward == 1).all()
    assert env.action_space is not world.action_space


def test_nothing_else_is_to_be_had_of_a_single_environment(worlds):
    env = as_vec_env(worlds["guess"](2))

    for ask in (lambda: env.get_attr("spec"), lambda: env.set_attr("spec", 1),
                lambda: env.env_method("render")):  # fmt: skip
        with pytest.raises(AttributeError):
            ask()
    assert env.env_is_wrapped(object) == [False, False]
    env.close()


def test_rewards_of_any_shape_are_normalised_as_the_environment_would(worlds):
    environment = NormalizeReward(worlds["follow"](4), gamma=0.9)
    environment.reset()
    for _ in range(5):
        environment.step(np.ones((4, 1), np.float32))
    rewards = np.array([[-1.0, 0.5], [0.25, 2.0]], np.float32)

    found = AsVecNormalize(environment).normalize_reward(rewards)

    expected = environment.normalize_reward(rewards.astype(np.float64).ravel())
    np.testing.assert_array_equal(found, expected.reshape(2, 2))
