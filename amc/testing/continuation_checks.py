"""The tests of an algorithm that is stopped, saved, restored, forked and changed."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args, get_origin

from amc.config.schema import ExperimentConfig
from amc.config.search.search_keys import SearchField
from amc.errors import CheckpointError, ConfigError
from amc.testing.learners import LearnerChecks
from amc.testing.side_effects import global_generators
from amc.testing.states import difference_between
from amc.testing.suite import require
from amc.training.lineage import train
from amc.training.trial import TrialContext

_BASE_STATE = ("algorithm", "num_timesteps", "observation")
_STOPS = 4


class ContinuationChecks(LearnerChecks):
    """See `AlgorithmSuite`."""

    _remedy = (
        "Draw from generators that are made of self.seed (amc.algorithms.random_streams), and let "
        "state_dict hold everything that the coming steps depend on."
    )

    def test_the_same_seed_gives_the_same_bits(self) -> None:
        """Whatever the state of the generators that everybody shares."""
        digests = []
        for shared_seed in (1, 2):
            with global_generators(shared_seed):
                digests.append(self.trained())
        require(
            digests[0] == digests[1],
            f"two trainings of the same seed ended with other parameters. {self._remedy}",
        )

    def test_another_seed_gives_other_bits(self) -> None:
        """So that several seeds say more than one."""
        require(
            self.trained(0) != self.trained(1),
            f"trainings of the seeds 0 and 1 ended with the same parameters. {self._remedy}",
        )

    def test_its_state_is_plain(self) -> None:
        """Plain values and tensors, which are read again without running any code."""
        with self.learner() as learner:
            learner.train(1)
            state = learner.captured()["algorithm"]
        missing = [key for key in _BASE_STATE if key not in state]
        require(
            not missing,
            f"state_dict() lacks {', '.join(missing)}. Add to super().state_dict().",
        )

    def test_its_state_is_a_copy(self) -> None:
        """Training goes on while a state is written."""
        with self.learner() as learner:
            learner.train(1)
            state = learner.algorithm.state_dict()
            as_it_was = deepcopy(state)
            learner.train(1)
            change = difference_between(as_it_was, state, "state_dict()")
        require(
            not change,
            f"what state_dict() returned changed while training went on: {change}. Copy what it "
            "holds (tensor.clone(), array.copy()).",
        )

    def test_stopped_and_restored_it_goes_on_with_the_same_bits(self) -> None:
        """At every one of the first iterations, and before the first."""
        with self.learner() as learner:
            metrics = learner.train()
            digest = learner.digest
        for stop in range(min(_STOPS, len(metrics))):
            with self.learner() as stopped, self.learner() as restored:
                stopped.train(stop)
                restored.restore(stopped.captured())
                rest = restored.train()
                difference = difference_between(metrics[stop:], rest, "metrics")
                require(
                    restored.digest == digest,
                    f"stopped after {stop} iterations and restored, training ended with other "
                    f"parameters than without a stop{difference and ': ' + difference}. "
                    f"{self._remedy}",
                )

    def test_a_state_of_another_algorithm_is_refused(self) -> None:
        """With a CheckpointError, as `super().load_state_dict(state)` raises it."""
        with self.learner() as learner, self.learner() as other:
            learner.train(1)
            state = learner.algorithm.state_dict() | {"algorithm": "another"}
            try:
                other.algorithm.load_state_dict(state)
            except CheckpointError:
                return
        require(False, "it took the state of another algorithm. Call super().load_state_dict.")

    def test_a_fork_goes_its_own_way_from_the_same_weights(self) -> None:
        """Members of a population begin so: weights of another, draws of their own."""
        with self.learner() as learner:
            learner.train(1)
            state, digest = learner.captured(), learner.digest
        ends = []
        for seed in (5, 5, 6):
            # The world of all is the same, so that what differs are the learner's own draws.
            with self.learner(seed, world_seed=5) as fork:
                fork.restore(state, fork=True)
                require(
                    fork.digest == digest,
                    "a fork has other parameters than what it copies. Restore them in "
                    "load_state_dict.",
                )
                fork.train()
                ends.append(fork.digest)
        require(ends[0] == ends[1], f"two forks of the same seed ended differently. {self._remedy}")
        require(
            not self.draws or ends[1] != ends[2],
            "forks of two seeds ended with the same parameters, so they drew the same. Name every "
            "generator that training draws from in generators(); or set draws to False in the "
            "suite, if it never draws.",
        )

    def test_what_may_change_may_change_in_mid_training(self) -> None:
        """Each hyperparameter that is marked MAY_CHANGE, where a segment begins."""
        with self.learner() as learner:
            learner.train(1)
            state, digest = learner.captured(), learner.digest
        keys = self.config().search_keys()
        for found in filter(lambda one: one.may_change, map(keys.field, keys.paths())):
            changed = self._changed(found)
            if changed is None:
                continue
            was, now = found.of(self.config()), found.of(changed)
            told = f"{found.path} changed from {was!r} to {now!r} in mid-training"
            remedy = f"Mend that, or remove MAY_CHANGE from {found.name}."
            with self.learner(config=changed) as other:
                try:
                    other.restore(state, changed=found.path)
                    same = other.digest == digest
                    other.train()
                except Exception as error:
                    raise AssertionError(f"{told}: {error!r}. {remedy}") from error
                require(same, f"{told}, and so did the parameters. {remedy}")

    def test_the_engine_trains_saves_and_resumes_it(self) -> None:
        """Interrupted after its first iteration and run again, as after a kill."""
        with TemporaryDirectory() as directory:
            whole = train(self.config(), self._context(Path(directory, "whole")))
            where = Path(directory, "stopped")
            stopped = train(self.config(), self._context(where, stop_at_step=1))
            resumed = train(self.config(), self._context(where))
        require(stopped.state == "interrupted", f"asked to stop, it {stopped.state}.")
        require(
            (resumed.digest, resumed.score) == (whole.digest, whole.score),
            f"interrupted at step {stopped.steps} and run again it ended with score "
            f"{resumed.score} and digest {resumed.digest}, left alone with {whole.score} and "
            f"{whole.digest}. {self._remedy}",
        )

    def _context(self, directory: Path, stop_at_step: int | None = None) -> TrialContext:
        steps: list[int] = []
        context = TrialContext.standalone(self.config().seed, directory)
        return TrialContext(
            trial=context.trial,
            attempt=context.attempt,
            directory=context.directory,
            tensorboard=context.tensorboard,
            mark=lambda kind, step: steps.append(step),
            should_stop=lambda: stop_at_step is not None and max(steps, default=0) >= stop_at_step,
        )

    def _changed(self, found: SearchField) -> ExperimentConfig | None:
        """The suite's config with another value of one setting; None if none is thought of."""
        config = self.config()
        section = getattr(config, found.section)
        annotation = type(section).model_fields[found.name].annotation
        for value in _others(found.of(config), annotation):
            try:
                changed = config.with_hyperparameters({found.path: value})
            except ConfigError:
                continue
            if not dict(changed.algorithm_config.problems()):
                return changed
        return None


def _others(value: Any, annotation: Any) -> Iterator[Any]:
    """Values near one, of its own type."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, 2 * value, value // 2, value - 1)
        case float():
            yield from (0.9 * value, 1.1 * value, value / 2, 0.5, 1.0)
        case None:
            yield from (0.5, 1, 8)
        case _ if get_origin(annotation) is Literal:
            yield from (other for other in get_args(annotation) if other != value)
