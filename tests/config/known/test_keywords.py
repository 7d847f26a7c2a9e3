import inspect
import warnings
from pathlib import Path

import gymnasium
import pytest
from gymnasium.envs.mujoco.mujoco_env import MujocoEnv
from gymnasium.envs.registration import load_env_creator

from amc.config.known.keywords import GYMNASIUM_VERSION, TAKES
from amc.config.known.registry import makeable

# What the constructors that pass the rest on to `MujocoEnv` give it themselves.
GIVEN = {"self", "model_path", "frame_skip", "observation_space", "default_camera_config"}

LOADABLE = [name for name, takes in TAKES.items() if takes is not None]


def test_the_table_has_every_id_that_gymnasium_makes():
    # Other packages may have registered theirs with this process by now.
    own = {
        name
        for name in makeable()
        if str(gymnasium.registry[name].entry_point).startswith("gymnasium.envs.")
    }

    assert set(TAKES) == own


def test_the_table_is_of_the_version_that_is_installed():
    assert gymnasium.__version__ == GYMNASIUM_VERSION


@pytest.mark.parametrize("name", LOADABLE)
def test_the_arguments_are_those_of_the_constructor(name: str):
    found = inspect.signature(load_env_creator(gymnasium.registry[name].entry_point)).parameters

    words = {key for key, parameter in found.items() if parameter.kind != parameter.VAR_KEYWORD}
    if len(words) < len(found):
        words |= set(inspect.signature(MujocoEnv.__init__).parameters) - GIVEN

    assert TAKES[name] == words - {"render_mode"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in LOADABLE if "mujoco" in str(gymnasium.registry[name].entry_point)]
)
def test_what_is_passed_on_is_taken_and_nothing_else(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # mujoco writes its log where it stands
    spec = gymnasium.registry[name]
    passed_on = inspect.signature(MujocoEnv.__init__).parameters
    keywords = {
        key: passed_on[key].default for key in (TAKES[name] or set()) - GIVEN if key in passed_on
    }

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gymnasium.make(spec, **keywords).close()
        with pytest.raises(TypeError):
            gymnasium.make(spec, gravty=1)
