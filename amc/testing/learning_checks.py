"""The tests of an algorithm at work: steps, metrics, parameters and actions."""

import math
import re
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from amc.environments.observations import shown
from amc.errors import TrainingError
from amc.testing.learners import Learner, LearnerChecks
from amc.testing.side_effects import global_generators
from amc.testing.states import difference_between
from amc.testing.suite import require
from amc.training.evaluation import evaluate

_TAG = re.compile(r"(train|rollout)/[a-z0-9_]+")
_MARKS = {"step", "update"}
_LEAST_ITERATIONS = 3


class LearningChecks(LearnerChecks):
    """See `AlgorithmSuite`."""

    def test_it_trains_exactly_as_long_as_it_may(self) -> None:
        """Never beyond `total_timesteps`, in pieces, so that it can be stopped in between."""
        # A length that no number of whole rollouts has.
        n_envs = getattr(self.config().algorithm_config, "n_envs", 1)
        with self.learner(config=self.config(shorter=n_envs)) as learner:
            stepped = self._count_steps(learner)
            pieces = len(learner.train())
            end, done = learner.algorithm.total_timesteps, learner.algorithm.num_timesteps
        require(
            done == end,
            f"it took {done} steps of {end}. Ask self.steps_left() before steps are collected.",
        )
        require(
            # Compiled code may have stepped the environment in its place.
            not stepped or sum(stepped) == done,
            f"it counts {done} steps, but the environment was stepped {sum(stepped)} times. Step "
            "by self.step(actions), or count by self.stepped(observation, n_steps).",
        )
        require(
            pieces >= _LEAST_ITERATIONS,
            f"iterate() took {end} steps in {pieces} call{'s' * (pieces > 1)}. It can be saved, "
            "measured and stopped between two calls only. Take fewer steps in each, or give the "
            "suite more total_timesteps.",
        )

    def test_after_the_last_step_it_refuses_another(self) -> None:
        """By `steps_left()`, with a sentence."""
        with self.learner() as learner:
            learner.train()
            before = learner.algorithm.num_timesteps
            try:
                learner.algorithm.iterate()
            except TrainingError:
                return
            taken = learner.algorithm.num_timesteps - before
        require(
            False,
            f"after the last step iterate() took {taken} more. Begin it with self.steps_left(), "
            "which raises a TrainingError then.",
        )

    def test_it_gives_signs_of_life(self) -> None:
        """Who gives none for `stall_timeout` seconds is taken for stuck, and killed."""
        with self.learner() as learner:
            learner.train(1)
            marks = set(learner.marks)
        require(
            bool(marks) and marks <= _MARKS,
            f"iterate() marked {sorted(marks) or 'nothing'}. Step by self.step(actions), which "
            'marks "step", and call self.mark("update") where learning takes long.',
        )

    def test_its_metrics_are_finite_numbers_under_known_tags(self) -> None:
        """Which become curves in TensorBoard, beside those of the other algorithms."""
        with self.learner() as learner:
            for metrics in learner.train():
                for tag, value in metrics.items():
                    require(
                        _TAG.fullmatch(tag) is not None,
                        f"a metric is called {tag!r}. Call it as Stable-Baselines3 does, for "
                        "example train/policy_loss: train/ or rollout/ and small letters.",
                    )
                    require(
                        isinstance(value, float) and math.isfinite(value),
                        f"{tag} is {shown(value)}. A finite float is meant; leave out what is not "
                        "known.",
                    )

    def test_its_parameters_have_names_and_are_learned(self) -> None:
        """Always the same names in the same order: the digest is made of them."""
        with self.learner() as learner:
            before = [(name, tensor.clone()) for name, tensor in self._parameters(learner)]
            learner.train()
            after = list(self._parameters(learner))
        names = [name for name, _ in before]
        require(
            bool(names) and len(set(names)) == len(names),
            f"named_parameters() gives the names {names}. Give each learned tensor one of its own.",
        )
        require(
            [(name, tensor.shape) for name, tensor in before]
            == [(name, tensor.shape) for name, tensor in after],
            f"named_parameters() gives other tensors after training than before: {names} became "
            f"{[name for name, _ in after]}. Give all of them from the start, in one order.",
        )
        wrong = [name for name, tensor in after if not torch.isfinite(tensor).all()]
        require(
            not wrong,
            f"after training not finite: {', '.join(wrong)}. Call self.require_finite(metrics, "
            "parameters) after an update.",
        )
        require(
            any(not torch.equal(a, b) for (_, a), (_, b) in zip(before, after, strict=True)),
            "no parameter has changed in the whole training. Give the suite more total_timesteps "
            "if it learns later, else hand out the tensors that are learned, not copies.",
        )

    def test_it_predicts_actions_of_the_environment(self) -> None:
        """One for each observation, in the shape and type that the environment is given."""
        with self.learner() as learner:
            learner.train()
            for count in (1, 5):
                seen = self._observations(learner, count)
                self._require_actions("predict", learner.algorithm.predict(seen), learner, count)
                generator = np.random.default_rng(0)
                drawn = learner.algorithm.sample(seen, generator)
                self._require_actions("sample", drawn, learner, count)

    def test_what_it_predicts_is_decided_by_the_observation(self) -> None:
        """Not by chance, nor by what is predicted beside or before it."""
        with self.learner() as learner:
            learner.train()
            seen = self._observations(learner, 5)
            state = learner.captured()["algorithm"]
            first, again = learner.algorithm.predict(seen), learner.algorithm.predict(seen)
            alone = np.concatenate([learner.algorithm.predict(row[None]) for row in seen])
            change = difference_between(state, learner.captured()["algorithm"], "state_dict()")
        remedy = "Take the most probable action, or the mean, and draw nothing; sample() may draw."
        require(
            np.array_equal(first, again),
            f"for the same observations predict said {shown(first)}, then {shown(again)}. {remedy}",
        )
        require(
            np.allclose(first, alone, rtol=1e-4, atol=1e-5),
            f"predict said {shown(first)} for five observations together, and {shown(alone)} for "
            f"each alone. {remedy}",
        )
        require(not change, f"predict changed what is learned: {change}. {remedy}")

    def test_samples_are_drawn_from_the_generator_that_is_given(self) -> None:
        """So that what is played can be played again."""
        with self.learner() as learner:
            learner.train()
            seen, drawn = self._observations(learner, 5), []
            for shared_seed in (1, 2):
                with global_generators(shared_seed):
                    drawn.append(learner.algorithm.sample(seen, np.random.default_rng(0)))
        require(
            np.array_equal(drawn[0], drawn[1]),
            f"of equal generators sample() made {shown(drawn[0])}, then {shown(drawn[1])}. Draw "
            "from the generator that it is given alone.",
        )

    def test_measuring_it_changes_nothing(self) -> None:
        """Training that is evaluated in between ends with the same bits."""
        with self.learner() as learner:
            number = 0
            while not learner.algorithm.is_finished:
                learner.train(1)
                number += 1
                seed = np.random.SeedSequence(number)
                evaluate(learner.algorithm, learner.config, learner.environment, seed)
            measured = learner.digest
        require(
            measured == self.trained(),
            "a training that was evaluated after each iteration ended with other parameters than "
            "one that was not. predict must neither draw nor keep anything.",
        )

    def _parameters(self, learner: Learner) -> list[tuple[str, torch.Tensor]]:
        return [(name, tensor.detach()) for name, tensor in learner.algorithm.named_parameters()]

    def _count_steps(self, learner: Learner) -> list[int]:
        """A list that grows by the steps that the environment takes."""
        environment, taken = learner.environment, list[int]()
        step = environment.step

        def counting(actions: NDArray[Any]) -> Any:
            taken.append(environment.n_envs)
            return step(actions)

        environment.step = counting  # type: ignore[method-assign]
        return taken

    def _observations(self, learner: Learner, count: int) -> NDArray[np.float32]:
        size = learner.algorithm.observation_size
        return np.random.default_rng(9).normal(size=(count, size)).astype(np.float32)

    def _require_actions(self, what: str, actions: Any, learner: Learner, count: int) -> None:
        __tracebackhide__ = True
        space = learner.environment.action_space
        dtype = np.float32 if isinstance(space, spaces.Box) else np.int64
        shape = (count, *(space.shape or ()))
        given = f"{type(actions).__name__} {shown(actions)}"
        require(
            isinstance(actions, np.ndarray) and (actions.shape, actions.dtype) == (shape, dtype),
            f"{what} returned {given} for {count} observations. A NumPy array of "
            f"{dtype.__name__}, of shape {shape}, is meant.",
        )
        counts = getattr(space, "nvec", getattr(space, "n", np.inf))
        is_one = (
            np.isfinite(actions) if dtype is np.float32 else (actions >= 0) & (actions < counts)
        )
        require(bool(is_one.all()), f"{what} returned {given}, which is not all of {space}.")
