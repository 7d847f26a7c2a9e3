"""What a policy remembers: from step to step, never beyond an episode, and the same as in SB3."""

import numpy as np
import pytest
import torch
from numpy.random import SeedSequence
from stable_baselines3.common.evaluation import evaluate_policy as played_by_sb3

from amc.algorithms.stable_baselines3.vec_env import AsVecEnv
from amc.environments import make
from amc.errors import CheckpointError
from amc.training.evaluation import evaluate_policy
from tests.algorithms.conftest import Guess

NAME = "sb3:RecurrentPPO"


class FirstSeen(Guess):
    """What is to be named is shown at an episode's first step alone."""

    def draw(self):
        fresh = super().draw()
        if not hasattr(self, "shown"):
            self.shown = fresh
        begins = self.time % self.length == 0
        self.shown = np.where(begins[:, None], fresh, self.shown)
        return np.where(begins[:, None], fresh, 0).astype(np.float32)

    def reward(self, actions):
        return (self.shown.argmax(axis=1) == actions).astype(float)


@pytest.fixture(autouse=True)
def _short_iterations(monkeypatch):
    monkeypatch.setattr("amc.algorithms.stable_baselines3.learner.ITERATION_STEPS", 13)


@pytest.fixture
def worlds(worlds):
    return worlds | {"first": FirstSeen}


@pytest.fixture
def vivid(make_sb3):
    """A learner whose actions depend on what it sees and on what it saw, though untrained."""
    learner = make_sb3(
        NAME,
        {"policy_kwargs": {"net_arch": [], "lstm_hidden_size": 8}},
        {"environment.name": "CartPole-v1"},
    )
    environment = make(learner.config.environment, 2, SeedSequence(0))
    learner = type(learner)(environment, learner.config, SeedSequence(3))
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in learner.model.policy.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    return learner


def recorded(environment, kept):
    """Keep what it is told to do, and which episode of each copy that is in."""
    inner, ended = environment.step, np.zeros(environment.n_envs, int)

    def step(actions):
        nonlocal ended
        kept.append(list(zip(ended.tolist(), actions.tolist(), strict=True)))
        found = inner(actions)
        ended = ended + (found.terminated | found.truncated)
        return found

    environment.step = step
    return environment


def counted(kept, quota):
    """The actions in episodes that count; of the others SB3's loop forgets everything."""
    return [
        [action for episode, action in copy if episode < most]
        for copy, most in zip(zip(*kept, strict=True), quota, strict=True)
    ]


def test_episodes_are_played_as_sb3_plays_them_step_by_step(vivid):
    ours, theirs = [], []
    mine, other = (
        recorded(make(vivid.config.environment, 3, SeedSequence(7)), kept)
        for kept in (ours, theirs)
    )

    played = evaluate_policy(vivid.predict, mine, 8, play=vivid.player(mine))
    env = AsVecEnv(other, lambda actions: other.step(actions), other.reset, ends_raw=False)
    returns, lengths = played_by_sb3(
        vivid.model, env, n_eval_episodes=8, return_episode_rewards=True, warn=False
    )

    assert counted(ours, (2, 3, 3)) == counted(theirs, (2, 3, 3))
    assert [(float(a), b) for a, b in zip(returns, lengths, strict=True)] == played.episodes
    assert len(set(lengths)) > 2, "copies begin their episodes at different times"
    assert all({0, 1} == set(actions) for actions in counted(ours, (2, 3, 3)))


def test_each_episode_is_played_as_if_it_were_the_first(vivid):
    environment = make(vivid.config.environment, 1, SeedSequence(7))
    play = vivid.player(environment)(environment.reset(), np.array([1]))
    while not next(play):
        pass
    second, kept = environment.state_dict(), []

    recorded(environment, kept)
    while not next(play):
        pass
    once_more = make(vivid.config.environment, 1, SeedSequence(7))
    once_more.load_state_dict(second)
    seen, alone = once_more.raw_observation, []
    memory = None
    while len(alone) < len(kept):
        actions, memory = vivid.act(seen, memory)
        alone.append([(0, actions.item())])
        seen = once_more.step(actions).observation

    assert kept == alone


def test_what_it_does_depends_on_what_it_saw_and_predict_knows_none_of_it(vivid):
    seen = np.random.default_rng(0).normal(size=(40, 1, 4)).astype(np.float32)

    memory, remembering = None, []
    for one in seen:
        actions, memory = vivid.act(one, memory)
        remembering.append(actions[0])
    beginning = [vivid.act(one)[0][0] for one in seen]

    assert remembering != beginning
    assert beginning == vivid.predict(seen[:, 0]).tolist()


def test_drawn_actions_are_remembered_too_and_come_from_the_generator(vivid):
    seen = np.ones((3, 4), np.float32)

    def drawn(seed):
        memory, generator, found = None, np.random.default_rng(seed), []
        for _ in range(20):
            actions, memory = vivid.act(seen, memory, generator)
            found.append(actions)
        return np.array(found), memory

    (first, kept), (again, _), (other, _) = drawn(0), drawn(0), drawn(1)

    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert [state.shape for state in kept] == [(1, 3, 8)] * 2


def test_a_fork_begins_with_nothing_remembered(make_sb3, through_a_file):
    learner = make_sb3(NAME)
    learner.iterate()
    state = learner.state_dict()
    other, fresh = (make_sb3(NAME, seed=1) for _ in range(2))

    other.load_state_dict(through_a_file(state))
    resumed = other.state_dict()["memory"]
    other.fork()

    forked = other.state_dict()["memory"]
    assert all(map(torch.equal, resumed["states"], state["memory"]["states"]))
    assert any(part.any() for part in resumed["states"]) and not resumed["begins"].any()
    assert all(map(torch.equal, forked["states"], fresh.state_dict()["memory"]["states"]))
    assert not any(part.any() for part in forked["states"]) and forked["begins"].all()
    assert other.observe() is not None and other.iterate()


def test_the_memory_of_other_copies_is_refused(make_sb3):
    state = make_sb3(NAME, {"n_envs": 3}).state_dict()

    with pytest.raises(CheckpointError, match=r"states are \(2, 3, 4\), but here they are \(2, 2"):
        make_sb3(NAME).load_state_dict(state)


def test_a_shortened_rollout_keeps_each_state_beside_its_observation(make_sb3, train):
    learner = make_sb3(NAME, {"n_envs": 3}, {"training.total_timesteps": 75})

    train(learner)

    buffer = learner.model.rollout_buffer
    assert learner.num_timesteps == 75
    assert len(buffer.observations) == len(buffer.hidden_states_pi) == 3 * (25 - 16)
    # At the first step after one that began an episode, the state is what that one left.
    policy, seen = learner.model.policy, torch.tensor(buffer.observations)
    assert policy.lstm_actor.num_layers == 2 and len(seen) == len(buffer.episode_starts)
    began = np.flatnonzero(buffer.episode_starts.ravel()[:-1])
    assert len(began) and (buffer.hidden_states_pi[began + 1] != 0).all()


@pytest.mark.parametrize(
    ("samples", "batch_size"), [(33, 16), (7, 2), (2, 1000), (48, 16)], ids=str
)
def test_no_minibatch_of_a_single_sample_makes_numbers_of_nothing(
    make_sb3, train, samples, batch_size
):
    changes = {"n_envs": 1, "n_steps": samples, "batch_size": batch_size}
    learner = make_sb3(NAME, changes, {"training.total_timesteps": samples})

    metrics = train(learner)[-1]

    assert np.isfinite(metrics["train/loss"]) and learner.n_updates == 1


@pytest.mark.parametrize(
    "kwargs",
    [
        pytest.param({"shared_lstm": True, "enable_critic_lstm": False}, marks=pytest.mark.slow),
        pytest.param({"enable_critic_lstm": False}, marks=pytest.mark.slow),
        {"n_lstm_layers": 2, "lstm_kwargs": {"dropout": 0.5, "bias": False}},
    ],
    ids=["shared", "policy's alone", "dropout"],
)
def test_every_kind_of_lstm_goes_on_to_the_same_bits(make_sb3, train, through_a_file, kwargs):
    changes = {"policy_kwargs": {"net_arch": [8], "lstm_hidden_size": 4} | kwargs}
    whole, half, other = (make_sb3(NAME, changes) for _ in range(3))
    train(whole)
    half.iterate()
    assert half.num_timesteps == 32

    other.load_state_dict(through_a_file(half.state_dict()))
    other.environment.load_state_dict(through_a_file(half.environment.state_dict()))
    train(other)

    for (_, mine), (_, theirs) in zip(
        other.named_parameters(), whole.named_parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)


@pytest.mark.slow
def test_it_learns_what_only_a_memory_can_tell(make_sb3, train):
    changes = {
        "policy_kwargs": {"net_arch": [16], "lstm_hidden_size": 16},
        **{"n_envs": 8, "n_steps": 20, "batch_size": 160, "n_epochs": 8, "gamma": 0.0},
    }
    overrides = {"environment.name": "CartPole-v1", "optimizer.learning_rate": 0.01}
    budget = {"training.total_timesteps": 16_000}
    learner = make_sb3(NAME, changes, overrides | budget, world="first")
    train(learner)

    earned, memory = [], None
    seen = learner.environment.reset()
    for _ in range(5):
        actions, memory = learner.act(seen, memory)
        step = learner.environment.step(actions)
        seen = step.observation
        earned.append(step.reward.mean())

    assert np.mean(earned) > 0.9, "by chance it would be a quarter"
