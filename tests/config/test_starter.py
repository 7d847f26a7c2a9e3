import re
from pathlib import Path

import pytest

from amc.config.known.environments import KNOWN
from amc.config.loader import ConfigLoader
from amc.config.presets import DIRECTORY, beginning
from amc.config.starter import starter
from amc.config.text.reader import read_text
from amc.errors import UsageError

PRESETS = sorted(path.stem for path in DIRECTORY.glob("*.json"))


def written(environment: str, algorithm: str | None = None) -> str:
    found = beginning(environment, KNOWN[environment].action_space, algorithm)
    return starter(found, file="first.json", schema="./schema/experiment.json")


def loaded(text: str) -> tuple[ConfigLoader, object]:
    loader = ConfigLoader()
    return loader, loader.from_mapping(read_text(text, "first.json").value)


@pytest.mark.parametrize("environment", KNOWN)
def test_every_known_environment_gets_a_config_that_is_sound(environment: str):
    loader, config = loaded(written(environment))

    assert config.environment.name == environment
    assert config.hyperparameter_optimizer.n_calls == 16
    assert not loader.warnings


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_s_settings_are_kept_and_tried_first(preset: str):
    values = read_text((DIRECTORY / f"{preset}.json").read_text(), preset).value
    tuned = ConfigLoader().from_mapping(values)

    _, config = loaded(written(tuned.environment.name, tuned.algorithm))

    parts = ("algorithm_config", "environment", "optimizer", "training")
    assert [getattr(config, part) for part in parts] == [getattr(tuned, part) for part in parts]
    first = config.hyperparameter_optimizer.initial_points[0]
    assert config.with_hyperparameters(first).algorithm_config == tuned.algorithm_config


@pytest.mark.parametrize("environment", ["CartPole-v1", "Hopper-v5", "Taxi-v3"])
def test_what_is_commented_out_is_what_holds(environment: str):
    text = written(environment)

    all_of_it = re.sub(r'^( *)// (?="\w+": )', r"\1", text, flags=re.MULTILINE)

    _, config = loaded(text)
    _, spelled_out = loaded(all_of_it)
    assert len(all_of_it) < len(text) - 50
    limits = {"max_episode_steps": None, "reward_threshold": None}
    environment_config = spelled_out.environment.model_copy(update=limits)
    assert spelled_out.model_copy(update={"environment": environment_config}) == config


def test_every_key_has_its_meaning_beside_it():
    inner = [line for line in written("Pendulum-v1").splitlines() if line.startswith("    ")]

    bare = [line for line in inner if " // " not in line and not re.search(r"[{}]|: \[", line)]

    assert not bare


def test_another_version_begins_from_the_preset_that_there_is_and_says_so():
    found = beginning("Hopper-v5", "continuous", "ddpg")

    assert (found.preset, found.tuned_for) == ("ddpg_hopper", "Hopper-v3")
    assert "tuned on Hopper-v3" in starter(found, file="x.json", schema="x")


def test_an_algorithm_that_cannot_choose_such_actions_is_refused():
    with pytest.raises(UsageError, match="CartPole-v1 has discrete actions, but ddpg needs"):
        beginning("CartPole-v1", "discrete", "ddpg")


def test_the_package_carries_the_presets():
    root = Path(__file__).parents[2]

    assert DIRECTORY.resolve() == root / "configs" / "presets"
    assert "presets/*.json" in (root / "setup.cfg").read_text()
