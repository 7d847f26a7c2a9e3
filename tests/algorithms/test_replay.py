import numpy as np
import pytest
import torch

from amc.algorithms.replay import ReplayBuffer
from amc.environments.vector import Step
from amc.errors import CheckpointError

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
DEVICES = ["cpu", pytest.param("cuda", marks=GPU)]


class Scaled:
    """A normaliser whose scale the test sets."""

    scale = 1.0

    def normalize_observation(self, raw):
        return raw * np.float32(self.scale)

    def normalize_reward(self, raw):
        return raw / self.scale


def fill(buffer, numbers, n_envs=1):
    """Remember transitions that carry their own number in every column."""
    for first in range(numbers.start, numbers.stop, n_envs):
        column = np.arange(first, first + n_envs, dtype=np.float32)
        observations = column[:, None].repeat(2, axis=1)
        terminated = column.astype(int) % 2 == 0
        raw = Step.unnormalized(
            observations, column, terminated, ~terminated, observations + np.float32(0.5)
        )
        unused = np.full_like(observations, np.nan)
        step = raw._replace(observation=unused, reward=unused[:, 0], next_observation=unused)
        buffer.add(observations, -column[:, None], step)


def contents(buffer):
    rows = buffer.sample(1000, np.random.default_rng(0))
    return sorted({int(number) for number in rows.rewards})


def test_before_it_is_full_only_filled_rows_are_sampled():
    buffer = ReplayBuffer(10, observation_size=2, action_size=1)

    fill(buffer, range(4))

    assert buffer.size == 4
    assert contents(buffer) == [0, 1, 2, 3]


@pytest.mark.parametrize("n_envs", [1, 2, 3])
def test_the_oldest_transitions_are_forgotten_first(n_envs):
    buffer = ReplayBuffer(5, observation_size=2, action_size=1)

    fill(buffer, range(12), n_envs)

    assert buffer.size == 5
    assert contents(buffer) == [7, 8, 9, 10, 11]


def test_more_environments_than_rows_keep_the_last_rows():
    buffer = ReplayBuffer(3, observation_size=2, action_size=1)

    fill(buffer, range(8), n_envs=8)

    assert contents(buffer) == [5, 6, 7]


def test_a_sampled_row_is_one_transition():
    buffer = ReplayBuffer(8, observation_size=2, action_size=1)
    fill(buffer, range(8))

    batch = buffer.sample(50, np.random.default_rng(0))

    numbers = batch.rewards
    torch.testing.assert_close(batch.observations, numbers[:, None].expand(50, 2))
    torch.testing.assert_close(batch.next_observations, numbers[:, None].expand(50, 2) + 0.5)
    torch.testing.assert_close(batch.actions, -numbers[:, None])


def test_a_batch_is_the_same_as_rows_and_as_transitions():
    buffer = ReplayBuffer(8, observation_size=2, action_size=1)
    fill(buffer, range(11))

    rows = buffer.sample_rows(50, np.random.default_rng(0))
    batch = buffer.sample(50, np.random.default_rng(0))

    columns = (batch.observations, batch.next_observations, batch.actions)
    scalars = (batch.rewards[:, None], batch.terminated[:, None])
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(torch.cat([*columns, *scalars], dim=1), rows)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("n_envs", [1, 3, 7])
def test_on_every_device_it_remembers_and_samples_the_same(device, n_envs):
    here = ReplayBuffer(5, observation_size=2, action_size=1)
    there = ReplayBuffer(5, observation_size=2, action_size=1, device=torch.device(device))

    for buffer in (here, there):
        fill(buffer, range(21), n_envs)

    batches = [buffer.sample(20, np.random.default_rng(1)) for buffer in (here, there)]
    for mine, other in zip(*batches, strict=True):
        assert other.device.type == device
        assert torch.equal(mine, other.cpu())
    assert torch.equal(here.state_dict()["rows"], there.state_dict()["rows"])


@pytest.mark.parametrize("device", DEVICES)
def test_a_state_goes_from_one_device_to_another(device):
    there = ReplayBuffer(5, observation_size=2, action_size=1, device=torch.device(device))
    fill(there, range(7))
    here = ReplayBuffer(5, observation_size=2, action_size=1)

    here.load_state_dict(there.state_dict())
    there.load_state_dict(here.state_dict())

    assert contents(here) == contents(there) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("device", DEVICES)
def test_rows_of_every_age_are_sampled_with_the_present_scale(device):
    normalizer = Scaled()
    buffer = ReplayBuffer(8, 2, 1, torch.device(device), normalizer)
    fill(buffer, range(4))
    normalizer.scale = 2.0
    fill(buffer, range(4, 8))

    rows = buffer.sample_rows(50, np.random.default_rng(0))
    batch = buffer.sample(50, np.random.default_rng(0))

    numbers = -rows[:, 4:5]
    expected = [numbers * 2, numbers * 2, numbers * 2 + 1, numbers * 2 + 1, -numbers, numbers / 2]
    np.testing.assert_array_equal(rows[:, :-1], np.concatenate(expected, axis=1))
    assert batch.rewards.device.type == device
    np.testing.assert_array_equal(batch.observations.cpu(), rows[:, :2])
    np.testing.assert_array_equal(batch.next_observations.cpu(), rows[:, 2:4])
    np.testing.assert_array_equal(batch.rewards.cpu(), rows[:, 5])


def test_what_is_saved_is_raw():
    normalizer = Scaled()
    normalizer.scale = 7.0
    plain, normalized = ReplayBuffer(8, 2, 1), ReplayBuffer(8, 2, 1, normalizer=normalizer)

    for buffer in (plain, normalized):
        fill(buffer, range(5))
        buffer.sample(20, np.random.default_rng(0))

    assert torch.equal(normalized.state_dict()["rows"], plain.state_dict()["rows"])


def test_normalised_rows_of_an_earlier_version_are_refused_and_raw_ones_taken():
    state = ReplayBuffer(5, 2, 1).state_dict()
    del state["is_raw"]

    ReplayBuffer(5, 2, 1).load_state_dict(state)
    with pytest.raises(CheckpointError, match="holds normalised values"):
        ReplayBuffer(5, 2, 1, normalizer=Scaled()).load_state_dict(state)


def test_a_truncated_transition_is_not_remembered_as_terminated():
    buffer = ReplayBuffer(8, observation_size=2, action_size=1)
    fill(buffer, range(8))

    batch = buffer.sample(50, np.random.default_rng(0))

    assert batch.terminated.tolist() == [float(number % 2 == 0) for number in batch.rewards]


@pytest.mark.parametrize("filled", [3, 7])
def test_a_restored_buffer_goes_on_as_if_it_had_lived(filled):
    lived = ReplayBuffer(5, observation_size=2, action_size=1)
    fill(lived, range(filled))
    restored = ReplayBuffer(5, observation_size=2, action_size=1)

    restored.load_state_dict(lived.state_dict())
    for buffer in (lived, restored):
        fill(buffer, range(filled, filled + 2))

    batches = [buffer.sample(20, np.random.default_rng(1)) for buffer in (lived, restored)]
    for mine, other in zip(*batches, strict=True):
        assert torch.equal(mine, other)


def test_only_filled_rows_are_saved():
    buffer = ReplayBuffer(1000, observation_size=2, action_size=1)

    fill(buffer, range(3))

    assert buffer.state_dict()["rows"].shape == (3, 7)


def test_a_saved_state_does_not_change_when_the_buffer_does():
    buffer = ReplayBuffer(2, observation_size=2, action_size=1)
    fill(buffer, range(2))
    state = buffer.state_dict()
    before = state["rows"].clone()

    fill(buffer, range(2, 4))

    assert torch.equal(state["rows"], before)


@pytest.mark.parametrize("filled", [3, 5, 7])
def test_a_larger_buffer_takes_over_a_smaller_one_and_forgets_the_oldest_first(filled):
    small = ReplayBuffer(5, observation_size=2, action_size=1)
    fill(small, range(filled))
    large = ReplayBuffer(8, observation_size=2, action_size=1)

    large.load_state_dict(small.state_dict())
    fill(large, range(filled, 12))

    assert contents(large) == list(range(4, 12))


def test_a_larger_buffer_goes_on_as_if_it_had_had_the_room_from_the_first():
    lived, small = (ReplayBuffer(room, observation_size=2, action_size=1) for room in (8, 5))
    fill(lived, range(5))
    fill(small, range(5))
    grown = ReplayBuffer(8, observation_size=2, action_size=1)

    grown.load_state_dict(small.state_dict())
    for buffer in (lived, grown):
        fill(buffer, range(5, 7))

    batches = [buffer.sample(20, np.random.default_rng(1)) for buffer in (lived, grown)]
    for mine, other in zip(*batches, strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize(("room", "width"), [(4, 2), (5, 3)])
def test_a_state_of_a_larger_buffer_or_of_other_rows_is_refused(room, width):
    state = ReplayBuffer(5, observation_size=2, action_size=1).state_dict()

    with pytest.raises(CheckpointError, match=rf"\(5, 7\).*\({room}, "):
        ReplayBuffer(room, observation_size=width, action_size=1).load_state_dict(state)
