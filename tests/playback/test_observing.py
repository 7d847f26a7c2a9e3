"""One observation or many: what spaces of every kind hold is read, and nothing else is."""

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space, iterate

from amc.errors import ShapeError
from amc.playback.observing import Observer

SPACES = [
    spaces.Box(-1, 1, (3,), np.float32),
    spaces.Box(0, 255, (2, 2), np.uint8),
    spaces.Discrete(4, start=1),
    spaces.MultiBinary(3),
    spaces.MultiDiscrete([2, 3]),
    spaces.Dict(a=spaces.Discrete(3), b=spaces.Box(-1, 1, (2,))),
    spaces.Tuple([spaces.Discrete(3), spaces.Dict(b=spaces.Box(-1, 1, (2,)))]),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_single_one_is_flattened_as_gymnasium_does(space):
    space.seed(0)
    observation = space.sample()

    vectors, is_single = Observer(space, "it").read(observation)

    assert is_single
    np.testing.assert_array_equal(vectors, [spaces.flatten(space, observation)])


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_batch_is_read_as_vector_environments_return_it(space):
    batched = batch_space(space, 5)
    batched.seed(0)
    batch = batched.sample()

    vectors, is_single = Observer(space, "it").read(batch)

    rows = [spaces.flatten(space, one) for one in iterate(batched, batch)]
    assert not is_single
    np.testing.assert_array_equal(vectors, np.stack(rows))


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_list_of_single_ones_is_a_batch(space):
    space.seed(0)
    observations = [space.sample() for _ in range(4)]

    vectors, is_single = Observer(space, "it").read(observations)

    assert not is_single
    np.testing.assert_array_equal(vectors, [spaces.flatten(space, one) for one in observations])


@pytest.mark.parametrize(
    ("space", "wrong"),
    [
        (SPACES[0], np.zeros((2, 4))),
        (SPACES[2], 0),
        (SPACES[5], {"a": 1}),
        (SPACES[5], {"a": np.zeros(2, int), "b": np.zeros((3, 2))}),
        (SPACES[6], (1,)),
        (SPACES[0], np.zeros((2, 1, 3))),
    ],
)
def test_what_is_neither_is_refused_with_what_is_meant(space, wrong):
    with pytest.raises(ShapeError, match=r"predict: the observation.*Give one observation, or a"):
        Observer(space, "it").read(wrong)
