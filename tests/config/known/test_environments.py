import warnings
from pathlib import Path

import gymnasium
import pytest

from amc.config.known.environments import KNOWN, KnownEnvironment
from amc.config.loader import ConfigLoader
from amc.errors import ConfigError

FAMILIES = ("classic_control", "toy_text", "box2d", "mujoco")
SPECS = {
    name: spec
    for name, spec in gymnasium.registry.items()
    if any(part in str(spec.entry_point) for part in FAMILIES)
}
MISSION = (
    "CartPole-v1 LunarLander-v2 MountainCar-v0 Acrobot-v1 Pendulum-v1 "
    "HalfCheetah-v4 Ant-v4 Hopper-v3 Walker2d-v3"
)
# mujoco 4 cannot simulate the one, and says so only when it is made; the other observes images.
BROKEN = {"Pusher-v4", "CarRacing-v3"}


@pytest.mark.parametrize("name", MISSION.split())
def test_the_nine_names_of_the_mission_are_known_as_written(name: str, base: dict[str, object]):
    base["environment"] = {"name": name}

    assert ConfigLoader().from_mapping(base).environment.name == name


def test_everything_that_gymnasium_makes_is_known():
    # The v2 and v3 entries of MuJoCo only raise an error that names another package.
    made = {name for name, spec in SPECS.items() if isinstance(spec.entry_point, str)}

    assert made - KNOWN.keys() == BROKEN
    assert {known.gymnasium_id for known in KNOWN.values()} == made - BROKEN


@pytest.mark.parametrize("known", KNOWN.values(), ids=list(KNOWN))
def test_limit_and_threshold_are_gymnasiums(known: KnownEnvironment):
    spec = SPECS[known.gymnasium_id]

    assert known.max_episode_steps == spec.max_episode_steps
    assert known.reward_threshold == spec.reward_threshold


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(
            known,
            id=name,
            marks=() if "classic_control" in str(SPECS[known.gymnasium_id]) else pytest.mark.slow,
        )
        for name, known in KNOWN.items()
    ],
)
def test_spaces_are_gymnasiums(
    known: KnownEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # mujoco writes its log where it stands
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        environment = gymnasium.make(known.gymnasium_id)
    observation, action = environment.observation_space, environment.action_space
    environment.close()

    is_discrete = isinstance(action, gymnasium.spaces.Discrete)
    assert known.action_space == ("discrete" if is_discrete else "continuous")
    assert known.observation_size == gymnasium.spaces.flatdim(observation)
    assert known.action_size == gymnasium.spaces.flatdim(action)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CartPole", "lacks its version. Write 'CartPole-v0' or 'CartPole-v1'"),
        ("pendulum", "lacks its version. Write 'Pendulum-v1'"),
        ("HalfChetah-v4", "Did you mean 'HalfCheetah-v4'?"),
        ("Ant-v3", "Did you mean 'Ant-v"),
        ("Taxi-v5", "Did you mean 'Taxi-v"),
        ("taxi", "lacks its version. Write 'Taxi-v3' or 'Taxi-v4'"),
        ("CartPole-v1/../x", "Did you mean 'CartPole-v1'?"),
        ("Pusher-v4", "Did you mean 'Pusher-v5'?"),
        ("x" * 2_000_000, "neither a known environment nor module:Name"),
        ("", "unknown environment ''"),
    ],
)
def test_an_unknown_name_is_refused_with_what_was_meant(
    name: str, words: str, base: dict[str, object]
):
    base["environment"] = {"name": name}

    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping(base)

    assert words in str(caught.value)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("name", "kwargs", "fits"),
    [
        ("LunarLander-v2", {}, False),
        ("LunarLander-v2", {"continuous": True}, True),
        ("LunarLanderContinuous-v3", {}, True),
        ("LunarLanderContinuous-v3", {"continuous": False}, False),
        ("Pendulum-v1", {"g": 9.81}, True),
        ("FrozenLake-v1", {}, False),
    ],
)
def test_ddpg_needs_continuous_actions(
    name: str, kwargs: dict[str, bool], fits: bool, base: dict[str, object]
):
    base |= {"algorithm": "ddpg", "environment": {"name": name, "kwargs": kwargs}}

    if fits:
        assert ConfigLoader().from_mapping(base).algorithm == "ddpg"
    else:
        with pytest.raises(ConfigError, match=r"environment\.name: .* ddpg needs continuous"):
            ConfigLoader().from_mapping(base)


def test_keyword_arguments_that_amc_decides_are_refused(base: dict[str, object]):
    kwargs = {"render_mode": "human", "max_episode_steps": 5, "gravity": -5.0}
    base["environment"] = {"name": "LunarLander-v3", "kwargs": kwargs}

    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping(base)

    assert [fault.path for fault in caught.value.faults] == [
        "environment.kwargs.render_mode",
        "environment.kwargs.max_episode_steps",
    ]
