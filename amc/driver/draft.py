"""What a decision opens, while a policy puts it together. Its door is `Draft`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from amc.config.schema import ExperimentConfig
from amc.driver.limits import Limits
from amc.driver.seeds import trial_seed, would_spare
from amc.ledger import History, Request, Segment, SegmentKey, Trial
from amc.ledger.records import TrialKind


@dataclass(frozen=True)
class Fork:
    """What a segment has of its own, where it does not just go on with its trial.

    Attributes:
        hyperparameters: from here on; None for the trial's own.
        start: the segment that it goes on from; None for the trial's own last one, if any.
        reseed: where every draw begins anew; None lets draws go on.
    """

    hyperparameters: dict[str, Any] | None
    start: SegmentKey | None = None
    reseed: int | None = None


class Draft:
    """New trials and segments of the next decision.

    Args:
        config: of the experiment.
        past: what led here; every report that the decision learns is learned in it.

    Attributes:
        trials: new ones, in number order.
        segments: in the order in which they are opened.
        answered: requests that it deals with.
        remarks: sentences on what could not be opened.
    """

    def __init__(self, config: ExperimentConfig, past: History) -> None:
        self._config, self._past = config, past
        self._limits = Limits(config, past)
        self.trials: list[Trial] = []
        self.segments: list[Segment] = []
        self.answered: list[Request] = []
        self.remarks: list[str] = []

    @property
    def horizon(self) -> int:
        """Steps of a whole trial."""
        return self._config.training.total_timesteps

    @property
    def is_late(self) -> bool:
        """Whether no new trial is opened any more, since the time is over."""
        return self._limits.is_late

    def start(
        self,
        hyperparameters: Mapping[str, Any],
        suggestion: int,
        *,
        kind: TrialKind = "search",
        seed: int | None = None,
        until: int | None = None,
        stop_below: tuple[tuple[int, float], ...] = (),
        request: int | None = None,
        retry_of: int | None = None,
        fork: Fork | None = None,
    ) -> None:
        """Open a new trial, for which there is room (`may_start`).

        Args:
            hyperparameters: as the search space writes them.
            suggestion: number of the suggestion.
            kind: of the trial.
            seed: of the trial; if None its own stream below the experiment's, in the set of `kind`.
            until: where its first segment ends; the trial's end if None.
            stop_below: pairs of step and score; see `Segment`.
            request: number of the request that asked for it.
            retry_of: the failed trial that it repeats.
            fork: what its first segment has of its own; None begins from nothing.
        """
        number = len(self._past.trials) + len(self.trials)
        seed = trial_seed(self._config.seed, number, kind) if seed is None else seed
        point, round_ = dict(hyperparameters), self._past.rounds
        self.trials.append(Trial(number, point, seed, round_, suggestion, kind, retry_of, request))
        fork = fork or Fork(None)
        self._open(
            Segment(
                number,
                0,
                from_step=self._past.learned[fork.start].step if fork.start else 0,
                until=until or self.horizon,
                horizon=self.horizon,
                start=fork.start,
                hyperparameters=fork.hyperparameters,
                reseed=fork.reseed,
                stop_below=stop_below,
                is_spared=bool(stop_below) and would_spare(self._config.seed, suggestion),
            )
        )

    def go_on(
        self, trial: int, until: int, *, is_spared: bool = False, fork: Fork | None = None
    ) -> None:
        """Open the next segment of a trial whose last one was reported.

        Args:
            trial: its number.
            until: where the segment ends.
            is_spared: see `Segment`.
            fork: what changes where it begins; None for nothing.
        """
        last = self._past.segments[trial, self._past.last[trial]]
        fork = fork or Fork(last.hyperparameters)
        start = fork.start or last.key
        self._open(
            Segment(
                trial,
                last.index + 1,
                from_step=self._past.learned[start].step,
                until=until,
                horizon=last.horizon,
                start=start,
                hyperparameters=fork.hyperparameters,
                reseed=fork.reseed,
                is_spared=is_spared,
            )
        )

    def extend(self, trial: int, steps: int) -> bool:
        """Let a trial that has ended go on until so many steps, if the limits have room for it."""
        last = self._past.segments[self._past.standing(trial)]
        step = self._past.learned[last.key].step
        if self._limits.is_late or not self._limits.allow(steps - step):
            return False
        self._open(
            Segment(
                trial,
                self._past.last[trial] + 1,
                from_step=step,
                until=steps,
                horizon=max(steps, last.horizon),
                start=last.key,
                hyperparameters=last.hyperparameters,
            )
        )
        return True

    def _open(self, segment: Segment) -> None:
        self.segments.append(segment)
        self._limits.take(segment.until - segment.from_step)

    def may_start(self, trials: int, *, until: int | None = None, of_search: bool = False) -> bool:
        """Whether the limits of the experiment have room for so many new trials.

        Args:
            trials: how many.
            until: where their first segment ends; the trial's end if None.
            of_search: whether they leave what is kept for the way to the end and what comes after.
        """
        steps = until or self.horizon
        kept = self._limits.kept(steps) if of_search else 0
        return not self._limits.is_late and self._limits.allow(trials * steps, kept=kept)

    def may_go_on(self, trials: Iterable[int], until: int) -> bool:
        """Whether they have room for trials of the search to go on from rung to rung."""
        ends = (self._past.learned[trial, self._past.last[trial]].step for trial in trials)
        steps = sum(max(0, until - end) for end in ends)
        return self._limits.allow(steps, kept=self._limits.kept(until))
