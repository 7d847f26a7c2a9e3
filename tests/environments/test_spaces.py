"""From declared spaces to what a learner sees, and back to what an environment is given."""

import numpy as np
import pytest
from gymnasium import spaces

from amc.environments.spaces import action_layout, observation_layout
from amc.errors import EnvironmentFault, ShapeError

NAME = "Some-v0"


def test_a_vector_is_taken_as_it_is():
    space = spaces.Box(-np.inf, np.inf, (17,), np.float64)

    box, flatten = observation_layout(space, NAME)

    assert flatten is None
    assert box.shape == (17,)
    assert box.dtype == np.float32


def test_bounds_beyond_float32_become_infinite_without_a_warning():
    space = spaces.Box(-1e300, 1e300, (1,), np.float64)

    box, _ = observation_layout(space, NAME)

    assert box.high.tolist() == [np.inf]


@pytest.mark.parametrize(
    ("space", "raw", "flat"),
    [
        (spaces.Discrete(3), 1, [0, 1, 0]),
        (spaces.Discrete(2, start=5), 6, [0, 1]),
        (spaces.MultiBinary(3), np.array([1, 0, 1]), [1, 0, 1]),
        (spaces.MultiDiscrete([2, 2]), np.array([1, 0]), [0, 1, 1, 0]),
        (spaces.Box(0, 9, (2, 2)), np.array([[1, 2], [3, 4]]), [1, 2, 3, 4]),
        (spaces.Box(0, 9, ()), np.array(4), [4]),
        (
            spaces.Dict(a=spaces.Box(0, 9, (1,)), b=spaces.Discrete(2)),
            {"a": np.array([7.0]), "b": 0},
            [7, 1, 0],
        ),
        (
            spaces.Tuple([spaces.Discrete(2), spaces.Box(0, 9, (1,))]),
            (1, np.array([3.0])),
            [0, 1, 3],
        ),
    ],
    ids=str,
)
def test_other_observations_are_flattened(space, raw, flat):
    box, flatten = observation_layout(space, NAME)

    vector = flatten(raw)

    assert vector.tolist() == flat
    assert box.shape == vector.shape


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(0, 255, (96, 96, 3), np.uint8),
        spaces.Dict(camera=spaces.Box(0, 255, (96, 96, 3), np.uint8)),
        spaces.Tuple([spaces.Box(0, 255, (96, 96, 3), np.uint8)]),
    ],
)
def test_images_are_refused(space):
    with pytest.raises(EnvironmentFault, match="'Some-v0' observes images"):
        observation_layout(space, NAME)


def test_observations_without_a_fixed_size_are_refused():
    space = spaces.Sequence(spaces.Discrete(2))

    with pytest.raises(EnvironmentFault, match="no fixed size"):
        observation_layout(space, NAME)


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
    "space", [spaces.MultiDiscrete([2, 2]), spaces.Box(0, 5, (1,), np.int64), spaces.Dict()]
)
def test_other_action_spaces_are_refused(space):
    with pytest.raises(EnvironmentFault, match="Discrete and Box of floats"):
        action_layout(space, 1, NAME)


@pytest.mark.parametrize("space", [spaces.Discrete(3), spaces.Box(-1, 1, (2,))])
def test_packed_actions_unpack_to_what_was_given(space):
    actions = action_layout(space, 2, NAME)
    batch = np.array([2, 1]) if isinstance(space, spaces.Discrete) else np.ones((2, 2)) / 3
    given = list(actions.prepare(batch))
    taken = [each if isinstance(each, int) else each.tobytes() for each in given]

    unpacked = actions.unpack(actions.pack(taken))

    assert np.array_equal(unpacked, given)


def test_an_episode_without_actions_packs_to_nothing():
    actions = action_layout(spaces.Box(-1, 1, (2,)), 1, NAME)

    assert actions.pack([]).shape == (0, 2)
    assert actions.unpack(actions.pack([])) == []
