"""The tests of an environment: what training, exact resumption and evaluation need of it.

    class TestGridWorld(EnvironmentSuite):
        environment = {"name": "grid_world:GridWorld", "kwargs": {"size": 5}}

What must hold is what the engine counts on; what it takes in its stride (an array of one number as
a reward, 1 for true) is no fault here.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from typing import Any, ClassVar, cast
from unittest import SkipTest

import numpy as np
from numpy.random import SeedSequence

from amc.algorithms.base import algorithm_class
from amc.config.schema import EnvironmentConfig, ExperimentConfig
from amc.environments import VectorEnvironment, make, make_acting
from amc.environments.observations import shown
from amc.environments.vector import Step
from amc.errors import said
from amc.playback.rendering import picture, prepare
from amc.testing.side_effects import children, global_generators, standard_output
from amc.testing.states import as_read_again
from amc.testing.suite import Suite, as_entry, loaded, require
from amc.testing.trajectories import RAW, entry_that_differs, first_difference, play, random_actions
from amc.training.evaluation import evaluate, summary


class EnvironmentSuite(Suite):
    """Subclass it and give `environment`.

    Attributes:
        environment: as a config has it: a name, or an object with name, kwargs, max_episode_steps,
            wrappers, backend; or the class or function that makes one.
        n_envs: how many copies are stepped together.
        steps: how long the tests act; several episodes long is best.
        keeps_its_bounds: whether observations stay within the bounds of their Box. Nothing in amc
            depends on it; set it to False where the bounds are only a hint.
    """

    environment: Any = None
    n_envs: ClassVar[int] = 2
    steps: ClassVar[int] = 200
    keeps_its_bounds: ClassVar[bool] = True

    _remedy = (
        "An episode may depend on its seed and its actions alone: draw from self.np_random after "
        "super().reset(seed=seed), keep nothing from one episode to the next, and nothing in a "
        "class or module that copies share."
    )

    def entry(self) -> dict[str, Any]:
        """The `environment` of a config."""
        return as_entry(self.given("environment"))

    def names(self) -> Iterable[str]:
        """See `Suite`."""
        entry = self.entry()
        wrappers = (as_entry(wrapper)["name"] for wrapper in entry.get("wrappers", ()))
        return [str(entry.get("name")), *wrappers]

    def config(self) -> ExperimentConfig:
        """A config that trains in it for a moment."""
        sizes = {"n_envs": self.n_envs, "n_steps": 32, "n_epochs": 1, "hidden_sizes": [8]}
        return loaded(
            {
                "experiment_name": "conformance",
                "algorithm": "ppo",
                "algorithm_config": {**sizes, "batch_size": self.n_envs * 32},
                "environment": self.entry(),
                "training": {
                    "total_timesteps": self.n_envs * 32,
                    "eval_episodes": 1,
                    "eval_max_episode_steps": self.steps,
                    "device": "cpu",
                },
            }
        )

    def settings(self) -> EnvironmentConfig:
        """The `environment` of `config`."""
        return self.config().environment

    @contextmanager
    def made(self, seed: int = 7) -> Iterator[VectorEnvironment]:
        """The environment as training has it."""
        with closing(make(self.settings(), self.n_envs, SeedSequence(seed))) as environment:
            yield environment

    def test_a_config_may_name_it(self) -> None:
        """It is found by its name, and takes the kwargs that the config gives."""
        make_acting(self.settings(), []).close()

    def test_learners_know_its_spaces(self) -> None:
        """They are of a fixed size that networks can read and write, the same in all copies."""
        with self.made():
            pass

    def test_learners_understand_every_step(self) -> None:
        """Observations are of their space, all numbers finite, ends true or false."""
        with self.made() as environment:
            environment.reset()
            play(environment, random_actions(environment, self.steps))

    def test_observations_keep_to_the_bounds_of_their_space(self) -> None:
        """What a Box says of them holds, so that pictures and plots can count on it."""
        if not self.keeps_its_bounds:
            raise SkipTest("keeps_its_bounds is False")
        with self.made() as environment:
            space, first = environment.observation_space, environment.reset()
            steps = play(environment, random_actions(environment, self.steps))
        observations = chain([first], (step.next_observation for step in steps))
        if "normalize_observation" in self.settings().wrappers:
            raise SkipTest("normalised observations have other bounds")
        for number, seen in enumerate(observations):
            outside = np.argwhere((seen < space.low) | (seen > space.high))
            if len(outside):
                copy, entry = outside[0]
                require(
                    False,
                    f"entry {entry} of the observation of step {number} is {seen[copy, entry]}, "
                    f"but its space goes from {space.low[entry]} to {space.high[entry]}. "
                    "Widen observation_space, or set keeps_its_bounds to False: nothing in amc "
                    "depends on it.",
                )

    def test_the_same_seed_and_actions_bring_the_same_bits(self) -> None:
        """Whatever the state of the generators that everybody shares."""
        runs = []
        for shared_seed in (1, 2):
            with global_generators(shared_seed), self.made() as environment:
                first = environment.reset()
                runs.append((first, play(environment, self._actions(environment))))
        (first, steps), (again, repeated) = runs
        if first.tobytes() != again.tobytes():
            difference = entry_that_differs(first, again)
            require(False, f"the observation after reset(seed=...): {difference}. {self._remedy}")
        self._require_same(steps, repeated, "with the same seed and actions")

    def test_an_episode_does_not_depend_on_those_before(self) -> None:
        """So it can be begun again from its seed, which is how training goes on after a kill."""
        with self.made() as environment:
            actions = self._actions(environment)
            environment.reset()
            play(environment, actions[: self.steps // 3])
            state = environment.state_dict()
            expected = play(environment, actions[self.steps // 3 :])
            environment.reset()
            play(environment, actions)
            environment.load_state_dict(state)
            again = play(environment, actions[self.steps // 3 :])
        self._require_same(expected, again, "begun again after other episodes")

    def test_copies_do_not_disturb_each_other(self) -> None:
        """Several are stepped in turn, in one process."""
        if self.n_envs < 2:
            raise SkipTest("n_envs is 1")
        runs = []
        for others_seed in (4, 5):
            with self.made() as environment:
                actions = self._actions(environment)
                others = random_actions(environment, self.steps, others_seed)
                for action, other in zip(actions, others, strict=True):
                    action[1:] = other[1:]
                environment.reset()
                runs.append(play(environment, actions))
        difference = first_difference(runs[0], runs[1], RAW, slice(1))
        require(
            not difference,
            f"copy 0, while another copy acted otherwise: {difference}. {self._remedy}",
        )

    def test_a_restored_environment_goes_on_with_the_same_bits(self) -> None:
        """In mid-episode and between episodes, through the file of a checkpoint."""
        for at in (0, 1, self.steps // 3, 2 * self.steps // 3):
            with self.made() as environment, self.made() as restored:
                actions = self._actions(environment)
                environment.reset()
                play(environment, actions[:at])
                restored.load_state_dict(as_read_again(environment.state_dict()))
                expected = play(environment, actions[at:])
                self._require_same(expected, play(restored, actions[at:]), f"restored at step {at}")

    def test_a_learner_trains_and_is_measured_in_it(self) -> None:
        """One update of PPO, and one episode of evaluation."""
        config = self.config()
        with self.made() as environment:
            algorithm = algorithm_class("ppo")(environment, config, SeedSequence(0))
            algorithm.iterate()
            played = evaluate(algorithm, config, environment, SeedSequence(1))
        require(played is not None, "the evaluation ended before its first episode did.")
        summary(cast(Any, played), step=0, seconds=0.0)

    def test_its_pictures_are_arrays_of_colors(self) -> None:
        """Where its metadata offer `rgb_array`: films are made of it."""
        config = self.settings()
        prepare()
        with closing(make_acting(config, [])) as one:
            modes = (one.metadata or {}).get("render_modes") or ()
        if "rgb_array" not in modes:
            raise SkipTest("its metadata offer no render mode rgb_array, so it is never filmed")
        with closing(make_acting(config, [], render_mode="rgb_array")) as filmed:
            filmed.reset(seed=7)
            picture(filmed, config.name)

    def test_closing_it_twice_does_no_harm(self) -> None:
        """It is closed wherever a training ends, for good or ill."""
        config = self.settings()
        one = make_acting(config, [])
        one.reset(seed=1)
        for time in ("first", "second"):
            try:
                one.close()
            except Exception as error:
                raise AssertionError(
                    f"close() failed the {time} time: {said(error)}. Free what is there, and do "
                    "nothing where nothing is."
                ) from error

    def test_it_prints_nothing_on_standard_output(self) -> None:
        """Results are printed there, as JSON for programs."""
        with standard_output() as said_there, self.made() as environment:
            environment.reset()
            play(environment, random_actions(environment, 10))
            environment.close()
            text = said_there()
        require(
            not text,
            f"it wrote {shown(text)} to standard output. amc leads that to standard error. Use "
            "logging, or print(..., file=sys.stderr).",
        )

    def test_it_leaves_no_process_behind(self) -> None:
        """What it starts ends when it is closed."""
        with children() as left:
            with self.made() as environment:
                environment.reset()
                play(environment, random_actions(environment, 10))
            names = left()
        require(
            not names,
            f"after close() these still ran: {', '.join(names)}. End in close() what was started.",
        )

    def _actions(self, environment: VectorEnvironment) -> list[Any]:
        return random_actions(environment, self.steps)

    def _require_same(self, steps: list[Step], again: list[Step], when: str) -> None:
        __tracebackhide__ = True
        difference = first_difference(steps, again)
        require(not difference, f"{when}: {difference}. {self._remedy}")
