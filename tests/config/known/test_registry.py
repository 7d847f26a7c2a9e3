import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from amc.config.known import registry
from amc.errors import EnvironmentFault

Install = Callable[[str, str, dict[str, str]], None]

CORRIDOR = """
import gymnasium

class Corridor(gymnasium.Env):
    def __init__(self, length, *, is_dark=False, render_mode=None):
        pass

def register():
    print("welcome to the corridor")
    gymnasium.register("Corridor-v0", entry_point="corridor:Corridor", kwargs={"length": 3})
    gymnasium.register("CorridorOpen-v0", entry_point="corridor:Corridor")

def wrap(env, times, **anything):
    return env
"""


@pytest.fixture
def corridor(plug_in: Install):
    """An installed package that registers two environments with gymnasium."""
    groups = {
        "gymnasium.envs": "__root__ = corridor:register",
        "amc.wrappers": "turn = corridor:wrap",
    }
    plug_in("corridor", CORRIDOR, groups)
    yield
    forget()


def forget() -> None:
    registry._register.cache_clear()
    for name in [name for name in gymnasium.registry if "Corridor" in name]:
        del gymnasium.registry[name]


def test_a_package_registers_its_environments_by_its_entry_point(corridor: None):
    found = registry.find("Corridor-v0")

    assert found.id == "Corridor-v0"


def test_a_namespace_is_the_entry_points_name(plug_in: Install):
    plug_in("corridor", CORRIDOR, {"gymnasium.envs": "house = corridor:register"})

    found = registry.find("house/Corridor-v0")

    assert found.id == "house/Corridor-v0"
    forget()


@pytest.mark.parametrize(
    ("code", "group", "point"),
    [
        (f"{CORRIDOR}\nregister()", "gymnasium.envs", "__root__ = corridor"),
        (f"{CORRIDOR}\nregister()", "gymnasium.envs", "Corridor = corridor:Corridor"),
        (f"{CORRIDOR}\nregister()", "gymnasium.envs", "__root__ = corridor:register"),
        (CORRIDOR, "gymnasium.envs.__root__", "corridor = corridor:register"),
    ],
)
def test_packages_register_in_every_way_that_is_in_use(
    code: str, group: str, point: str, plug_in: Install
):
    plug_in("corridor", code, {group: point})

    found = registry.find("Corridor-v0")

    assert found.id == "Corridor-v0"
    forget()


def test_an_entry_point_with_an_environments_name_is_what_makes_it(plug_in: Install):
    plug_in("corridor", CORRIDOR, {"gymnasium.envs": "CorridorX-v0 = corridor:Corridor"})

    factory = registry.find("CorridorX-v0")

    assert factory.__name__ == "Corridor"
    forget()


def test_a_package_that_fails_costs_its_own_environments_only(
    plug_in: Install, caplog: pytest.LogCaptureFixture
):
    plug_in("broken", "1 / 0", {"gymnasium.envs": "__root__ = broken:register"})

    with pytest.raises(EnvironmentFault, match="unknown environment 'Corridr-v0'"):
        registry.find("Corridr-v0")

    assert registry.find("FrozenLake-v1").id == "FrozenLake-v1"
    assert "broken:register registers no environments: ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("kind", "name", "answer"),
    [
        (
            "environment",
            "Corridor-v0",
            {"takes": ["length", "is_dark", "render_mode"], "needs": []},
        ),
        (
            "environment",
            "CorridorOpen-v0",
            {"takes": ["length", "is_dark", "render_mode"], "needs": ["length"]},
        ),
        ("wrapper", "turn", {"takes": None, "needs": ["times"]}),
    ],
)
def test_what_is_taken_and_what_is_needed_is_read_off_the_signature(
    kind: str, name: str, answer: dict[str, Any], corridor: None
):
    assert registry.answer(kind, name) == answer


@pytest.mark.parametrize("name", ["Ant-v3", "GymV26Environment-v0"])
def test_an_id_that_only_names_another_package_is_unknown(name: str):
    assert "unknown environment" in registry.answer("environment", name)["unknown"]


def test_what_cannot_be_loaded_is_told_from_what_is_not_there():
    assert "No module named 'jax'" in registry.answer("environment", "phys2d/CartPole-v1")["failed"]


def test_the_answers_stand_alone_on_standard_output(corridor: None, tmp_path: Path):
    questions = json.dumps([["environment", "Corridor-v0"], ["environment", "CartPole-v1"]])

    process = subprocess.run(
        [sys.executable, "-m", "amc.config.known.registry", questions],
        env={"PYTHONPATH": f"{tmp_path / 'site'}"},
        capture_output=True,
        text=True,
    )

    first, second = json.loads(process.stdout)
    assert first["takes"] == ["length", "is_dark", "render_mode"]
    assert second == {"takes": ["sutton_barto_reward", "render_mode"], "needs": []}
    assert "welcome to the corridor" in process.stderr
