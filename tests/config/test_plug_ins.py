from collections.abc import Callable
from typing import Any

import pytest

from amc.config.hyperparameters import algorithms, hyperparameters_for
from amc.config.loader import ConfigLoader
from amc.errors import ConfigError, UsageError

Install = Callable[[str, str, dict[str, str]], None]

SAC = """
from typing import ClassVar

from amc.config.hyperparameters import Hyperparameters

class SACHyperparameters(Hyperparameters):
    action_spaces: ClassVar[frozenset[str]] = frozenset({"continuous"})
    default_learning_rate: ClassVar[float] = 0.007
    alpha: float = 0.2

class SAC:
    Hyperparameters = SACHyperparameters
"""


def faults_of(mapping: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping(mapping)
    return [(fault.path, fault.message) for fault in caught.value.faults]


@pytest.mark.parametrize(
    "entry_point",
    [
        {"amc.hyperparameters": "sac = sac_plugin:SACHyperparameters"},
        {"amc.algorithms": "sac = sac_plugin:SAC"},
    ],
)
def test_an_algorithm_of_a_plug_in_is_known_with_its_hyperparameters(
    entry_point: dict[str, str], plug_in: Install, base: dict[str, Any]
):
    plug_in("sac_plugin", SAC, entry_point)
    base |= {"algorithm": "sac", "environment": {"name": "Pendulum-v1"}}
    base["algorithm_config"] = {"alpha": 0.5, "tau": 0.1}
    loader = ConfigLoader()

    config = loader.from_mapping(base)

    assert config.to_json()["algorithm_config"] == {"alpha": 0.5}
    assert config.optimizer.learning_rate == 0.007
    assert loader.warnings == [
        "algorithm_config.tau: `tau` belongs to ddpg and has no effect with sac"
    ]
    assert config.with_hyperparameters({"alpha": 0.1}).to_json()["algorithm_config"]["alpha"] == 0.1


def test_a_plug_ins_limits_hold(plug_in: Install, base: dict[str, Any]):
    plug_in("sac_plugin", SAC, {"amc.hyperparameters": "sac = sac_plugin:SACHyperparameters"})
    base |= {"algorithm": "sac", "algorithm_config": {"alhpa": 0.5}}

    assert {path for path, _ in faults_of(base)} == {"environment.name", "algorithm_config.alhpa"}


def test_a_key_of_a_plug_ins_algorithm_is_set_aside(plug_in: Install, base: dict[str, Any]):
    plug_in("sac_plugin", SAC, {"amc.hyperparameters": "sac = sac_plugin:SACHyperparameters"})
    loader = ConfigLoader()

    loader.from_mapping({**base, "algorithm_config": {"alpha": 0.5}})

    assert loader.warnings == [
        "algorithm_config.alpha: `alpha` belongs to sac and has no effect with ppo"
    ]


def test_environments_wrappers_and_searches_of_plug_ins_are_known(
    plug_in: Install, searching: Callable[..., dict[str, Any]]
):
    plug_in(
        "things",
        "",
        {
            "amc.environments": "Mine-v0 = things:make",
            "amc.wrappers": "clip = things:clip",
            "amc.optimizers": "anneal = things:Anneal",
        },
    )
    mapping = searching(
        {"gamma": [0.9, 0.99]}, environment={"name": "Mine-v0", "wrappers": ["clip"]}
    )
    mapping["hyperparameter_optimizer"]["type"] = "anneal"

    config = ConfigLoader().from_mapping(mapping)

    assert config.environment.wrappers == ("clip",)


def test_the_name_of_a_plug_in_is_offered(plug_in: Install, base: dict[str, Any]):
    plug_in("things", "", {"amc.environments": "Mine-v0 = things:make"})
    base["environment"] = {"name": "Mnie-v0"}

    ((_, message),) = faults_of(base)

    assert "Did you mean 'Mine-v0'?" in message


@pytest.mark.parametrize("is_allowed", [True, False])
def test_code_named_by_a_config_needs_its_module_allowed(
    is_allowed: bool, monkeypatch: pytest.MonkeyPatch, searching: Callable[..., dict[str, Any]]
):
    if is_allowed:
        monkeypatch.setenv("AMC_ALLOW_MODULES", "my.things,other")
    mapping = searching(
        {"gamma": [0.9, 0.99]},
        environment={"name": "my.things:Env-v0", "wrappers": ["my.things:wrap"]},
    )
    mapping["hyperparameter_optimizer"]["type"] = "my.things:Search"

    if is_allowed:
        assert ConfigLoader().from_mapping(mapping).environment.name == "my.things:Env-v0"
    else:
        assert {path for path, _ in faults_of(mapping)} == {
            "environment.name",
            "environment.wrappers.0",
            "hyperparameter_optimizer.type",
        }
        assert ConfigLoader().from_mapping(mapping, accepted=True)


def test_an_algorithm_of_an_allowed_module_brings_its_hyperparameters(
    plug_in: Install, base: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    plug_in("sac_plugin", SAC, {})
    monkeypatch.setenv("AMC_ALLOW_MODULES", "sac_plugin")
    base |= {"algorithm": "sac_plugin:SAC", "environment": {"name": "Pendulum-v1"}}

    assert ConfigLoader().from_mapping(base).optimizer.learning_rate == 0.007


@pytest.mark.parametrize("code", ["import nothing_of_this_name", "x = 1", "SAC = 3"])
def test_a_broken_plug_in_is_a_fault_where_it_is_named_and_only_there(
    code: str, plug_in: Install, base: dict[str, Any]
):
    plug_in("broken", code, {"amc.hyperparameters": "broken = broken:SAC"})

    assert [path for path, _ in faults_of({**base, "algorithm": "broken"})] == ["algorithm"]
    assert [path for path, _ in faults_of({**base, "algorithm_config": {"x": 1}})] == [
        "algorithm_config.x"
    ]


def test_without_plug_ins_there_are_two_algorithms():
    assert {"ppo", "ddpg"} <= set(algorithms())
    with pytest.raises(UsageError, match="Did you mean 'ppo'"):
        hyperparameters_for("ppoo")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def __init__(self, search_space, temperature): ...", "argument: 'temperature'"),
        ("def __init__(self): ...", "argument 'search_space'"),
        ("def __init__(self, search_space): ...", ""),
    ],
)
def test_a_search_that_no_config_can_make_is_a_fault_of_its_name(
    code: str, said: str, plug_in: Install, searching: Callable[..., dict[str, Any]]
):
    methods = "def suggest(self, n): ...\n    def update(self, s, scores): ..."
    source = f"class Search:\n    {code}\n    {methods if said else ''}"
    plug_in("odd_search", source, {"amc.optimizers": "odd = odd_search:Search"})
    mapping = searching({"gamma": [0.9, 0.99]})
    mapping["hyperparameter_optimizer"]["type"] = "odd"

    ((path, message),) = faults_of(mapping)

    assert path == "hyperparameter_optimizer.type"
    assert "'odd'" in message and (said or "no method 'suggest'") in message


def test_a_search_that_is_not_at_hand_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, searching: Callable[..., dict[str, Any]]
):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "no_such_module")
    mapping = searching({"gamma": [0.9, 0.99]})
    mapping["hyperparameter_optimizer"]["type"] = "no_such_module:Search"
    loader = ConfigLoader()

    loader.from_mapping(mapping)

    (warning,) = loader.warnings
    assert "'no_such_module:Search' cannot be loaded here" in warning


def test_an_accepted_config_is_read_where_its_algorithm_is_not(
    plug_in: Install, searching: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    plug_in("sac_plugin", SAC, {"amc.hyperparameters": "sac = sac_plugin:SACHyperparameters"})
    space = {"alpha": [0.01, 10.0], "optimizer.learning_rate": {"choices": [0.1, 0.01]}}
    mapping = searching(space, algorithm="sac", environment={"name": "Pendulum-v1"})
    there = ConfigLoader().from_mapping(mapping)

    monkeypatch.undo()
    with pytest.raises(ConfigError):
        ConfigLoader().from_mapping(there.to_json())
    here = ConfigLoader().from_mapping(there.to_json(), accepted=True)

    assert here.to_json() == there.to_json()
    assert here.hyperparameter_optimizer == there.hyperparameter_optimizer
    tuned = here.with_hyperparameters({"alpha": 0.5, "optimizer.learning_rate": 0.01})
    assert tuned.to_json()["algorithm_config"] == {"alpha": 0.5}
    assert tuned.optimizer.learning_rate == 0.01


def test_an_accepted_config_is_read_where_its_plug_in_breaks_on_import(
    plug_in: Install, base: dict[str, Any]
):
    plug_in("broken", "raise RuntimeError('no')", {"amc.hyperparameters": "broken = broken:SAC"})

    config = ConfigLoader().from_mapping({**base, "algorithm": "broken"}, accepted=True)

    assert config.algorithm == "broken"


def test_what_an_accepted_config_says_together_is_not_asked_again(base: dict[str, Any]):
    base |= {"environment": {"name": "CartPole"}, "algorithm": "ddpg"}
    base["training"] |= {"kernel": "fast", "device": "cuda"}

    config = ConfigLoader().from_mapping(base, accepted=True)

    assert config.environment.name == "CartPole"
