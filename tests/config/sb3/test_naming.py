from typing import Any

import pytest

from amc.algorithms.base import algorithm_class
from amc.config.loader import ConfigLoader
from amc.config.sb3 import naming
from amc.errors import ConfigError, UsageError


def written(algorithm: str = "sb3:SAC", **sections: Any) -> dict[str, Any]:
    return {
        "experiment_name": "test",
        "algorithm": algorithm,
        "environment": {"name": "Pendulum-v1"},
        "training": {"total_timesteps": 1000},
        **sections,
    }


def refusal(mapping: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as raised:
        ConfigLoader().from_mapping(mapping)
    return str(raised.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("sb3:SACK", "unknown algorithm 'sb3:SACK'. Did you mean 'sb3:SAC'? Known: sb3:A2C, "),
        ("sb3:sac", "Did you mean 'sb3:SAC'?"),
        ("sac", "Did you mean 'sb3:SAC'?"),
        ("sb3:MaskablePPO", "is left out: it asks an environment which actions are allowed"),
        ("sb3:HER", "unknown algorithm 'sb3:HER'. Known: "),
    ],
)
def test_a_name_that_nothing_has_is_answered_with_what_there_is(name: str, sentence: str):
    assert sentence in refusal(written(name))


def test_a_worker_is_told_the_same_as_who_submits():
    with pytest.raises(UsageError, match="Did you mean 'sb3:SAC'"):
        algorithm_class("sb3:SACK")


@pytest.mark.parametrize(
    ("name", "package"), [("sb3:SAC", "Stable-Baselines3"), ("sb3:TQC", "sb3-contrib")]
)
def test_without_the_extra_a_config_is_refused_with_what_installs_it(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(naming, "find_spec", lambda name: None)

    said = refusal(written(name))

    assert f"algorithm: {name!r} needs {package}, which is not installed here." in said
    assert "pip install 'ai-mission-control[sb3]'" in said
    with pytest.raises(UsageError, match=r"pip install 'ai-mission-control\[sb3\]'"):
        algorithm_class(name)


def test_a_ledger_is_read_without_the_extra(monkeypatch: pytest.MonkeyPatch):
    recorded = ConfigLoader().from_mapping(written()).to_json()
    monkeypatch.setattr(naming, "find_spec", lambda name: None)

    config = ConfigLoader().from_mapping(recorded, accepted=True)

    assert config.to_json() == recorded


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("env", "Pendulum-v1", "Write environment.name instead."),
        ("learning_rate", 0.001, "It belongs to optimizer; move it there."),
        ("seed", 1, "It belongs to the top level; move it there."),
        ("device", "cpu", "It belongs to training; move it there."),
        ("verbose", 1, "Remove it."),
        ("tensorboard_log", "logs", "Remove it."),
        ("replay_buffer_class", "HerReplayBuffer", "a class cannot be named in a config."),
        ("optimize_memory_usage", True, "lower buffer_size"),
        ("hidden_sizes", [64], "write algorithm_config.policy_kwargs.net_arch instead."),
        ("noise_std", 0.1, 'write "action_noise": {"type": "normal", "sigma": 0.1} instead.'),
        ("buffer_sise", 1, "Did you mean 'buffer_size'?"),
    ],
)
def test_what_is_decided_elsewhere_is_refused_with_the_place(key: str, value: Any, sentence: str):
    said = refusal(written(algorithm_config={key: value}))

    assert f"algorithm_config.{key}: " in said and sentence in said


def test_a_key_of_another_of_its_algorithms_is_set_aside():
    loader = ConfigLoader()

    config = loader.from_mapping(written(algorithm_config={"policy_delay": 2}))

    assert "policy_delay" not in config.to_json()["algorithm_config"]
    assert (
        "`policy_delay` belongs to sb3:TD3 and sb3:CrossQ and has no effect" in loader.warnings[0]
    )


def test_of_ppo_and_ddpg_no_key_of_theirs_is_set_aside():
    said = refusal(written("ddpg", algorithm_config={"policy_delay": 2}))

    assert "algorithm_config.policy_delay: unknown key." in said


def test_an_algorithm_of_discrete_actions_is_refused_where_actions_are_continuous():
    said = refusal(written("sb3:DQN"))

    assert "'Pendulum-v1' has continuous actions, but sb3:DQN needs discrete ones." in said


@pytest.mark.parametrize(
    ("name", "word", "title"),
    [("ppo", "ppo", "PPO"), ("sb3:SAC", "sac", "SAC of Stable-Baselines3")],
)
def test_names_of_files_and_prose_are_made_of_it(name: str, word: str, title: str):
    assert (naming.word(name), naming.title(name)) == (word, title)
