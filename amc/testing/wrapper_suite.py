"""The tests of a wrapper: an environment with it around is still one, and what it learns is kept.

    class TestClipped(WrapperSuite):
        wrapper = {"name": "clipped:Clipped", "kwargs": {"limit": 5}}
        around = "Pendulum-v1"

`normalize_observation` and `normalize_reward` go around all copies together, and pass, too.
"""

from contextlib import closing
from typing import Any
from unittest import SkipTest

import gymnasium
import numpy as np
from numpy.random import SeedSequence

from amc.environments import make, make_acting
from amc.environments.factory import wrapper_states
from amc.environments.observations import shown
from amc.environments.single import NORMALIZERS
from amc.testing.environment_suite import EnvironmentSuite
from amc.testing.states import as_read_again, difference_between
from amc.testing.suite import as_entry, require
from amc.testing.trajectories import play, random_actions


class WrapperSuite(EnvironmentSuite):
    """Subclass it and give `wrapper`; every test of an environment is made with it around one.

    Attributes:
        wrapper: as a config has it: a name, or an object with name and kwargs; or the class.
        around: what it is put around, as `EnvironmentSuite.environment`; one whose own tests pass.
    """

    wrapper: Any = None
    around: Any = "CartPole-v1"

    _remedy = (
        "An episode may depend on its seed, its actions and on what the wrapper knows: begin anew "
        "in reset, draw from self.np_random, and where the wrapper learns from one episode to the "
        "next, give it get_state and set_state."
    )

    def entry(self) -> dict[str, Any]:
        """See `EnvironmentSuite`."""
        around = as_entry(self.given("around"))
        return {**around, "wrappers": [*around.get("wrappers", ()), self.given("wrapper")]}

    @property
    def _is_built_in(self) -> bool:
        return as_entry(self.given("wrapper"))["name"] in NORMALIZERS

    def test_it_is_a_wrapper_around_what_it_is_given(self) -> None:
        """Below it lies the environment, with its `spec` and time limit."""
        if self._is_built_in:
            raise SkipTest("it goes around all copies together")
        with closing(make_acting(self.settings(), [])) as one:
            require(
                isinstance(one, gymnasium.Wrapper),
                f"it returned {shown(one)}, which is no gymnasium.Wrapper, so that what lies below "
                "is lost. Subclass gymnasium.Wrapper, and call super().__init__(env).",
            )
            require(
                one.spec is not None and one.unwrapped.spec is not None,
                "below it no environment with a spec is found. Call super().__init__(env), and "
                "leave spec and unwrapped as they are.",
            )

    def test_what_it_knows_is_plain_and_comes_back(self) -> None:
        """What `get_state` says goes through a checkpoint and into another copy."""
        with self.made() as taught, self.made(seed=8) as other:
            taught.reset()
            play(taught, random_actions(taught, self.steps))
            known = wrapper_states(taught)
            if not any(known):
                raise SkipTest("it has no get_state and set_state, so it knows nothing")
            read = as_read_again({"wrappers": known})["wrappers"]
            other.fork(as_read_again(taught.state_dict()))
            difference = difference_between(read, wrapper_states(other), "state")
        require(
            not difference,
            f"after set_state(get_state()) of another copy, {difference}. "
            "Put everything that get_state says back in set_state.",
        )

    def test_a_fork_knows_what_was_learned_and_begins_other_episodes(self) -> None:
        """So members of a population see the world as the one that they copy."""
        with self.made() as taught:
            taught.reset()
            play(taught, random_actions(taught, self.steps))
            state = as_read_again(taught.state_dict())
            seed = SeedSequence(8)
            with closing(make(self.settings(), self.n_envs, seed)) as fork:
                fork.fork(state)
                raw, paid = taught.raw_observation, np.ones(self.n_envs)
                seen = (taught.normalize_observation(raw), taught.normalize_reward(paid))
                seen_there = (fork.normalize_observation(raw), fork.normalize_reward(paid))
                first = fork.reset()
        difference = difference_between(seen, seen_there, "what is normalised")
        require(not difference, f"in a fork {difference}.")
        require(bool(np.isfinite(first).all()), f"a fork's first observation is {shown(first)}.")
