"""From what a learner chooses to what an environment is given."""

import numpy as np
import pytest
from gymnasium import spaces

from amc.environments.actions import action_layout
from amc.errors import EnvironmentFault, ShapeError

NAME = "Some-v0"


def test_actions_beyond_the_bounds_are_clipped_to_them():
    actions = action_layout(spaces.Box(np.float32([-1, -2]), np.float32([1, 2])), 2, NAME)

    given = actions.prepare(np.array([[3.0, -3.0], [0.5, 0.5]], np.float32))

    assert given.tolist() == [[1.0, -2.0], [0.5, 0.5]]


def test_clipping_leaves_the_learners_array_alone():
    actions = action_layout(spaces.Box(-1, 1, (1,)), 1, NAME)
    chosen = np.array([[0.5]], np.float32)

    given = actions.prepare(chosen)
    given[:] = 0.0

    assert chosen.tolist() == [[0.5]]


def test_a_matrix_of_actions_is_shown_flat_and_given_as_it_was_declared():
    actions = action_layout(spaces.Box(-1, 1, (2, 3), np.float64), 1, NAME)

    given = actions.prepare(np.zeros((1, 6), np.float32))

    assert actions.space.shape == (6,)
    assert given.shape == (1, 2, 3)
    assert given.dtype == np.float64


def test_discrete_actions_count_from_zero_whatever_the_environment_counts_from():
    actions = action_layout(spaces.Discrete(3, start=-1), 3, NAME)

    assert actions.prepare(np.array([0, 1, 2])) == [-1, 0, 1]
    assert actions.space == spaces.Discrete(3)


@pytest.mark.parametrize("chosen", [[0, 3], [-1, 0]])
def test_a_discrete_action_that_does_not_exist_is_refused(chosen: list[int]):
    actions = action_layout(spaces.Discrete(3), 2, NAME)

    with pytest.raises(EnvironmentFault, match="from 0 to 2"):
        actions.prepare(np.array(chosen))


def test_discrete_actions_must_be_integers():
    actions = action_layout(spaces.Discrete(3), 1, NAME)

    with pytest.raises(EnvironmentFault, match="float64"):
        actions.prepare(np.array([1.0]))


@pytest.mark.parametrize("space", [spaces.Discrete(3), spaces.Box(-1, 1, (1,))])
def test_actions_of_another_shape_are_refused(space):
    actions = action_layout(space, 2, NAME)

    with pytest.raises(ShapeError, match=r"\(3,\) was given"):
        actions.prepare(np.zeros(3, np.int64))


@pytest.mark.parametrize(
    "space", [spaces.Box(0, 5, (1,), np.int64), spaces.Dict(), spaces.Text(3), None]
)
def test_other_action_spaces_are_refused(space):
    with pytest.raises(EnvironmentFault, match="MultiBinary and Box of floats are understood"):
        action_layout(space, 1, NAME)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(2_000_000_000),
        spaces.MultiDiscrete([4000, 97]),
        spaces.MultiBinary(2049),
        spaces.Box(-1, 1, (0,)),
    ],
)
def test_a_policy_that_would_be_too_large_or_empty_is_refused(space):
    with pytest.raises(EnvironmentFault, match=r"'Some-v0' acts in .* 1 to 4,096"):
        action_layout(space, 1, NAME)


@pytest.mark.parametrize(
    ("space", "chosen"),
    [
        (spaces.Discrete(3), [2, 1]),
        (spaces.Discrete(3, start=-5, dtype=np.int16), [2, 1]),
        (spaces.MultiDiscrete([3, 2]), [[2, 1], [0, 0]]),
        (spaces.MultiDiscrete([[3, 2]], start=[[1, -1]], dtype=np.int32), [[2, 1], [0, 0]]),
        (spaces.MultiBinary(2), [[0, 1], [1, 1]]),
        (spaces.MultiBinary((2, 1)), [[0, 1], [1, 1]]),
        (spaces.Box(-1, 1, (2,)), [[0.5, 0.1], [0.0, 1.0]]),
        (spaces.Box(-1, 1, (1, 2), np.float64), [[0.5, 0.1], [0.0, 1.0]]),
        (spaces.Box(-1, 1, (2,), np.float16), [[0.5, 0.1], [0.0, 1.0]]),
    ],
    ids=str,
)
class TestOfEverySpace:
    def test_an_action_is_what_the_spaces_own_sample_would_be(self, space, chosen):
        actions = action_layout(space, 2, NAME)

        given = list(actions.prepare(np.array(chosen)))

        assert all(space.contains(action) for action in given)
        assert {type(action) for action in given} == {type(space.sample())}
        assert {action.dtype for action in given} == {space.dtype}

    def test_packed_actions_unpack_to_what_was_given(self, space, chosen):
        actions = action_layout(space, 2, NAME)
        given = list(actions.prepare(np.array(chosen)))
        taken = [each if isinstance(each, np.generic) else each.tobytes() for each in given]

        unpacked = actions.unpack(actions.pack(taken))

        assert np.array_equal(unpacked, given)
        assert {action.dtype for action in unpacked} == {space.dtype}


def test_several_choices_are_shown_flat_and_counted_from_zero():
    actions = action_layout(spaces.MultiDiscrete([[3, 2]], start=[[1, -1]]), 1, NAME)

    given = actions.prepare(np.array([[2, 1]]))

    assert actions.space == spaces.MultiDiscrete([3, 2])
    assert given.tolist() == [[[3, 0]]]


def test_bits_are_choices_of_two():
    assert action_layout(spaces.MultiBinary(3), 1, NAME).space == spaces.MultiDiscrete([2, 2, 2])


@pytest.mark.parametrize("chosen", [[[0, 2]], [[-1, 0]], [[0.0, 0.0]]])
def test_choices_that_do_not_exist_are_refused(chosen):
    actions = action_layout(spaces.MultiDiscrete([3, 2]), 1, NAME)

    with pytest.raises(EnvironmentFault, match=r"from 0 to below \[3, 2\] are meant"):
        actions.prepare(np.array(chosen))


def test_an_episode_without_actions_packs_to_nothing():
    actions = action_layout(spaces.Box(-1, 1, (2,)), 1, NAME)

    assert actions.pack([]).shape == (0, 2)
    assert actions.unpack(actions.pack([])) == []
