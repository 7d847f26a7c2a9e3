"""An agent that remembers the episode it acts in: alone, at play, measured, handed on."""

import numpy as np
import pytest
import torch

import amc
from amc.environments.episode_seeds import EpisodeSeeds
from amc.errors import UsageError
from amc.playback.model_card import Claim, model_card
from amc.playback.packing import pack
from amc.playback.playing import play

NAME = "sb3:RecurrentPPO"


@pytest.fixture
def agent(trained):
    return trained(NAME).agent()


@pytest.fixture
def vivid(agent):
    """The same with other weights, so that what it does depends on all it sees and saw."""
    generator = torch.Generator().manual_seed(1)
    for _, parameter in agent.algorithm.named_parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return agent


def by_hand(agent, seed):
    """Return and length of an episode that is stepped as a user would."""
    environment = agent.make_environment()
    observation, _ = environment.reset(seed=EpisodeSeeds(agent.episodes(seed), 1).seed(0, 0))
    agent.begin_episode()
    gained, length, has_ended = 0.0, 0, False
    while not has_ended:
        step = environment.step(agent.predict(observation))
        observation, has_ended = step[0], step[2] or step[3]
        gained, length = gained + float(step[1]), length + 1
    return gained, length


def test_it_earns_what_was_recorded_to_the_last_bit(trained, agent):
    assert agent.evaluate().mean == trained(NAME).outcome.score == agent.score


def test_a_user_plays_the_episodes_that_are_measured_and_filmed(vivid):
    expected = vivid.evaluate(5, seed=5)

    found = [by_hand(vivid, 5)]
    ends = [moment for moment in play(vivid, 5, seed=5) if moment.has_ended]

    assert found == [(ends[0].gained, ends[0].step)]
    assert {(end.gained, end.step) for end in ends} == set(
        zip(expected.returns, expected.lengths, strict=True)
    )


def drawn(agent, seen, count=30):
    agent.seed(0)
    return [int(agent.predict(seen, deterministic=False)) for _ in range(count)]


def memory_after(agent, count, seen):
    for _ in range(count):
        agent.predict(seen)
    return [part.copy() for part in agent._memory]


def test_what_it_saw_counts_until_an_episode_begins(agent):
    seen = np.full(4, 0.1, np.float32)
    agent.begin_episode()

    first, second = memory_after(agent, 1, seen), memory_after(agent, 1, seen)
    agent.begin_episode()
    again = memory_after(agent, 1, seen)

    assert agent.has_memory
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    agent.begin_episode()
    actions = drawn(agent, seen)
    agent.begin_episode()
    assert drawn(agent, seen) == actions


def test_playing_and_measuring_leave_the_episode_of_a_user_alone(agent):
    seen = np.full(4, 0.1, np.float32)
    agent.begin_episode()
    expected = memory_after(agent, 3, seen)
    agent.begin_episode()
    memory_after(agent, 2, seen)

    list(play(agent, 1, seed=0))
    agent.evaluate(1, seed=0)

    np.testing.assert_array_equal(memory_after(agent, 1, seen), expected)


def test_a_batch_is_refused_for_it_has_one_memory(agent):
    with pytest.raises(UsageError, match=r"predict: a batch of 3, .*call begin_episode\(\)"):
        agent.predict(np.zeros((3, 4), np.float32))


def test_of_an_agent_without_a_memory_nothing_is_forgotten(trained):
    agent = trained().agent()
    seen = np.zeros((3, 4), np.float32)
    before = agent.predict(seen)

    agent.begin_episode()

    assert not agent.has_memory
    np.testing.assert_array_equal(agent.predict(seen), before)


def test_a_package_of_it_acts_the_same_and_tells_how_to_begin(agent, trained, tmp_path):
    pack(agent, tmp_path, {})

    packed = amc.load(tmp_path)

    assert packed.evaluate().mean == agent.score
    assert by_hand(packed, 5) == by_hand(agent, 5)
    claim = Claim(mean=1.0, std=0.0, n=1, of="episodes")
    assert "agent.begin_episode()" in model_card(packed, claim, film=None)
    assert "begin_episode" not in model_card(trained().agent(), claim, film=None)


def test_no_onnx_file_is_written_of_it(agent, tmp_path):
    with pytest.raises(UsageError, match="of PPO and DDPG, not of RecurrentPPO"):
        agent.export("onnx", tmp_path / "policy.onnx")
