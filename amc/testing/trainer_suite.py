"""The tests of a command or a function that trains: what the engine needs to hear of it.

    class TestClimber(TrainerSuite):
        trainer = "climber:train"                       # or ["python", "climber.py", "{pace}"]
        hyperparameters = {"pace": 3}
        resumable = True

It is trained as a worker does, in pieces where it says that it can resume.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest

from amc.config.schema import ExperimentConfig
from amc.errors import AmcError, said
from amc.ledger.records import Report, Segment, Trial
from amc.testing.side_effects import children
from amc.testing.suite import Suite, loaded, require
from amc.training.lineage import train
from amc.training.trial import Ancestor, TrialContext, TrialOutcome


class TrainerSuite(Suite):
    """Subclass it and give `trainer`.

    Attributes:
        trainer: a command, as a list; or a function, as `module:function` or itself; or the name
            of an entry point of `amc.trainers`.
        hyperparameters: that it is given.
        resumable: whether it goes on from what it saves.
        total_timesteps: of a training that takes a moment.
        more: further settings of the config: score_from, env, environment, ...
        source: the directory of its code.
        is_repeatable: whether the same seed gives the same scores. Nothing in amc depends on it.
    """

    trainer: Any = None
    hyperparameters: ClassVar[Mapping[str, Any]] = {}
    resumable: ClassVar[bool] = False
    total_timesteps: ClassVar[int] = 1000
    more: ClassVar[Mapping[str, Any]] = {}
    source: ClassVar[str] = "."
    is_repeatable: ClassVar[bool] = True

    def names(self) -> Iterable[str]:
        """See `Suite`."""
        trainer = self.given("trainer")
        return [trainer] if isinstance(trainer, str) else []

    def config(self) -> ExperimentConfig:
        """A config that trains it for a moment."""
        trainer = self.given("trainer")
        return loaded(
            {
                "experiment_name": "conformance",
                **(
                    {"trainer": trainer} if isinstance(trainer, str) else {"command": list(trainer)}
                ),
                "algorithm_config": dict(self.hyperparameters),
                "resumable": self.resumable,
                "source": str(Path(self.source).absolute()),
                "training": {
                    "total_timesteps": self.total_timesteps,
                    "eval_freq": max(1, self.total_timesteps // 10),
                },
                **self.more,
            }
        )

    def test_a_config_may_name_it(self) -> None:
        """The config is sound, with every placeholder of a command known."""
        self.config()

    def test_it_trains_to_the_end_and_reports_what_that_was_worth(self) -> None:
        """A finite score, at the last step or beyond; steps never go back."""
        with self._training() as trainings:
            outcome = trainings.whole()
        require(
            outcome.steps >= self.total_timesteps,
            f"it ended after step {outcome.steps} of {self.total_timesteps}. Train while "
            "`step < until`, and report the step that it came to.",
        )

    def test_it_writes_to_a_directory_of_its_own(self) -> None:
        """Nothing is left where its code is."""
        source = Path(self.source)
        before = {path for path in source.rglob("*") if "__pycache__" not in path.parts}
        with self._training() as trainings:
            trainings.whole()
        left = {path for path in source.rglob("*") if "__pycache__" not in path.parts} - before
        require(
            not left,
            f"it left {', '.join(sorted(map(str, left)))} beside its code, where trials at the "
            "same time would write over each other. Write to trial.directory.",
        )

    def test_it_leaves_no_process_behind(self) -> None:
        """What it started has ended with it."""
        with self._training() as trainings, children() as left:
            trainings.whole()
            names = left()
        require(not names, f"it left {', '.join(names)} running. Wait for what it starts.")

    def test_the_same_seed_gives_the_same_scores(self) -> None:
        """Trials differ by their seeds, and by nothing else that nobody chose."""
        if not self.is_repeatable:
            raise SkipTest("it says that it is not repeatable")
        found = []
        for _ in range(2):
            with self._training() as trainings:
                found.append([(one.step, one.score) for one in trainings.whole().evaluations])
        require(
            found[0] == found[1],
            f"two trainings with one seed reported {found[0][:5]} and {found[1][:5]}. Seed every "
            "generator with trial.seed, or set is_repeatable = False.",
        )

    def test_a_piece_ends_where_it_is_to_end_with_a_checkpoint(self) -> None:
        """At the first step at or beyond `until`, saved at that step."""
        self._require_resumable()
        half = self.total_timesteps // 2
        with self._training() as trainings:
            first, _ = trainings.piece(half)
        require(
            half <= first.steps < self.total_timesteps,
            f"a piece that was to end at step {half} ended at {first.steps} of "
            f"{self.total_timesteps}. Train while `step < until and not should_stop()`.",
        )

    def test_a_piece_goes_on_from_the_one_before(self) -> None:
        """From `checkpoint`, at `from_step`, to the end."""
        self._require_resumable()
        with self._training() as trainings:
            first, ancestor = trainings.piece(self.total_timesteps // 2)
            second, _ = trainings.piece(self.total_timesteps, ancestor)
        require(
            second.steps >= self.total_timesteps,
            f"the second piece began at step {first.steps} and ended at {second.steps} of "
            f"{self.total_timesteps}. Load trial.checkpoint, and count on from trial.from_step.",
        )

    def test_it_saves_when_it_is_to_stop(self) -> None:
        """Within seconds from `should_stop()` on, with a checkpoint."""
        self._require_resumable()
        with self._training() as trainings:
            outcome, told_at = trainings.stopped()
            require(
                outcome.steps < self.total_timesteps or told_at >= self.total_timesteps,
                f"it was told to stop at step {told_at} and trained on to the end. Ask "
                "should_stop() now and then, save once it is true, and end.",
            )
            require(
                outcome.checkpoint is not None or outcome.state == "completed",
                f"it was told to stop and ended at step {outcome.steps} without a checkpoint. Ask "
                "should_stop() now and then, save once it is true, and end.",
            )
            again = trainings.whole()
        require(
            again.steps >= self.total_timesteps,
            f"begun again, it ended at step {again.steps} of {self.total_timesteps}.",
        )

    def _require_resumable(self) -> None:
        if not self.resumable:
            raise SkipTest("it does not say that it can resume")

    @contextmanager
    def _training(self) -> Iterator["_Trainings"]:
        with tempfile.TemporaryDirectory(prefix="amc-suite-") as place:
            yield _Trainings(self.config(), Path(place))


class _Trainings:
    """Trains a trial as a worker does."""

    def __init__(self, config: ExperimentConfig, place: Path) -> None:
        self._config, self._place = config, place
        self._attempts = 0

    def whole(self) -> TrialOutcome:
        """From where it stands to the end."""
        return self._train(self._context())

    def stopped(self) -> tuple[TrialOutcome, int]:
        """Until it is told to stop, which is at its first score; and the step of that."""
        told: list[int] = []
        context = self._context(
            on_evaluation=lambda one: told.append(one.step), should_stop=lambda: bool(told)
        )
        return self._train(context), told[0]

    def piece(self, until: int, *lineage: Ancestor) -> tuple[TrialOutcome, Ancestor]:
        """To a step, from nothing or from the piece before."""
        index, horizon = len(lineage), self._config.training.total_timesteps
        start = lineage[-1] if lineage else None
        segment = Segment(
            0,
            index,
            from_step=start.report.step if start else 0,
            until=until,
            horizon=horizon,
            start=start.segment.key if start else None,
        )
        context = self._context(
            directory=self._place / f"{index:02}", segment=segment, lineage=lineage
        )
        outcome = self._train(context)
        report = Report(0, index, "completed", step=outcome.steps, digest=outcome.digest)
        return outcome, Ancestor(context.trial, segment, report, context.directory)

    def _context(self, **more: Any) -> TrialContext:
        self._attempts += 1
        given = {"directory": self._place / "trial", "tensorboard": self._place / "board", **more}
        return TrialContext(Trial(0, {}, seed=self._config.seed), self._attempts, **given)

    def _train(self, context: TrialContext) -> TrialOutcome:
        try:
            return train(self._config, context)
        except AmcError as error:
            raise AssertionError(
                f"it was trained for a moment, and failed: {said(error)}"
            ) from error
