"""What an agent does is what was measured: bits, shapes, and what it takes to load one."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from gymnasium import spaces

from amc.environments.episode_seeds import EpisodeSeeds
from amc.errors import ShapeError, UsageError
from amc.playback.playing import play

CHOICES = ["CartPole-v1", "MountainCar-v0", "Acrobot-v1", "LunarLander-v3"]
VECTORS = ["Pendulum-v1", "HalfCheetah-v4", "Hopper-v4", "Walker2d-v4", "Ant-v4"]
NORMALIZERS = ("normalize_observation", "normalize_reward")
EVERY = [
    *(("ppo", name) for name in (*CHOICES, *VECTORS)),
    *(("ddpg", name) for name in VECTORS),
]
QUICK = {("ppo", "CartPole-v1"), ("ddpg", "Pendulum-v1"), ("ppo", "Hopper-v4")}


@pytest.mark.parametrize("wrappers", [NORMALIZERS, ()], ids=["normalised", "raw"])
@pytest.mark.parametrize(
    ("algorithm", "name"),
    [pytest.param(*one, marks=[] if one in QUICK else pytest.mark.slow) for one in EVERY],
)
def test_an_agent_earns_what_was_recorded_to_the_last_bit(trained, algorithm, name, wrappers):
    training = trained(algorithm, name, wrappers)
    agent = training.agent()

    performance = agent.evaluate()

    assert performance.mean == training.outcome.score == agent.score
    assert len(performance.returns) == len(performance.lengths) == 3


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [pytest.param(*one, marks=[] if one in QUICK else pytest.mark.slow) for one in EVERY],
)
def test_played_by_hand_it_earns_the_same(trained, algorithm, name):
    agent = trained(algorithm, name).agent()
    expected = agent.evaluate(2, seed=5)

    ends = [moment for moment in play(agent, 2, seed=5) if moment.has_ended]

    gained = {(end.gained, end.step) for end in ends}
    assert gained == set(zip(expected.returns, expected.lengths, strict=True))


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [pytest.param(*one, marks=[] if one in QUICK else pytest.mark.slow) for one in EVERY],
)
def test_it_does_what_its_network_says(trained, algorithm, name):
    agent = trained(algorithm, name).agent()
    observations = (
        np.random.default_rng(0)
        .normal(size=(64, *agent.observation_space.shape))
        .astype(np.float32)
    )

    actions = agent.predict(observations)

    expected = by_autograd(agent, observations)
    np.testing.assert_allclose(actions, expected, rtol=0, atol=1e-6)


@torch.no_grad()
def by_autograd(agent, observations):
    """The actions as the networks' own layers compute them, without a kernel."""
    state = agent.trained_in
    while state.get("normalizes") != "observation":
        state = state["inner"]
    count, mean, squares = state["moments"].numpy()
    seen = (observations.astype(np.float64) - mean) / np.sqrt(squares / count + 1e-8)
    seen = torch.from_numpy(seen.clip(-10, 10).astype(np.float32))
    network, space = agent.algorithm.learner.network, agent.action_space
    if agent.config.algorithm == "ddpg":
        center, radius = (space.high + space.low) / 2, (space.high - space.low) / 2
        return center + radius * network.actions(seen).numpy()
    outputs = network.policy(seen).numpy()
    if isinstance(space, spaces.Discrete):
        return space.start + outputs.argmax(axis=1)
    return outputs.clip(space.low, space.high)


def test_a_batch_is_answered_row_by_row(trained):
    agent = trained("ddpg", "Pendulum-v1").agent()
    observations = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)

    batch, listed = agent.predict(observations), agent.predict(list(observations))

    assert batch.shape == (5, 1)
    np.testing.assert_array_equal(batch, listed)
    singly = np.stack([agent.predict(one) for one in observations])
    np.testing.assert_allclose(batch, singly, rtol=0, atol=1e-6)


def test_an_action_is_one_of_the_environment_s(trained):
    for algorithm, name in [("ppo", "CartPole-v1"), ("ddpg", "Pendulum-v1")]:
        agent = trained(algorithm, name).agent()
        environment = agent.make_environment()
        observation, _ = environment.reset(seed=0)

        action = agent.predict(observation)

        assert environment.action_space.contains(action)
        environment.step(action)


@pytest.mark.parametrize(
    "wrong", [np.zeros(3), np.zeros((2, 2)), "up", None, [], [[0.0]], np.zeros((2, 4, 4))]
)
def test_what_is_no_observation_is_refused(trained, wrong):
    agent = trained().agent()

    with pytest.raises(ShapeError, match="predict: the observation"):
        agent.predict(wrong)


@pytest.mark.parametrize(
    ("algorithm", "name"), [("ppo", "CartPole-v1"), ("ppo", "Pendulum-v1"), ("ddpg", "Pendulum-v1")]
)
def test_exploring_it_varies_and_can_be_repeated(trained, algorithm, name):
    agent = trained(algorithm, name).agent()
    observation = np.zeros(agent.observation_space.shape, np.float32)

    def drawn():
        return [np.asarray(agent.predict(observation, deterministic=False)) for _ in range(20)]

    agent.seed(1)
    first, following = drawn(), drawn()
    agent.seed(1)
    again = drawn()

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, following)
    assert all(agent.action_space.contains(action) for action in map(_of_space(agent), first))


def _of_space(agent):
    space = agent.action_space
    if isinstance(space, spaces.Discrete):
        return lambda action: np.int64(action)
    return lambda action: action


def test_other_seeds_are_other_episodes(trained):
    agent = trained("ppo", "Pendulum-v1").agent()

    one, same, other = (agent.evaluate(4, seed=seed) for seed in (1, 1, 2))

    assert one == same
    assert one.returns != other.returns
    assert one.mean == np.mean(one.returns)
    assert one.std == np.std(one.returns)


def test_an_evaluation_has_an_episode(trained):
    with pytest.raises(UsageError, match="n_episodes is 0"):
        trained().agent().evaluate(0)


def test_the_environment_to_act_in_has_the_time_limit_of_training(trained):
    environment = trained("ppo", "Pendulum-v1", limit=60).agent().make_environment()
    environment.reset(seed=EpisodeSeeds(np.random.SeedSequence(0), 1).seed(0, 0))

    ends = [environment.step(environment.action_space.sample())[3] for _ in range(60)]

    assert ends == [False] * 59 + [True]


def test_loading_one_takes_neither_a_broker_nor_a_worker(trained):
    directory = trained().directory
    code = (
        "import sys, amc\n"
        f"amc.load({str(directory)!r}).evaluate()\n"
        "print(*{'.'.join(name.split('.')[:2]) for name in sys.modules})"
    )

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True
    )

    loaded = set(done.stdout.split())
    assert "amc.playback" in loaded, done.stderr
    assert not loaded & {"redis", "celery", "amc.broker", "amc.workers", "matplotlib", "pandas"}


def test_it_says_what_it_is(trained):
    assert repr(trained(steps=256).agent()).startswith(
        "<Agent ppo in CartPole-v1, 256 steps, score"
    )
