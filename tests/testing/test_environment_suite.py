"""Sound environments pass their suite, ours among them; each broken one fails the test of it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from amc.testing import EnvironmentSuite, side_effects
from tests import strange
from tests.testing import environments_at_fault as broken

MISSION = (
    "CartPole-v1",
    "LunarLander-v2",
    "MountainCar-v0",
    "Acrobot-v1",
    "Pendulum-v1",
    "HalfCheetah-v4",
    "Ant-v4",
    "Hopper-v3",
    "Walker2d-v3",
)
BY_DEFAULT: tuple[Mapping[str, Any], ...] = (
    {"name": "CartPole-v1", "backend": "compiled"},
    {"name": "CartPole-v1", "backend": "gymnasium"},
    {"name": "Pendulum-v1", "wrappers": ["normalize_observation", "normalize_reward"]},
)


def suite_for(environment: Any, **settings: Any) -> type[EnvironmentSuite]:
    return type("Suite", (EnvironmentSuite,), {"environment": environment, **settings})


class TestSound(EnvironmentSuite):
    """As pytest collects it."""

    environment: Any = {"name": broken.Sound, "kwargs": {"size": 5}, "max_episode_steps": 12}


@pytest.mark.parametrize("environment", BY_DEFAULT, ids=str)
def test_ours_pass(environment: Any, failures_of: Callable[..., list[str]]):
    assert failures_of(suite_for(environment)) == []


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["auto", "gymnasium", "envpool"])
@pytest.mark.parametrize("name", MISSION)
def test_every_environment_of_the_mission_passes_on_every_backend(
    name: str, backend: str, failures_of: Callable[..., list[str]]
):
    environment = {"name": name, "backend": backend}

    # Gymnasium's own robots and landers leave the bounds of their spaces.
    assert failures_of(suite_for(environment, keeps_its_bounds=False)) == []


@pytest.mark.slow
@pytest.mark.parametrize("made", [strange.Switches, strange.Lights, strange.Continuous])
def test_spaces_of_every_kind_pass(made: Any, failures_of: Callable[..., list[str]]):
    assert failures_of(suite_for(made)) == []


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(side_effects, "_PATIENCE_S", 0.05)
    yield
    while broken.LeavesChild.left:
        broken.LeavesChild.left.pop().communicate()


@pytest.mark.usefixtures("_no_patience")
@pytest.mark.parametrize(
    ("environment", "test", "said"),
    [
        ("CartPole-v9", "a_config_may_name_it", "environment.name: "),
        ({"name": broken.Sound, "kwargs": {"sise": 5}}, "a_config_may_name_it", "sise"),
        ({"name": broken.Sound, "kwargs": {"size": {5}}}, "a_config_may_name_it", "is JSON"),
        (broken.Spoken, "learners_know_its_spaces", "which has no fixed size"),
        (strange.RewardNone, "learners_understand_every_step", "its reward at step 5"),
        (strange.ShapeInStep, "learners_understand_every_step", "of shape (1,), but"),
        (strange.AboveDiscrete, "learners_understand_every_step", "the integers 0 to 3"),
        (broken.Infinite, "learners_understand_every_step", "its reward at step 7"),
        (broken.Infinite, "a_learner_trains_and_is_measured_in_it", "its reward at step 7"),
        (broken.Outside, "observations_keep_to_the_bounds_of_their_space", "is 11.0, but"),
        (broken.OwnGenerator, "the_same_seed_and_actions_bring_the_same_bits", "np_random"),
        (broken.FirstGenerator, "the_same_seed_and_actions_bring_the_same_bits", "reset(seed="),
        (
            broken.Remembers,
            "an_episode_does_not_depend_on_those_before",
            "other episodes: observation of",
        ),
        (
            broken.Remembers,
            "a_restored_environment_goes_on_with_the_same_bits",
            "restored at step 66",
        ),
        (broken.SharesState, "copies_do_not_disturb_each_other", "copy 0, while another"),
        (broken.ClosesOnce, "closing_it_twice_does_no_harm", "the second time: RuntimeError"),
        (strange.CloseRaises, "closing_it_twice_does_no_harm", "the first time: RuntimeError"),
        (broken.Printer, "it_prints_nothing_on_standard_output", "one step further"),
        (broken.LeavesChild, "it_leaves_no_process_behind", "python"),
        (broken.Grey, "its_pictures_are_arrays_of_colors", "of shape (16, 24)"),
    ],
)
def test_a_broken_environment_is_told_what_is_wrong(
    environment: Any, test: str, said: str, said_by: Callable[..., str]
):
    assert said in said_by(suite_for(environment), f"test_{test}")
