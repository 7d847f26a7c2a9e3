"""Wrappers that learn: carried into evaluation and checkpoints, or refused."""

import copy
import io
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from numpy.random import SeedSequence

from amc.config.schema import EnvironmentConfig
from amc.environments import VectorEnvironment, make, make_evaluation
from amc.errors import EnvironmentFault

WRAPPERS = """
import gymnasium
import numpy as np
import torch
from gymnasium.wrappers.utils import RunningMeanStd


class Centred(gymnasium.ObservationWrapper):
    '''Subtracts the mean of what it saw; begins with the mean that it is given.'''

    def __init__(self, env, mean=0.0):
        super().__init__(env)
        self.state = {"mean": torch.full((3,), mean, dtype=torch.float64), "count": 0}

    def observation(self, observation):
        self.state["count"] += 1
        away = torch.from_numpy(observation) - self.state["mean"]
        self.state["mean"] += away / self.state["count"]
        return observation - self.state["mean"].numpy()

    def get_state(self):
        return self.state

    def set_state(self, state):
        self.state = state


class Clever(gymnasium.ObservationWrapper):
    '''Keeps statistics under a name and a class of its own.'''

    class Mine(RunningMeanStd):
        pass

    def __init__(self, env):
        super().__init__(env)
        self.secret = self.Mine(shape=(3,))

    def observation(self, observation):
        return observation


class Halfway(Clever):
    def get_state(self):
        return 1


class Refusing(Centred):
    def get_state(self):
        raise KeyError("mean")
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    name = "wrappers_that_learn"
    (tmp_path / f"{name}.py").write_text(WRAPPERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AMC_ALLOW_MODULES", f"{name},gymnasium.wrappers,mine")
    yield name
    sys.modules.pop(name, None)


def config(*wrappers: Any, **settings: Any) -> EnvironmentConfig:
    return EnvironmentConfig(name="Pendulum-v1", wrappers=wrappers, **settings)


def played(environment: VectorEnvironment, steps: int, begin: bool = True) -> list[Any]:
    if begin:
        environment.reset()
    action = np.full((environment.n_envs, 1), 0.5)
    return [environment.step(action).observation.tolist() for _ in range(steps)]


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("others", [(), ("normalize_observation", "normalize_reward")])
def test_a_wrapper_with_a_state_goes_on_with_the_same_bits(module: str, others: tuple[str, ...]):
    settings = config(f"{module}:Centred", *others, max_episode_steps=7)
    original = make(settings, 2, SeedSequence(3))
    played(original, 17)
    state = through_a_file(original.state_dict())
    restored = make(settings, 2, SeedSequence(3))

    restored.load_state_dict(state)

    assert played(restored, 20, begin=False) == played(original, 20, begin=False)


def test_evaluation_begins_every_episode_with_what_training_knows(module: str):
    settings = config(f"{module}:Centred", max_episode_steps=5)
    training = make(settings, 2, SeedSequence(3))
    played(training, 50)
    means = [one[0]["mean"].numpy() for one in training.wrapper_states()]

    evaluations = [
        make_evaluation(settings, 3, SeedSequence(4), source)
        for source in (training, through_a_file(training.state_dict()))
    ]

    for evaluation in evaluations:
        plain = make(config(max_episode_steps=5), 3, SeedSequence(4))
        for _ in range(2):
            firsts, raw = evaluation.reset(), plain.reset()
            shift = raw - firsts
            # The wrapper takes the first observation in before it subtracts.
            expected = np.array([means[i % 2] + (raw[i] - means[i % 2]) / 62 for i in range(3)])
            np.testing.assert_allclose(shift, expected, atol=1e-5)
            played(evaluation, 5, begin=False)
            played(plain, 5, begin=False)
    assert [one[0]["count"] for one in training.wrapper_states()] == [61, 61]


def test_an_evaluation_of_nothing_begins_as_the_wrapper_is_made(module: str):
    settings = config({"name": f"{module}:Centred", "kwargs": {"mean": 100.0}})

    evaluation = make_evaluation(settings, 1, SeedSequence(0), None)

    assert evaluation.reset().tolist() == [[0.0, 0.0, 0.0]]
    assert evaluation.wrapper_states()[0][0]["count"] == 1


@pytest.mark.parametrize(
    ("wrapper", "message"),
    [
        (
            "gymnasium.wrappers:NormalizeObservation",
            "NormalizeObservation around Pendulum-v1 keeps",
        ),
        (
            "gymnasium.wrappers:NormalizeReward",
            "Write normalize_observation or normalize_reward in",
        ),
        (
            "{module}:Clever",
            "Clever around Pendulum-v1 keeps running statistics, which neither eval",
        ),
        ("{module}:Halfway", "Halfway around Pendulum-v1 has get_state, but not both of get_state"),
    ],
)
def test_a_wrapper_that_learns_without_telling_is_refused(module: str, wrapper: str, message: str):
    accepted = config().model_copy(update={"wrappers": (wrapper.format(module=module),)})

    with pytest.raises(EnvironmentFault) as caught:
        make(accepted, 1, SeedSequence(0))

    assert message in str(caught.value)


def test_an_environments_own_registration_may_not_bring_one_either(module: str):
    spec = copy.deepcopy(gymnasium.spec("Pendulum-v1"))
    spec.id = "Learning-v0"
    inner = gymnasium.wrappers.NormalizeObservation(gymnasium.make("Pendulum-v1"))
    spec.additional_wrappers = inner.spec.additional_wrappers[-1:]
    gymnasium.registry["Learning-v0"] = spec

    try:
        with pytest.raises(EnvironmentFault, match="NormalizeObservation around Learning-v0 keeps"):
            make(
                EnvironmentConfig.model_construct(
                    **{**config().model_dump(), "name": "Learning-v0"}
                ),
                1,
                SeedSequence(0),
            )
    finally:
        del gymnasium.registry["Learning-v0"]


def test_a_wrapper_that_fails_to_tell_its_state_is_named(module: str):
    environment = make(config(f"{module}:Refusing"), 1, SeedSequence(0))

    with pytest.raises(EnvironmentFault, match=r"Refusing .*: get_state failed: KeyError: 'mean'"):
        environment.reset()


def test_a_state_of_other_wrappers_is_refused(module: str):
    gymnasium = config().model_copy(update={"backend": "gymnasium"})
    plain = make(gymnasium, 1, SeedSequence(0))
    learning = make(config(f"{module}:Centred"), 1, SeedSequence(0))

    with pytest.raises(
        EnvironmentFault, match="0 wrappers with a state were saved, and 1 are here"
    ):
        learning.load_state_dict(plain.state_dict())
