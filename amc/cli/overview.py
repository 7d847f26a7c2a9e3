"""What a view shows of an experiment at one moment.

Its doors are `Summary.of` and `Overview.of`. It must not know what a terminal is.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from amc.cli import formatting
from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.experiment_view import Experiment
from amc.ledger import Request, files
from amc.ledger.pruning import Pruned
from amc.permission import ForeignCode, foreign_code
from amc.trial_status import BestTrial, TrialStatus

AT_WORK = frozenset({"waiting", "running"})


@dataclass(frozen=True)
class Summary:
    """An experiment at one moment, in a line.

    Attributes:
        id: the experiment's id.
        state: `running`, `paused`, `completed`, `failed` or `cancelled`.
        best: the best trial of the best suggestion so far.
        planned: how many trials there will be if none fails and nobody stops it.
        states: how many trials are in each state.
        code: what its config has run that workers must allow; None where amc trains.
    """

    id: str
    state: str
    best: BestTrial | None = None
    planned: int = 1
    states: Mapping[str, int] = field(default_factory=dict)
    code: ForeignCode | None = field(default=None, kw_only=True)

    @classmethod
    def of(cls, experiment: Experiment) -> Self:
        """Read an experiment afresh."""
        return cls(
            code=foreign_code(experiment.config),
            id=experiment.id,
            state=experiment.state,
            best=experiment.best,
            planned=sum(_planned(experiment.config, experiment.requests).values()),
            states=experiment.trial_states(),
        )

    @property
    def n_ended(self) -> int:
        """How many trials have a result."""
        return sum(self.states.values()) - sum(self.states.get(one, 0) for one in AT_WORK)

    @property
    def n_planned(self) -> int:
        """How many trials there will be, or were: all of them where it is done with fewer."""
        done = sum(self.states.values())
        return done if self.state == "completed" else max(self.planned, done)


@dataclass(frozen=True)
class Overview(Summary):
    """An experiment at one moment, with its trials.

    Attributes:
        trials: every trial so far, in number order.
        rounds: how many rounds were begun; they are numbered from 0.
        total_timesteps: environment steps of a whole trial.
        is_disk_full: whether the trials wait for room on the experiment's disk.
        has_rounds: whether trials are suggested and awaited together.
        pruned: what its pruner halted; None without one.
        generation: the number of a population's generation, and how many there are; None without.
        searched: the names of the hyperparameters that are searched.
        planned_of_kind: how many trials of each kind there will be, as `planned` counts them.
        trials_per_round: how many a round of the search has.
        has_limits: whether a limit of steps or of time may end it sooner.
        has_checkpoints: whether a trial that is stopped goes on from one.
    """

    trials: tuple[TrialStatus, ...] = ()
    rounds: int = 0
    total_timesteps: int = 1
    is_disk_full: bool = False
    has_rounds: bool = True
    pruned: Pruned | None = None
    generation: tuple[int, int] | None = None
    searched: tuple[str, ...] = ()
    planned_of_kind: Mapping[str, int] = field(default_factory=dict)
    trials_per_round: int = 1
    has_limits: bool = False
    has_checkpoints: bool = True

    @classmethod
    def of(cls, experiment: Experiment) -> Self:
        """Read an experiment afresh."""
        config, search = experiment.config, experiment.config.hyperparameter_optimizer
        trials = tuple(experiment.trials())
        planned = _planned(config, experiment.requests)
        return cls(
            code=foreign_code(config),
            id=experiment.id,
            state=experiment.state,
            best=experiment.best,
            planned=sum(planned.values()),
            states=Counter(trial.state for trial in trials),
            trials=trials,
            rounds=trials[-1].round + 1 if trials else 0,
            total_timesteps=config.training.total_timesteps,
            is_disk_full=not files.has_room(experiment.directory),
            has_rounds=config.has_rounds,
            pruned=experiment.pruned,
            generation=experiment.generation,
            searched=() if search is None else tuple(search.search_space),
            planned_of_kind=planned,
            trials_per_round=config.seeds if search is None else search.trials_per_round,
            has_limits=bool(experiment.limits),
            has_checkpoints=config.is_segmented,
        )

    @property
    def stage(self) -> str | None:
        """`round 2`, `generation 3 of 10`, `finalists`, or None where trials follow each other."""
        if self.trials and self.trials[-1].kind != "search":
            return f"{self.trials[-1].kind}s"
        if self.generation is not None:
            return "generation {} of {}".format(*self.generation)
        if not self.has_rounds:
            return None
        return f"round {self.rounds - 1}" if self.rounds else "no round yet"

    def is_halted_by_user(self, trial: TrialStatus) -> bool:
        """Whether a trial does not run because its experiment is paused."""
        return self.state == "paused" and trial.state == "waiting"

    @property
    def standing(self) -> str:
        """`running, round 2, 9 of 24 trials done (1 failed)`."""
        counts = self.states
        lost = [f"{counts[one]} {one}" for one in ("failed", "halted") if counts.get(one)]
        parts = [self.state]
        if self.state in {"running", "paused"} and self.stage is not None:
            parts.append(self.stage)
        parts.append(f"{self.n_ended} of {self.n_planned} trials done")
        if lost:
            parts[-1] += f" ({', '.join(lost)})"
        return ", ".join(parts)

    @property
    def headline(self) -> str:
        """`cartpole-1: running, round 2, 9 of 24 trials done (1 failed), best 412.5 (trial 7)`."""
        parts = [self.standing]
        if self.best is not None:
            parts.append(f"best {best_of(self.best)}")
        return f"{self.id}: {', '.join(parts)}"


def _planned(config: ExperimentConfig, requests: tuple[Request, ...]) -> dict[str, int]:
    from amc.driver.budget import budget

    asked = sum(len(request.trials) for request in requests if request.kind == "retry")
    asked += sum(request.kind == "trial" for request in requests)
    try:
        found = budget(config, requests)
    except UsageError:
        return {"search": 1}  # the experiment failed of it and says so
    finalists = found.finalists * found.finalist_seeds
    counts = {"search": found.search_trials, "finalist": finalists, "test": found.test_seeds}
    return {**counts, "search": counts["search"] + asked}


def result_of(best: BestTrial) -> str:
    """`488.2 [460.1, 516.3] (3 test seeds)`; untested `-1094.6 ± 91.2 (4 seeds)`, or `412.5`."""
    seeds = seeds_of(best)
    return mean_of(best) + (f" ({seeds})" if seeds else "")


def best_of(best: BestTrial) -> str:
    """The same, and whose agent is kept, and when that had solved its task."""
    agent = f"trial {best.number}{formatting.solved(best.solved_at)}"
    return f"{mean_of(best)} ({', '.join(filter(None, (seeds_of(best), agent)))})"


def chosen_by(best: BestTrial) -> str:
    """What chose a suggestion that was tested: `499.2 ± 0.3 (4 seeds)`."""
    mean = best.chosen_by or best
    seeds = formatting.seeds(mean.n_seeds, are_tests=False)
    text = formatting.mean(mean.mean_score, mean.standard_error)
    return text + (f" ({seeds})" if seeds else "")


def mean_of(best: BestTrial) -> str:
    """`488.2 [460.1, 516.3]`, `-1094.6 ± 91.2` or `412.5`."""
    return formatting.mean(best.mean_score, best.standard_error, best.interval)


def seeds_of(best: BestTrial) -> str:
    """`3 test seeds`, `4 seeds`, or nothing of a single trial."""
    return formatting.seeds(best.n_seeds, are_tests=best.chosen_by is not None)
