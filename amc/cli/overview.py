"""What a view shows of an experiment at one moment, and what changed between two moments.

Its doors are `Summary.of`, `Overview.of` and `changes`. It must not know what a terminal is.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from amc.cli import formatting
from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.experiment_view import Experiment
from amc.ledger import Request, files
from amc.ledger.pruning import Pruned
from amc.trial_status import BestTrial, TrialStatus

_AT_WORK = frozenset({"waiting", "running"})


@dataclass(frozen=True)
class Summary:
    """An experiment at one moment, in a line.

    Attributes:
        id: the experiment's id.
        state: `running`, `paused`, `completed`, `failed` or `cancelled`.
        best: the best trial of the best suggestion so far.
        planned: how many trials there will be if none fails and nobody stops it.
        states: how many trials are in each state.
    """

    id: str
    state: str
    best: BestTrial | None = None
    planned: int = 1
    states: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, experiment: Experiment) -> Self:
        """Read an experiment afresh."""
        return cls(
            id=experiment.id,
            state=experiment.state,
            best=experiment.best,
            planned=_planned(experiment.config, experiment.requests),
            states=experiment.trial_states(),
        )

    @property
    def n_ended(self) -> int:
        """How many trials have a result."""
        return sum(self.states.values()) - sum(self.states.get(one, 0) for one in _AT_WORK)

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
    """

    trials: tuple[TrialStatus, ...] = ()
    rounds: int = 0
    total_timesteps: int = 1
    is_disk_full: bool = False
    has_rounds: bool = True
    pruned: Pruned | None = None
    generation: tuple[int, int] | None = None

    @classmethod
    def of(cls, experiment: Experiment) -> Self:
        """Read an experiment afresh."""
        config = experiment.config
        trials = tuple(experiment.trials())
        return cls(
            id=experiment.id,
            state=experiment.state,
            best=experiment.best,
            planned=_planned(config, experiment.requests),
            states=Counter(trial.state for trial in trials),
            trials=trials,
            rounds=trials[-1].round + 1 if trials else 0,
            total_timesteps=config.training.total_timesteps,
            is_disk_full=not files.has_room(experiment.directory),
            has_rounds=config.has_rounds,
            pruned=experiment.pruned,
            generation=experiment.generation,
        )

    @property
    def stage(self) -> str | None:
        """`round 2`, `generation 3 of 10`, or None where trials follow each other."""
        if self.generation is not None:
            return "generation {} of {}".format(*self.generation)
        if not self.has_rounds:
            return None
        return f"round {self.rounds - 1}" if self.rounds else "no round yet"

    @property
    def headline(self) -> str:
        """`cartpole-1: running, round 2, 9 of 24 trials done (1 failed), best 412.5 (trial 7)`."""
        counts = self.states
        lost = [f"{counts[one]} {one}" for one in ("failed", "halted") if counts.get(one)]
        parts = [self.state]
        if self.state in {"running", "paused"} and self.stage is not None:
            parts.append(self.stage)
        parts.append(f"{self.n_ended} of {self.n_planned} trials done")
        if lost:
            parts[-1] += f" ({', '.join(lost)})"
        if self.best is not None:
            parts.append(f"best {best_of(self.best)}")
        if self.is_disk_full and self.state == "running":
            parts.append("its disk is full: make room, and it goes on")
        return f"{self.id}: {', '.join(parts)}"


def _planned(config: ExperimentConfig, requests: tuple[Request, ...]) -> int:
    from amc.driver.budget import budget

    asked = sum(len(request.trials) for request in requests if request.kind == "retry")
    asked += sum(request.kind == "trial" for request in requests)
    try:
        return budget(config, requests).trials + asked
    except UsageError:
        return 1  # the experiment failed of it and says so


def changes(before: Overview | None, after: Overview) -> Iterator[str]:
    """One line for each thing that changed; steps and seconds alone are no change."""
    before = before or Overview(after.id, state="")
    if after.stage is not None and after.stage != before.stage:
        yield after.stage
    standing = _standing if after.generation is None else _standing_of_member
    known = {trial.number: standing(trial) for trial in before.trials}
    for trial in after.trials:
        if known.get(trial.number, ("waiting",)) != standing(trial):
            yield f"{_name(trial)}: {_told(trial)}"
    if after.best is not None and _decisive(before.best) != _decisive(after.best):
        yield f"best so far: {best_of(after.best)}"
    if (after.state, after.is_disk_full) != (before.state, before.is_disk_full):
        yield after.headline


def result_of(best: BestTrial) -> str:
    """`488.2 [460.1, 516.3] (3 test seeds)`; untested `-1094.6 ± 91.2 (4 seeds)`, or `412.5`."""
    seeds = _seeds(best)
    return _mean(best) + (f" ({seeds})" if seeds else "")


def best_of(best: BestTrial) -> str:
    """The same, and whose agent is kept, and when that had solved its task."""
    agent = f"trial {best.number}{formatting.solved(best.solved_at)}"
    return f"{_mean(best)} ({', '.join(filter(None, (_seeds(best), agent)))})"


def chosen_by(best: BestTrial) -> str:
    """What chose a suggestion that was tested: `499.2 ± 0.3 (4 seeds)`."""
    mean = best.chosen_by or best
    seeds = formatting.seeds(mean.n_seeds, are_tests=False)
    text = formatting.mean(mean.mean_score, mean.standard_error)
    return text + (f" ({seeds})" if seeds else "")


def _mean(best: BestTrial) -> str:
    return formatting.mean(best.mean_score, best.standard_error, best.interval)


def _seeds(best: BestTrial) -> str:
    return formatting.seeds(best.n_seeds, are_tests=best.chosen_by is not None)


def _decisive(best: BestTrial | None) -> tuple[object, ...]:
    return () if best is None else (best.number, best.mean_score, best.n_seeds)


def _name(trial: TrialStatus) -> str:
    return f"trial {trial.number}" + (f" ({trial.kind})" if trial.kind != "search" else "")


def _standing(trial: TrialStatus) -> tuple[object, ...]:
    if trial.state == "waiting":
        return ("waiting",)
    # Between its lease and the record of its attempt a trial runs without one.
    return (trial.state, trial.worker, max(1, trial.attempts))


def _standing_of_member(trial: TrialStatus) -> tuple[object, ...]:
    """In a population all begin and end each generation together: what one copies is the news."""
    is_at_work = trial.state in _AT_WORK
    return ("waiting", *trial.copies) if is_at_work else _standing(trial)


def _told(trial: TrialStatus) -> str:
    if trial.state in _AT_WORK and trial.copies:
        copied = trial.copies[-1]
        return (
            f"goes on from trial {copied.trial} at step {copied.step:,}: "
            f"{formatting.hyperparameters(trial.hyperparameters)}"
        )
    if trial.state == "running":
        again = f" (attempt {trial.attempts})" if trial.attempts > 1 else ""
        return (
            f"running on {trial.worker}{again}: {formatting.hyperparameters(trial.hyperparameters)}"
        )
    if trial.state == "completed":
        took = f"{trial.steps:,} steps in {formatting.duration(trial.seconds)} on {trial.worker}"
        score = f"{formatting.score(trial.score)}{formatting.solved(trial.solved_at)}"
        return f"completed, score {score}, {took}"
    if trial.state == "halted":
        rank = formatting.rank(trial.rank, trial.compared)
        return f"halted at step {trial.steps:,}, {rank}, score {formatting.score(trial.score)}"
    if trial.state == "failed":
        return f"failed: {formatting.error(trial.error or 'no reason recorded')}"
    return trial.state
