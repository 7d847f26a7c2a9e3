"""From what an environment observes to the vectors that learners read."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from amc.environments.observations import Misfit, observation_layout
from amc.errors import EnvironmentFault

NAME = "Some-v0"

SPACES = [
    spaces.Box(-1, 1, (17,), np.float64),
    spaces.Box(0, 255, (4, 4, 3), np.uint8),
    spaces.Box(-9, 9, (), np.int64),
    spaces.Box(0, 1, (3,), np.bool_),
    spaces.Box(-1, 1, (2, 2), np.float16),
    spaces.Discrete(5),
    spaces.Discrete(5, start=-3, dtype=np.int16),
    spaces.MultiDiscrete([3, 2, 4]),
    spaces.MultiDiscrete([[3, 2], [4, 1]], start=[[1, 0], [-4, 7]]),
    spaces.MultiBinary(4),
    spaces.MultiBinary((2, 3)),
    spaces.Tuple([spaces.Discrete(3), spaces.Box(0, 1, (2,)), spaces.MultiBinary(2)]),
    spaces.Dict(b=spaces.Discrete(3), a=spaces.Tuple([spaces.Box(0, 1, (1,), np.int8)])),
    spaces.Text(5),
    spaces.OneOf([spaces.Discrete(3), spaces.Box(0, 1, (2,))]),
]


def read(space: Any, raw: Any) -> list[float]:
    layout = observation_layout(space, NAME)
    vector = np.full(layout.space.shape, np.nan, np.float32)
    layout.read(raw, vector)
    return vector.tolist()


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_observations_are_read_as_gymnasium_flattens_them(space: Any):
    space.seed(0)
    samples = [space.sample() for _ in range(20)]

    vectors = [read(space, sample) for sample in samples]

    flat = [spaces.flatten(space, sample).astype(np.float32).tolist() for sample in samples]
    assert vectors == flat
    assert observation_layout(space, NAME).space.shape == spaces.flatten_space(space).shape


def test_a_vector_is_copied_and_not_read():
    layout = observation_layout(spaces.Box(-np.inf, np.inf, (17,), np.float64), NAME)

    assert layout.as_is == 17
    assert layout.space.dtype == np.float32


def test_bounds_beyond_float32_become_infinite_without_a_warning():
    space = spaces.Box(-1e300, 1e300, (1,), np.float64)

    assert observation_layout(space, NAME).space.high.tolist() == [np.inf]


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(2_000_000_000),
        spaces.Dict(a=spaces.Tuple([spaces.Discrete(2_000_000_000)])),
        spaces.MultiDiscrete([2_000_000_000, 2]),
        spaces.Box(0, 255, (84, 84), np.uint8),
        spaces.Box(0, 1, (4097,)),
        spaces.Dict({}),
    ],
    ids=str,
)
def test_what_is_too_large_or_empty_is_refused_before_anything_is_allocated(space: Any):
    tracemalloc.start()

    with pytest.raises(EnvironmentFault, match=r"'Some-v0' observes .* read 1 to 4,096\. Add"):
        observation_layout(space, NAME)

    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "space", [spaces.Sequence(spaces.Discrete(2)), spaces.Space((3,), np.float32), None, 5]
)
def test_observations_without_a_fixed_size_are_refused(space: Any):
    with pytest.raises(EnvironmentFault, match="no fixed size"):
        observation_layout(space, NAME)


BOX = spaces.Box(0, 9, (3,))


@pytest.mark.parametrize(
    ("space", "raw", "message"),
    [
        (spaces.Discrete(4), 4, "is 4, but its space holds the integers 0 to 3."),
        (spaces.Discrete(4), -1, "is -1, but"),
        (spaces.Discrete(4, start=2), np.int64(1), "is 1, but its space holds the integers 2 to 5"),
        (spaces.Discrete(4), 1.0, "is 1.0, but"),
        (spaces.Discrete(4), np.array([1]), "is [1], but"),
        (spaces.Discrete(4), None, "is None, but"),
        (spaces.MultiDiscrete([2, 3]), np.array([0, 3]), "is [0, 3], but its space holds the inte"),
        (spaces.MultiDiscrete([2, 3]), np.array([-1, 0]), "the integers [0, 0] to [1, 2]."),
        (
            spaces.MultiDiscrete([2, 3]),
            np.array([0.0, 1.0]),
            "of type float64, but its space holds",
        ),
        (
            spaces.MultiDiscrete([2, 3]),
            np.array([0]),
            "of shape (1,), but its space has shape (2,)",
        ),
        (spaces.MultiBinary(2), np.array([0, 2]), "is [0, 2], but its space holds zeros and ones."),
        (BOX, np.zeros(1), "is [0.0], of shape (1,), but its space has shape (3,)."),
        (BOX, np.zeros((3, 1)), "of shape (3, 1), but its space has shape (3,)."),
        (BOX, 1.0, "of shape (), but"),
        (BOX, np.array([1, "x", 2], object), "is [1, 'x', 2], and not all of that is numbers."),
        (BOX, [[1], [1, 2], 3], "which is no array"),
        (spaces.Dict(a=BOX), {"b": 1}, "but its space is a Dict with the keys ['a']."),
        (spaces.Dict(a=BOX), np.zeros(3), "is [0.0, 0.0, 0.0], but its space is a Dict"),
        (spaces.Tuple([BOX, BOX]), (np.zeros(3),), "but its space is a Tuple of 2 entries."),
        (
            spaces.Dict(a=spaces.Tuple([BOX, spaces.Discrete(2)])),
            {"a": (np.zeros(3), 2)},
            "observation['a'][1] is 2, but its space holds the integers 0 to 1.",
        ),
        (spaces.Text(3), "toolong", "which is none of Text("),
    ],
    ids=str,
)
def test_what_the_space_does_not_hold_is_told(space: Any, raw: Any, message: str):
    with pytest.raises(Misfit) as caught:
        read(space, raw)

    assert message in str(caught.value)


def test_the_bounds_of_a_box_are_not_held_against_anybody():
    assert read(spaces.Box(0, 1, (2,)), [3.0, -1.0]) == [3.0, -1.0]
