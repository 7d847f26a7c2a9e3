"""Sound wrappers pass their suite, ours among them; each broken one fails the test of it."""

from collections.abc import Callable
from typing import Any

import pytest

from amc.testing import WrapperSuite
from tests import strange
from tests.testing import environments_at_fault as broken


def suite_for(wrapper: Any, around: Any = broken.Sound) -> type[WrapperSuite]:
    return type("Suite", (WrapperSuite,), {"wrapper": wrapper, "around": around, "steps": 90})


class TestCentred(WrapperSuite):
    """As pytest collects it."""

    wrapper: Any = {"name": broken.Centred, "kwargs": {"start": 0.5}}
    around: Any = strange.Twenty


@pytest.mark.parametrize("around", ["CartPole-v1", broken.Sound])
@pytest.mark.parametrize("wrapper", ["normalize_observation", "normalize_reward"])
def test_our_normalizers_pass(wrapper: str, around: Any, failures_of: Callable[..., list[str]]):
    assert failures_of(suite_for(wrapper, around)) == []


@pytest.mark.parametrize(
    "wrapper",
    [
        "gymnasium.wrappers:TimeAwareObservation",
        pytest.param(
            {"name": "gymnasium.wrappers:FrameStackObservation", "kwargs": {"stack_size": 3}},
            marks=pytest.mark.slow,
        ),
    ],
    ids=str,
)
def test_wrappers_of_gymnasium_pass(wrapper: Any, failures_of: Callable[..., list[str]]):
    around = {"name": broken.Sound, "wrappers": ["normalize_observation"], "max_episode_steps": 15}

    assert failures_of(suite_for(wrapper, around)) == []


@pytest.mark.parametrize(
    ("wrapper", "test", "said"),
    [
        ({"name": broken.Centred, "kwargs": {"begin": 1}}, "a_config_may_name_it", "begin"),
        ("missing_package:Wrapper", "a_config_may_name_it", "environment.wrappers: "),
        (broken.Half, "learners_know_its_spaces", "has get_state, but not both"),
        (broken.Wider, "learners_understand_every_step", "of shape (4,), but its space"),
        (broken.Learns, "an_episode_does_not_depend_on_those_before", "give it get_state and set"),
        (broken.Learns, "a_restored_environment_goes_on_with_the_same_bits", "give it get_state"),
        (broken.NoWrapper, "it_is_a_wrapper_around_what_it_is_given", "no gymnasium.Wrapper"),
        (broken.Forgets, "what_it_knows_is_plain_and_comes_back", "['count'] was "),
        (broken.NumPyState, "what_it_knows_is_plain_and_comes_back", "numpy.ndarray"),
    ],
)
def test_a_broken_wrapper_is_told_what_is_wrong(
    wrapper: Any, test: str, said: str, said_by: Callable[..., str]
):
    assert said in said_by(suite_for(wrapper), f"test_{test}")
