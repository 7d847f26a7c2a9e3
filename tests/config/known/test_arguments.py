import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amc.config.known import inquiry
from amc.config.known.inquiry import Answer, Question, ask
from amc.config.loader import ConfigLoader
from amc.errors import ConfigError

Install = Callable[[str, str, dict[str, str]], None]

CORRIDOR = """
import gymnasium

class Corridor(gymnasium.Env):
    def __init__(self, length=3, *, is_dark=False, render_mode=None):
        pass

class Open(Corridor):
    def __init__(self, length, **anything):
        pass

def register():
    gymnasium.register("Corridor-v0", entry_point="corridor:Corridor")
    gymnasium.register("CorridorOpen-v0", entry_point="corridor:Open")
    gymnasium.register("CorridorBroken-v0", entry_point="corridor.absent:Corridor")

def make(length):
    return Corridor(length)

def wrap(env, times=1):
    return env
"""
GROUPS = {
    "gymnasium.envs": "__root__ = corridor:register",
    "amc.environments": "Hall-v0 = corridor:make",
    "amc.wrappers": "turn = corridor:wrap",
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "amc" / "arguments"


@pytest.fixture
def corridor(plug_in: Install) -> None:
    plug_in("corridor", CORRIDOR, GROUPS)


@pytest.fixture
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a process was started")

    monkeypatch.setattr(inquiry.subprocess, "run", refuse)


def faults(environment: dict[str, Any], base: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping({**base, "environment": environment})
    return {fault.path: fault.message for fault in caught.value.faults}


def warnings_of(environment: dict[str, Any], base: dict[str, Any]) -> list[str]:
    loader = ConfigLoader()
    loader.from_mapping({**base, "environment": environment})
    return loader.warnings


@pytest.mark.parametrize(
    ("name", "kwargs", "words"),
    [
        ("CartPole-v1", {"gravity": 1}, "'CartPole-v1' takes no such argument."),
        ("LunarLander-v2", {"gravty": -5.0}, "Did you mean 'gravity'?"),
        ("HalfCheetah-v5", {"forward_reward_wieght": 1}, "Did you mean 'forward_reward_weight'?"),
        ("Acrobot-v1", {"g": 1}, "It takes none."),
        ("CartPole-v1", {"self": 1}, "takes no such argument"),
    ],
)
def test_an_argument_that_gymnasiums_own_do_not_take_is_refused_without_asking(
    name: str, kwargs: dict[str, Any], words: str, base: dict[str, Any], nobody_is_asked: None
):
    found = faults({"name": name, "kwargs": kwargs}, base)

    (key,) = kwargs
    assert words in found[f"environment.kwargs.{key}"]


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("FrozenLake-v1", {"map_name": "8x8"}),
        ("Taxi-v3", {"is_rainy": True}),
        ("HalfCheetah-v4", {"ctrl_cost_weight": 0.2, "width": 64}),
        ("phys2d/CartPole-v1", {"anything": 1}),
    ],
)
def test_an_argument_that_is_taken_passes_without_asking(
    name: str, kwargs: dict[str, Any], base: dict[str, Any], nobody_is_asked: None
):
    assert warnings_of({"name": name, "kwargs": kwargs}, base) == []


def test_envpool_has_arguments_of_its_own(base: dict[str, Any], nobody_is_asked: None):
    environment = {"name": "CartPole-v1", "backend": "envpool", "kwargs": {"gravity": 1}}

    assert warnings_of(environment, base) == []


def test_an_environment_that_a_package_registers_is_known(corridor: None, base: dict[str, Any]):
    assert warnings_of({"name": "Corridor-v0"}, base) == []
    assert "Did you mean 'Corridor-v0'?" in faults({"name": "Coridor-v0"}, base)["environment.name"]


@pytest.mark.parametrize(
    ("environment", "path", "words"),
    [
        ({"name": "Corridor-v0", "kwargs": {"lenght": 1}}, "kwargs.lenght", "mean 'length'?"),
        ({"name": "CorridorOpen-v0", "kwargs": {"x": 1}}, "kwargs", 'needs "length"'),
        ({"name": "Hall-v0", "kwargs": {"dark": 1}}, "kwargs.dark", "It takes: length."),
        (
            {"name": "CartPole-v1", "wrappers": [{"name": "turn", "kwargs": {"time": 2}}]},
            "wrappers.0.kwargs.time",
            "Did you mean 'times'?",
        ),
    ],
)
def test_arguments_of_other_packages_are_checked(
    environment: dict[str, Any], path: str, words: str, corridor: None, base: dict[str, Any]
):
    assert words in faults(environment, base)[f"environment.{path}"]


def test_what_cannot_be_loaded_here_passes_with_a_warning(corridor: None, base: dict[str, Any]):
    (warning,) = warnings_of({"name": "CorridorBroken-v0", "kwargs": {"x": 1}}, base)

    assert "'CorridorBroken-v0' cannot be looked at here" in warning
    assert "a worker will tell" in warning


def test_a_module_that_is_not_here_passes_with_a_warning(
    base: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "elsewhere")

    (warning,) = warnings_of({"name": "elsewhere:Env-v0", "kwargs": {"x": 1}}, base)

    assert "No module named 'elsewhere'" in warning


def test_a_config_of_a_ledger_is_not_asked_about(base: dict[str, Any], nobody_is_asked: None):
    environment = {"name": "Corridor-v0", "kwargs": {"x": 1}}

    config = ConfigLoader().from_mapping({**base, "environment": environment}, accepted=True)

    assert config.environment.name == "Corridor-v0"


def test_an_answer_is_kept_for_as_long_as_the_packages_stay_as_they_are(
    corridor: None, tmp_path: Path, base: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    warnings_of({"name": "Corridor-v0"}, base)
    monkeypatch.setattr(inquiry.subprocess, "run", None)

    warnings_of({"name": "Corridor-v0"}, base)
    metadata = tmp_path / "site" / "corridor-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 1", "Version: 2"))
    with pytest.raises(TypeError):
        warnings_of({"name": "Corridor-v0"}, base)


def test_of_a_package_that_is_being_written_nothing_is_kept(
    corridor: None, cache: Path, tmp_path: Path, base: dict[str, Any]
):
    origin = tmp_path / "site" / "corridor-1.0.dist-info" / "direct_url.json"
    origin.write_text(json.dumps({"url": "file:///", "dir_info": {"editable": True}}))
    module = tmp_path / "site" / "corridor.py"

    assert "environment.kwargs.width" in faults(
        {"name": "Corridor-v0", "kwargs": {"width": 4}}, base
    )
    module.write_text(module.read_text().replace("length=3", "length=3, width=1"))
    assert warnings_of({"name": "Corridor-v0", "kwargs": {"width": 4}}, base) == []
    assert not cache.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"takes": 3, "needs": 1}', b"\xff"])
def test_a_damaged_answer_is_as_if_it_had_never_been(content: bytes, corridor: None, cache: Path):
    question = Question("environment", "Corridor-v0")
    (answer,) = ask([question])
    (kept,) = cache.iterdir()
    kept.write_bytes(content)

    assert ask([question]) == [answer]
    assert json.loads(kept.read_text())["takes"] == answer.takes


def test_a_home_that_cannot_be_written_is_no_obstacle(
    corridor: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert ask([Question("wrapper", "turn")]) == [Answer(["times"], [])]


def test_a_package_that_ends_the_process_costs_its_own_answer(
    plug_in: Install, base: dict[str, Any]
):
    plug_in("deadly", "import os; os._exit(3)", {"gymnasium.envs": "__root__ = deadly:register"})

    assert ask([Question("environment", "Some-v0")]) == [Answer(failed="exit code 3")]


def test_python_files_in_the_current_directory_are_not_run(
    corridor: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trap = tmp_path / "here"
    trap.mkdir()
    (trap / "gymnasium.py").write_text("raise SystemExit('trapped')")
    monkeypatch.chdir(trap)

    (answer,) = ask([Question("environment", "Corridor-v0")])

    assert answer.takes == ["length", "is_dark", "render_mode"]
