"""From a config to an environment: ids, plug-ins, limits, backends."""

import builtins
import importlib
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.random import SeedSequence

from amc.config.known.environments import KNOWN
from amc.config.schema import EnvironmentConfig
from amc.environments import make, make_evaluation
from amc.errors import EnvironmentFault

TOYS = """
import gymnasium
import numpy as np


class Toy(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-9.0, 9.0, (1,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, level=1.0):
        self.level = level

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.array([self.level], np.float32), {}

    def step(self, action):
        return np.array([self.level], np.float32), float(action), False, False, {}


class Louder(gymnasium.RewardWrapper):
    def __init__(self, env, factor=10):
        super().__init__(env)
        self.factor = factor

    def reward(self, reward):
        return self.factor * reward


def loud(env, **kwargs):
    return Louder(env, **kwargs)


gymnasium.register("Toy-v0", entry_point="{module}:Toy", max_episode_steps=4)
"""


def config(name: str, **settings: Any) -> EnvironmentConfig:
    return EnvironmentConfig(name=name, **settings)


def build(name: str, n_envs: int = 1, **settings: Any):
    return make(config(name, **settings), n_envs, SeedSequence(0))


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    """A module with an environment, a factory and a wrapper, allowed to be named by configs."""
    module = f"toys_{request.node.name.split('[')[0]}"[:60]
    (tmp_path / f"{module}.py").write_text(TOYS.replace("{module}", module))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AMC_ALLOW_MODULES", module)
    yield module
    sys.modules.pop(module, None)
    gymnasium.registry.pop("Toy-v0", None)


@pytest.fixture
def installed(toys: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same module, installed with entry points instead of allowed."""
    monkeypatch.delenv("AMC_ALLOW_MODULES")
    package = tmp_path / "toys-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Name: toys\nVersion: 1.0\n")
    entry_points = f"""
        [amc.environments]
        MyToy = {toys}:Toy
        Toy-v0 = {toys}
        [amc.wrappers]
        loud = {toys}:loud
        """
    (package / "entry_points.txt").write_text(textwrap.dedent(entry_points))
    return toys


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("LunarLander-v2", "LunarLander-v3"),
        ("Hopper-v3", "Hopper-v4"),
        ("Walker2d-v3", "Walker2d-v4"),
        ("HalfCheetah-v4", "HalfCheetah-v4"),
    ],
)
def test_backend_says_what_really_runs(name: str, runs: str):
    environment = build(name)

    assert environment.backend == f"gymnasium {gymnasium.__version__} {runs}"


@pytest.mark.parametrize("name", ["CartPole-v1", "LunarLander-v2", "HalfCheetah-v4", "Ant-v4"])
def test_spaces_are_what_the_table_of_known_environments_says(name: str):
    environment = build(name)

    space = environment.action_space
    size = space.n if isinstance(space, gymnasium.spaces.Discrete) else space.shape[0]
    assert environment.observation_space.shape == (KNOWN[name].observation_size,)
    assert size == KNOWN[name].action_size


def test_the_registered_time_limit_holds():
    environment = build("Pendulum-v1")
    environment.reset()

    lengths = [environment.step(np.zeros((1, 1))).truncated[0] for _ in range(200)]

    assert lengths == [False] * 199 + [True]


@pytest.mark.parametrize("backend", ["gymnasium", "envpool"])
@pytest.mark.parametrize("limit", [5, 250])
def test_the_configs_time_limit_overrides_the_registered_one(backend: str, limit: int):
    environment = build("Pendulum-v1", max_episode_steps=limit, backend=backend)
    environment.reset()

    ends = [environment.step(np.zeros((1, 1))).truncated[0] for _ in range(limit)]

    assert ends == [False] * (limit - 1) + [True]


@pytest.mark.parametrize("backend", ["gymnasium", "envpool"])
def test_kwargs_reach_the_environment(backend: str):
    free = build("HalfCheetah-v4", kwargs={"ctrl_cost_weight": 0.0}, backend=backend)
    dear = build("HalfCheetah-v4", kwargs={"ctrl_cost_weight": 1.0}, backend=backend)
    free.reset()
    dear.reset()

    gained, paid = (each.step(np.ones((1, 6))).reward[0] for each in (free, dear))

    assert gained - paid == pytest.approx(6.0, abs=1e-4)


@pytest.mark.parametrize("backend", ["gymnasium", "envpool"])
def test_the_control_cost_is_that_of_the_clipped_action(backend: str):
    within = build("HalfCheetah-v4", backend=backend)
    beyond = build("HalfCheetah-v4", backend=backend)
    within.reset()
    beyond.reset()

    bounded = within.step(np.ones((1, 6))).reward
    clipped = beyond.step(np.full((1, 6), 7.0)).reward

    assert bounded == clipped


def test_an_unknown_keyword_is_answered_with_a_sentence():
    with pytest.raises(EnvironmentFault, match=r"CartPole-v1.*'colour'.*Check environment\.kwargs"):
        build("CartPole-v1", kwargs={"colour": "red"})


def test_an_allowed_modules_registration_is_made_with_its_limit(toys: str):
    environment = build(f"{toys}:Toy-v0", kwargs={"level": 3.0})

    observation = environment.reset()
    ends = [environment.step(np.array([1])).truncated[0] for _ in range(4)]

    assert observation.tolist() == [[3.0]]
    assert ends == [False, False, False, True]


def test_an_allowed_modules_factory_is_made_without_a_limit(toys: str):
    environment = build(f"{toys}:Toy", kwargs={"level": 2.0})

    assert environment.reset().tolist() == [[2.0]]
    assert environment.backend.endswith(f"{toys}:Toy")


def test_an_allowed_module_that_lacks_the_name_is_answered_with_a_sentence(toys: str):
    with pytest.raises(EnvironmentFault, match="neither registers 'Missing-v0' with gymnasium"):
        build(f"{toys}:Missing-v0")


def test_an_entry_point_may_be_a_factory(installed: str):
    environment = build("MyToy", kwargs={"level": 5.0})

    assert environment.reset().tolist() == [[5.0]]


def test_an_entry_point_may_be_a_module_that_registers(installed: str):
    environment = build("Toy-v0")
    environment.reset()

    assert [environment.step(np.array([0])).truncated[0] for _ in range(4)][-1]


def test_plug_in_wrappers_go_around_each_environment(installed: str):
    environment = build("MyToy", n_envs=2, wrappers=("loud", "normalize_observation", "loud"))
    environment.reset()

    step = environment.step(np.array([0, 1]))

    assert step.reward.tolist() == [0.0, 100.0]


def test_a_wrapper_may_be_named_by_its_module(toys: str):
    environment = build("Pendulum-v1", wrappers=(f"{toys}:loud",))
    plain = build("Pendulum-v1")
    environment.reset()
    plain.reset()

    step, raw = environment.step(np.ones((1, 1))), plain.step(np.ones((1, 1)))

    assert step.reward == pytest.approx(10 * raw.reward)


def test_a_name_that_nothing_has_is_answered_with_a_suggestion():
    unchecked = config("CartPole-v1").model_copy(update={"name": "CartPool-v1"})

    with pytest.raises(EnvironmentFault, match="Did you mean 'CartPole-v1'"):
        make(unchecked, 1, SeedSequence(0))


def test_a_wrapper_that_nothing_has_is_answered_with_a_sentence():
    unchecked = config("CartPole-v1").model_copy(update={"wrappers": ("sparkle",)})

    with pytest.raises(EnvironmentFault, match=r"environment\.wrappers: unknown wrapper 'sparkle'"):
        make(unchecked, 1, SeedSequence(0))


def test_a_wrapper_is_called_with_its_arguments(toys: str):
    arguments = {"name": f"{toys}:loud", "kwargs": {"factor": 3}}
    environment = build("Pendulum-v1", wrappers=(arguments, f"{toys}:loud"))
    plain = build("Pendulum-v1")
    environment.reset()
    plain.reset()

    reward = environment.step(np.zeros((1, 1))).reward

    np.testing.assert_allclose(reward, 30 * plain.step(np.zeros((1, 1))).reward)


def test_arguments_that_a_wrapper_does_not_take_are_told(toys: str):
    arguments = {"name": f"{toys}:loud", "kwargs": {"facto": 3}}

    with pytest.raises(EnvironmentFault, match=r"cannot be made .*'facto'"):
        build("Pendulum-v1", wrappers=(arguments,))


class Skip(gymnasium.Wrapper):
    """Acts twice for each action."""

    def step(self, action):
        self.env.step(action)
        return super().step(action)


def limits_around(environment: Any) -> tuple[int | None, int | None]:
    """The time limit that the outermost wrapper sees, and the one that the environment sees."""
    (one,) = environment._environments
    return one.spec.max_episode_steps, one.unwrapped.spec.max_episode_steps


@pytest.mark.parametrize("wrappers", [(), ("{toys}:loud",)])
@pytest.mark.parametrize(("given", "expected"), [(None, 200), (50, 50)])
def test_the_time_limit_stands_in_the_spec(
    toys: str, wrappers: tuple[str, ...], given: int | None, expected: int
):
    named = tuple(wrapper.format(toys=toys) for wrapper in wrappers)

    environment = build("Pendulum-v1", wrappers=named, max_episode_steps=given, backend="gymnasium")

    assert limits_around(environment) == (expected, expected)


def test_the_time_limit_stands_in_the_spec_of_what_a_factory_makes(installed: str):
    environment = build("MyToy", wrappers=("loud",), max_episode_steps=7)

    assert limits_around(environment) == (7, 7)
    assert environment._environments[0].spec.id == "MyToy"


def test_a_wrapper_finds_the_time_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "gymnasium.wrappers")
    aware = {
        "name": "gymnasium.wrappers:TimeAwareObservation",
        "kwargs": {"normalize_time": True},
    }
    environment = build("Pendulum-v1", wrappers=(aware,))
    environment.reset()

    times = [environment.step(np.zeros((1, 1))).next_observation[0, -1] for _ in range(200)]

    assert times[:2] == [np.float32(1 / 200), np.float32(2 / 200)]
    assert times[-1] == 1.0


def test_wrappers_with_arguments_stack_frames(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "gymnasium.wrappers")
    stack = {"name": "gymnasium.wrappers:FrameStackObservation", "kwargs": {"stack_size": 4}}

    environment = build("CartPole-v1", wrappers=(stack, "gymnasium.wrappers:FlattenObservation"))

    assert environment.reset().shape == (1, 16)


def test_a_limit_counts_the_environments_own_steps_under_wrappers(
    toys: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys.modules[__name__], "skip", Skip, raising=False)
    monkeypatch.setenv("AMC_ALLOW_MODULES", __name__)
    environment = build("Pendulum-v1", wrappers=(f"{__name__}:skip",), max_episode_steps=10)
    environment.reset()

    ends = [environment.step(np.zeros((1, 1))).truncated[0] for _ in range(5)]

    assert ends == [False] * 4 + [True]


def test_what_is_no_environment_is_told(toys: str, monkeypatch: pytest.MonkeyPatch):
    module = sys.modules.get(toys) or importlib.import_module(toys)
    monkeypatch.setattr(module, "loud", lambda env: None)

    with pytest.raises(EnvironmentFault, match="loud made None, which is no gymnasium"):
        build("Pendulum-v1", wrappers=(f"{toys}:loud",))


def test_a_constructor_that_exits_is_told(toys: str, monkeypatch: pytest.MonkeyPatch):
    module = sys.modules.get(toys) or importlib.import_module(toys)
    monkeypatch.setattr(module, "Toy", sys.exit)

    with pytest.raises(EnvironmentFault, match=r"cannot be made .* SystemExit"):
        build(f"{toys}:Toy")


def test_envpool_takes_no_plug_in_wrappers(toys: str):
    with pytest.raises(EnvironmentFault, match="no single environments"):
        build("CartPole-v1", wrappers=(f"{toys}:loud",), backend="envpool")


def test_envpool_that_is_not_installed_is_answered_with_what_to_do(monkeypatch):
    real_import = builtins.__import__

    def without_envpool(name: str, *rest: Any, **more: Any) -> Any:
        if name == "envpool":
            raise ModuleNotFoundError("No module named 'envpool'")
        return real_import(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "amc.environments.envpool_backend", raising=False)
    monkeypatch.delitem(sys.modules, "envpool", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_envpool)

    with pytest.raises(EnvironmentFault, match="pip install envpool"):
        build("CartPole-v1", backend="envpool")


@pytest.mark.slow
def test_making_an_environment_does_not_load_envpool():
    code = (
        "import sys; from numpy.random import SeedSequence\n"
        "from amc.config.schema import EnvironmentConfig\n"
        "from amc.environments import make\n"
        "make(EnvironmentConfig(name='CartPole-v1'), 1, SeedSequence(0))\n"
        "print({'envpool', 'mujoco', 'matplotlib'} & sys.modules.keys())"
    )

    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert process.stdout.strip() == "set()"


def test_a_picture_can_be_drawn_of_an_evaluation_environment():
    environment = make_evaluation(
        config("CartPole-v1", wrappers=("normalize_observation",), backend="envpool"),
        1,
        SeedSequence(0),
        None,
        render_mode="rgb_array",
    )
    environment.reset()

    picture = environment.render()

    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
    environment.close()


def test_mujocos_warnings_are_logged_and_leave_no_file(tmp_path, monkeypatch, capfd, caplog):
    monkeypatch.chdir(tmp_path)

    with caplog.at_level("DEBUG", logger="amc.environments"):
        build("HalfCheetah-v4")

    assert capfd.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []
    assert all(record.levelname == "DEBUG" for record in caplog.records)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gymnasium.wrappers:Nope", "AttributeError: module 'gymnasium.wrappers' has no attribute"),
        ("no_such_module:wrap", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("gymnasium.wrappers:vector", "TypeError: the first argument must be callable"),
    ],
)
def test_a_wrapper_that_is_none_is_told(name: str, said: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "gymnasium.wrappers,no_such_module")
    config = EnvironmentConfig(name="CartPole-v1", wrappers=(name,))

    with pytest.raises(EnvironmentFault) as caught:
        make(config, 1, SeedSequence(0))

    assert f"environment.wrappers: '{name}' cannot be used: {said}" in str(caught.value)


def test_wrappers_are_shown_as_a_config_writes_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "gymnasium.wrappers")
    clip = {"name": "gymnasium.wrappers:ClipReward", "kwargs": {"min_reward": 1, "max_reward": 0}}
    config = EnvironmentConfig.model_validate({"name": "CartPole-v1", "wrappers": [clip]})

    with pytest.raises(EnvironmentFault) as caught:
        make(config, 1, SeedSequence(0))

    assert f"and wrappers ({clip},): InvalidBound" in str(caught.value)


def test_an_environment_whose_module_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "no_such_module")

    with pytest.raises(EnvironmentFault) as caught:
        make(EnvironmentConfig(name="no_such_module:Walk-v0"), 1, SeedSequence(0))

    assert str(caught.value).startswith(
        "environment.name: 'no_such_module:Walk-v0' cannot be loaded: ModuleNotFoundError: No mod"
    )
