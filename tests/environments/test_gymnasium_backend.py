"""Gymnasium environments stepped in this process."""

import logging
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from numpy.random import SeedSequence

from amc.environments.episode_seeds import EpisodeSeeds
from amc.environments.gymnasium_backend import GymnasiumVector
from amc.environments.vector import Episode
from amc.errors import EnvironmentFault


class Wordless(Exception):
    """Cannot say what is wrong."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


BOX = spaces.Box(-1.0, 1.0, (2,), np.float64)


class Counter(gymnasium.Env):
    """Counts its steps; ends by itself at `end`; rewards with the action it was given."""

    observation_space: Any = BOX
    action_space: Any = spaces.Box(-2.0, 2.0, (1,), np.float32)

    def __init__(self, end: int = 10**9) -> None:
        self.end = end
        self.count = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return self.see(), {}

    def step(self, action):
        self.count += 1
        reward = float(np.asarray(action).reshape(-1)[0])
        return self.see(), reward, self.count >= self.end, False, {}

    def see(self) -> Any:
        return np.array([self.count, 0.0])


def vector(make_one=Counter, n_envs: int = 1, limit: int | None = None) -> GymnasiumVector:
    return GymnasiumVector(
        make_one, n_envs, seed=SeedSequence(0), name="Counter-v0", max_episode_steps=limit
    )


def continuous(*values: float):
    return np.array([[value] for value in values], np.float32)


def test_it_steps_as_gymnasium_itself_does():
    seeds = EpisodeSeeds(SeedSequence(0), 2)
    plain = [gymnasium.make("CartPole-v1") for _ in range(2)]
    environment = GymnasiumVector(
        lambda: gymnasium.make("CartPole-v1"),
        2,
        seed=SeedSequence(0),
        name="CartPole-v1",
        max_episode_steps=500,
    )

    firsts = [each.reset(seed=seeds.seed(i, 0))[0] for i, each in enumerate(plain)]
    observations = environment.reset()

    assert np.array_equal(observations, np.stack(firsts))
    step = None
    while step is None or not step.terminated.any():
        step = environment.step(np.array([0, 1]))
        raw = [each.step(action) for each, action in zip(plain, (0, 1), strict=True)]
        assert np.array_equal(step.next_observation, np.stack([one[0] for one in raw]))
        assert step.terminated.tolist() == [one[2] for one in raw]


def test_an_episode_that_ends_is_reset_in_the_same_step():
    environment = vector(lambda: Counter(end=3))
    environment.reset()

    steps = [environment.step(continuous(1.0)) for _ in range(4)]

    assert [step.terminated[0] for step in steps] == [False, False, True, False]
    assert [step.next_observation[0, 0] for step in steps] == [1, 2, 3, 1]
    assert [step.observation[0, 0] for step in steps] == [1, 2, 0, 1]


def test_the_time_limit_truncates_and_does_not_terminate():
    environment = vector(limit=2)
    environment.reset()
    environment.step(continuous(0.0))

    step = environment.step(continuous(0.0))

    assert step.truncated.tolist() == [True]
    assert step.terminated.tolist() == [False]
    assert step.next_observation[0, 0] == 2


def test_an_end_at_the_time_limit_is_an_end():
    environment = vector(lambda: Counter(end=2), limit=2)
    environment.reset()
    environment.step(continuous(0.0))

    step = environment.step(continuous(0.0))

    assert step.terminated.tolist() == [True]
    assert step.truncated.tolist() == [False]


def test_arrays_of_a_step_are_not_written_again():
    environment = vector(lambda: Counter(end=2))
    environment.reset()
    steps = [environment.step(continuous(1.0)) for _ in range(2)]
    before = [[array.copy() for array in step] for step in steps]

    environment.step(continuous(2.0))

    for step, copies in zip(steps, before, strict=True):
        assert all(np.array_equal(array, copy) for array, copy in zip(step, copies, strict=True))


def test_the_environment_is_given_clipped_actions():
    environment = vector(n_envs=2)
    environment.reset()

    step = environment.step(continuous(5.0, -7.0))

    assert step.reward.tolist() == [2.0, -2.0]


def test_episodes_are_popped_once_with_raw_returns_and_lengths():
    environment = vector(lambda: Counter(end=2), n_envs=2)
    environment.reset()
    for _ in range(4):
        environment.step(continuous(1.0, 0.5))

    episodes = environment.pop_episodes()

    assert episodes == [Episode(2.0, 2), Episode(1.0, 2)] * 2
    assert environment.pop_episodes() == []


def test_a_reset_in_mid_episode_counts_no_episode():
    environment = vector(lambda: Counter(end=3))
    environment.reset()
    environment.step(continuous(1.0))

    environment.reset()
    for _ in range(3):
        environment.step(continuous(1.0))

    assert environment.pop_episodes() == [Episode(3.0, 3)]


def test_a_discrete_observation_becomes_one_hot():
    class Positions(Counter):
        observation_space = spaces.Discrete(3)

        def see(self):
            return self.count

    environment = vector(Positions)
    environment.reset()

    step = environment.step(continuous(0.0))

    assert step.observation.tolist() == [[0.0, 1.0, 0.0]]
    assert step.observation.dtype == np.float32


def test_an_action_that_the_environment_overwrites_is_replayed_as_it_was_given():
    class Overwriting(Counter):
        def step(self, action):
            result = super().step(action)
            action[:] = 0.0
            return result

    original = vector(Overwriting)
    original.reset()
    original.step(continuous(1.5))
    restored = vector(Overwriting)

    restored.load_state_dict(original.state_dict())

    assert restored.state_dict()["actions"][0].tolist() == [[1.5]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_observation_that_is_not_finite_is_named(value: float):
    class Broken(Counter):
        def see(self):
            return np.array([self.count, value if self.count == 2 else 0.0])

    environment = vector(Broken, n_envs=2)
    environment.reset()
    environment.step(continuous(0.0, 0.0))

    with pytest.raises(EnvironmentFault, match=r"environment 0 \(Counter-v0\).*at step 2"):
        environment.step(continuous(0.0, 0.0))


def test_a_reward_that_is_not_finite_is_named():
    made: list[Counter] = []

    class Broken(Counter):
        def __init__(self):
            super().__init__()
            made.append(self)

        def step(self, action):
            observation, _, *rest = super().step(action)
            return observation, np.nan if self is made[1] else 0.0, *rest

    environment = vector(Broken, n_envs=2)
    environment.reset()

    with pytest.raises(EnvironmentFault, match=r"environment 1 .*its reward at step 1 .* is nan"):
        environment.step(continuous(0.0, 0.0))


def test_large_but_finite_observations_are_let_through():
    class Large(Counter):
        def see(self):
            return np.array([1e30, -1e30])

    environment = vector(Large)

    assert np.isfinite(environment.reset()).all()


def test_an_action_that_is_not_finite_never_reaches_the_environment():
    environment = vector()
    environment.reset()

    with pytest.raises(EnvironmentFault, match="not all finite"):
        environment.step(continuous(np.nan))


def test_a_failing_step_names_environment_episode_and_cause():
    class Failing(Counter):
        def step(self, action):
            raise ZeroDivisionError("division by zero")

    environment = vector(Failing)
    environment.reset()

    with pytest.raises(EnvironmentFault, match=r"step failed .* ZeroDivisionError") as caught:
        environment.step(continuous(0.0))

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("one\ntwo."), "ValueError: one two. Mend"),
        (ValueError("x" * 10**6), "x" * 1000 + ".... Mend"),
        (StopIteration(), "StopIteration. Mend"),
        (Wordless(), "Wordless. Mend"),
    ],
    ids=["lines", "long", "empty", "wordless"],
)
def test_what_an_environment_raises_is_told_in_one_line(error: Exception, said: str):
    class Fails(Counter):
        def step(self, action):
            raise error

    environment = vector(Fails)
    environment.reset()

    with pytest.raises(EnvironmentFault) as caught:
        environment.step(continuous(0.0))

    assert said in str(caught.value)


def test_a_reset_may_answer_with_a_list():
    class Listed(Counter):
        def reset(self, *, seed=None, options=None):
            return list(super().reset(seed=seed))

    observation = vector(Listed).reset()

    assert observation.tolist() == [[0.0, 0.0]]


NESTED = spaces.Dict({"at": spaces.Discrete(3), "seen": spaces.Tuple([BOX])})


@pytest.mark.parametrize(
    ("spaces_of_copies", "message"),
    [
        ({"observation_space": [BOX, spaces.Box(-1, 1, (3,))]}, "it observes Box(-1.0, 1.0, (3,)"),
        ({"observation_space": [spaces.Discrete(3), spaces.Discrete(3, start=1)]}, "it observes"),
        (
            {"observation_space": [NESTED, spaces.Dict({**NESTED, "seen": spaces.Tuple([])})]},
            "it observes",
        ),
        ({"action_space": [spaces.Discrete(2), spaces.Discrete(3)]}, "it acts in Discrete(3), and"),
        ({"action_space": [spaces.Box(-1, 1, (1,)), spaces.Box(-2, 2, (1,))]}, "it acts in Box(-2"),
    ],
)
def test_copies_with_other_spaces_are_refused(spaces_of_copies: dict[str, Any], message: str):
    copies = iter(range(2))

    class Differs(Counter):
        def __init__(self):
            super().__init__()
            number = next(copies)
            for name, of_copies in spaces_of_copies.items():
                setattr(self, name, of_copies[number])

    with pytest.raises(EnvironmentFault) as caught:
        vector(Differs, n_envs=2)

    assert str(caught.value).startswith("environment 1 (Counter-v0): ")
    assert message in str(caught.value)


def test_the_bounds_of_what_copies_observe_may_differ():
    bounds = iter((1.0, 2.0))

    class Bounded(Counter):
        def __init__(self):
            super().__init__()
            bound = next(bounds)
            self.observation_space = spaces.Box(-bound, bound, (2,))

    environment = vector(Bounded, n_envs=2)

    assert environment.reset().shape == (2, 2)


def test_a_failing_reset_is_named():
    class Failing(Counter):
        def reset(self, *, seed=None, options=None):
            raise OSError("no such model")

    with pytest.raises(EnvironmentFault, match=r"reset failed .* no such model"):
        vector(Failing).reset()


def test_an_observation_of_another_shape_than_announced_is_refused():
    class Thin(Counter):
        def see(self):
            return np.array([1.0])

    with pytest.raises(EnvironmentFault, match=r"step 0 .* shape \(1,\), .* shape \(2,\)"):
        vector(Thin).reset()


def test_a_state_of_another_number_of_copies_is_refused():
    state = vector(n_envs=2).state_dict()

    with pytest.raises(EnvironmentFault, match="2 x 'gymnasium Counter-v0' was saved"):
        vector(n_envs=3).load_state_dict(state)


def test_an_environment_that_cannot_be_replayed_is_reported(caplog):
    class Forgetful(Counter):
        lives = 0

        def reset(self, *, seed=None, options=None):
            Forgetful.lives += 1
            return super().reset(seed=seed)

        def see(self):
            return np.array([self.count, Forgetful.lives])

    original = vector(Forgetful)
    original.reset()
    original.step(continuous(0.0))
    state = original.state_dict()

    with caplog.at_level(logging.WARNING, logger="amc.environments"):
        vector(Forgetful).load_state_dict(state)

    assert "led elsewhere" in caplog.text


class Unreadable:
    """A tensor, say, that lies where no program looks."""

    def __repr__(self) -> str:
        raise RuntimeError("on another device")

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("on another device")

    __float__ = __len__ = __repr__


# What a step of an environment returned, and how it is told; the third step is at fault.
LIKE_ITS_SPACE = np.zeros(2)
FAULTS = [
    (
        (np.zeros(1), 1.0, False, False, {}),
        "its observation at step 3 of episode 0 is [0.0], of sh",
    ),
    ((np.zeros((2, 1)), 1.0, False, False, {}), "of shape (2, 1), but its space has shape (2,)."),
    ((0.5, 1.0, False, False, {}), "of shape (), but its space has shape (2,)."),
    ((None, 1.0, False, False, {}), "its observation at step 3 of episode 0 is None"),
    (({"x": 1, "y": 2}, 1.0, False, False, {}), "is {'x': 1, 'y': 2}, of shape ()"),
    ((np.array(["a", 1], object), 1.0, False, False, {}), "['a', 1], and not all of that is numb"),
    (
        (np.array([1, None]), 1.0, False, False, {}),
        "observation at step 3 of the episode is [1.0, n",
    ),
    ((LIKE_ITS_SPACE, None, False, False, {}), "its reward at step 3 of episode 0 is None. A fin"),
    ((LIKE_ITS_SPACE, "much", False, False, {}), "its reward at step 3 of episode 0 is 'much'."),
    (
        (LIKE_ITS_SPACE, np.ones(2), False, False, {}),
        "reward at step 3 of episode 0 is [1.0, 1.0].",
    ),
    ((LIKE_ITS_SPACE, np.array([np.nan]), False, False, {}), "its reward at step 3 of the episode"),
    ((LIKE_ITS_SPACE, 1.0, None, False, {}), "its terminated at step 3 of episode 0 is None. True"),
    ((LIKE_ITS_SPACE, 1.0, False, "no", {}), "its truncated at step 3 of episode 0 is 'no'. True"),
    ((LIKE_ITS_SPACE, 1.0, 2, False, {}), "its terminated at step 3 of episode 0 is 2. True or F"),
    ((LIKE_ITS_SPACE, 1.0, np.array([True, False]), False, {}), "its terminated at step 3"),
    (
        (LIKE_ITS_SPACE, 1.0, False, {}),
        "step 3 returned (array([0., 0.]), 1.0, False, {}). A tup",
    ),
    (None, "step 3 returned None. A tuple of observation, reward, terminated, truncated and info"),
    (
        (LIKE_ITS_SPACE, 10**400, False, False, {}),
        "its reward at step 3 of episode 0 is 1000000000",
    ),
    (([10**400, 0], 1.0, False, False, {}), "is [10000000"),
    (
        (np.array([1e39, 0.0]), 1.0, False, False, {}),
        "observation at step 3 of the episode is [inf",
    ),
    ((Unreadable(), 1.0, False, False, {}), "is a Unreadable, which is no array: RuntimeError: on"),
    (
        (LIKE_ITS_SPACE, Unreadable(), False, False, {}),
        "its reward at step 3 of episode 0 is a Unr",
    ),
]


class AtFault(Counter):
    """Returns `answer` from its third step."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def step(self, action):
        result = super().step(action)
        return self.answer if self.count == 3 else result


@pytest.mark.parametrize(("answer", "message"), FAULTS, ids=[message[:60] for _, message in FAULTS])
def test_a_step_at_fault_is_told_with_environment_step_and_value(answer: Any, message: str):
    environment = vector(lambda: AtFault(answer), n_envs=2)
    environment.reset()
    for _ in range(2):
        environment.step(continuous(0.0, 0.0))

    with pytest.raises(EnvironmentFault) as caught:
        environment.step(continuous(0.0, 0.0))

    assert str(caught.value).startswith("environment 0 (Counter-v0): ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        (LIKE_ITS_SPACE, np.array([2.5]), np.bool_(True), 0, None),
        ([0.0, 0.0], np.float32(2.5), 1, np.array([False]), {}),
        (np.zeros(2, np.int8), np.array(2.5), True, np.False_, {}),
        ((0, 0), 2.5, np.array(True), False, {}),
        [np.zeros(2), 2.5, True, False, {}],
    ],
)
def test_what_can_only_mean_one_thing_is_taken(answer: Any):
    environment = vector(lambda: AtFault(answer))
    environment.reset()
    steps = [environment.step(continuous(0.0)) for _ in range(3)]

    assert steps[2].reward.tolist() == [2.5]
    assert steps[2].terminated.tolist() == [True]
    assert steps[2].truncated.tolist() == [False]
    assert steps[2].next_observation.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.zeros(2), "reset returned [0.0, 0.0]. A tuple of observation and info is meant."),
        ((np.zeros(2), None), "reset returned (array([0., 0.]), None)"),
        (None, "reset returned None."),
        ((np.zeros(3), {}), "its observation at step 0 of episode 0 is [0.0, 0.0, 0.0], of shape"),
    ],
)
def test_a_reset_at_fault_is_told(answer: Any, message: str):
    class Odd(Counter):
        def reset(self, *, seed=None, options=None):
            return answer

    with pytest.raises(EnvironmentFault) as caught:
        vector(Odd).reset()

    assert message in str(caught.value)


def test_an_observation_outside_a_discrete_space_is_told():
    class Above(Counter):
        observation_space = spaces.Discrete(3)

        def see(self):
            return self.count

    environment = vector(Above)
    environment.reset()
    for _ in range(2):
        environment.step(continuous(0.0))

    with pytest.raises(EnvironmentFault, match=r"step 3 .* is 3, but .* the integers 0 to 2\."):
        environment.step(continuous(0.0))


def test_an_environment_that_exits_is_at_fault():
    class Exits(Counter):
        def step(self, action):
            raise SystemExit(0)

    environment = vector(Exits)
    environment.reset()

    with pytest.raises(
        EnvironmentFault, match="step failed after 0 steps of episode 0: SystemExit"
    ):
        environment.step(continuous(0.0))


def test_environments_that_cannot_be_closed_cost_a_warning(caplog: pytest.LogCaptureFixture):
    closed = []

    class CloseRaises(Counter):
        def close(self):
            closed.append(self)
            raise RuntimeError("the simulator was gone already")

    environment = vector(CloseRaises, n_envs=2)

    environment.close()

    assert len(closed) == 2
    assert "environment 1 (Counter-v0): close failed: RuntimeError: the simulator" in caplog.text


def test_copies_are_closed_where_a_later_one_cannot_be_made():
    made: list[Counter] = []
    closed: list[Counter] = []

    class OnlyTwo(Counter):
        def __init__(self):
            super().__init__()
            if len(made) == 2:
                raise OSError("Address already in use")
            made.append(self)

        def close(self):
            closed.append(self)

    with pytest.raises(OSError, match="already in use"):
        vector(OnlyTwo, n_envs=3)

    assert closed == made


def test_a_space_that_is_refused_is_refused_after_one_copy():
    made: list[Counter] = []

    class Large(Counter):
        observation_space = spaces.Box(0, 255, (84, 84, 3), np.uint8)

        def __init__(self):
            super().__init__()
            made.append(self)

    with pytest.raises(EnvironmentFault, match="21,168 numbers"):
        vector(Large, n_envs=8)

    assert len(made) == 1


def test_closing_twice_does_no_harm():
    environment = vector()

    environment.close()
    environment.close()


def test_an_environment_without_pictures_says_what_to_do():
    environment = vector()
    environment.reset()

    with pytest.raises(EnvironmentFault, match="render"):
        environment.render()
