"""What must happen next: a pure function of the config and the history.

Same config and history, same answer, whoever asks and however often. It reads nothing and writes
nothing; `amc.tasks` does what it says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.driver.budget import budget
from amc.ledger import History, Round, Trial
from amc.ledger.standing import ranked, standings
from amc.optimizers import make

# The seed of trial n is a stream of its own below the experiment's seed.
_TRIAL_STREAM = 1


@dataclass(frozen=True)
class OpenRound:
    """Record these trials as the next round."""

    number: int
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class CloseRound:
    """Every trial of this round has a result: record it as closed."""

    round: Round


@dataclass(frozen=True)
class Dispatch:
    """These trials have no result: see to it that each is waiting or running."""

    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Hold:
    """Paused: start nothing."""


@dataclass(frozen=True)
class Cancel:
    """Cancelled: record these trials as cancelled; then ask again."""

    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Finish:
    """Nothing is left to do."""

    state: Literal["completed", "failed", "cancelled"]
    reason: str | None = None


Action = OpenRound | CloseRound | Dispatch | Hold | Cancel | Finish


def plan(config: ExperimentConfig, history: History) -> Action:
    """What must happen next."""
    opened = history.open_round
    outstanding = opened.outstanding if opened else ()
    if history.is_cancelled:
        return Cancel(outstanding) if outstanding else Finish("cancelled")
    if opened:
        if not outstanding:
            return CloseRound(opened)
        return Hold() if history.is_paused else Dispatch(outstanding)
    if reason := _too_many_failures(config, history):
        return Finish("failed", reason)
    if history.is_paused:
        return Hold()
    trials = _next_trials(config, history)
    if trials:
        return OpenRound(len(history.rounds), trials)
    if not standings(history):
        return Finish("failed", "No trial was completed; `amc show` has the reason of each.")
    return Finish("completed")


def _too_many_failures(config: ExperimentConfig, history: History) -> str | None:
    search = config.hyperparameter_optimizer
    limit = None if search is None else search.max_failed_trials
    failed = [trial.number for trial, result in history.finished() if result.state == "failed"]
    if limit is None or len(failed) <= limit:
        return None
    return f"{len(failed)} trials failed (max_failed_trials: {limit}): {failed}."


def _next_trials(config: ExperimentConfig, history: History) -> tuple[Trial, ...]:
    search = config.hyperparameter_optimizer
    if search is None:
        # `amc train` on the same config uses the same seed, so the two give the same bits.
        return () if history.rounds else (Trial(number=0, hyperparameters={}, seed=config.seed),)
    trials = _search_trials(config, search, history)
    if not trials and not any(trial.kind == "finalist" for trial in history.trials):
        trials = _finalist_trials(config, history)
    first = len(history.trials)
    return tuple(
        replace(
            trial,
            number=first + index,
            seed=trial_seed(config.seed, first + index),
            round=len(history.rounds),
        )
        for index, trial in enumerate(trials)
    )


def _search_trials(
    config: ExperimentConfig, search: HyperparameterOptimizerConfig, history: History
) -> list[Trial]:
    planned = budget(config)
    searched = sum(trial.kind == "search" for trial in history.trials)
    seeds = planned.next_seeds(searched)
    if not seeds:
        return []
    optimizer = make(
        search.type,
        search_space=search.search_space,
        n_calls=-(-search.n_calls // search.seeds_per_trial),
        seed=config.seed,
        n_initial_points=search.n_initial_points,
    )
    completed, told = standings(history), 0
    for suggestions in _searched(history):
        optimizer.update(
            list(suggestions.values()),
            [completed[key].mean_score if key in completed else None for key in suggestions],
        )
        told += len(suggestions)
    return [
        Trial(number=0, hyperparameters=hyperparameters, seed=0, suggestion=told + index)
        for index, hyperparameters in enumerate(optimizer.suggest(len(seeds)))
        for _ in range(seeds[index])
    ]


def _searched(history: History) -> Iterator[dict[int, dict[str, object]]]:
    """What the search suggested, round by round: each suggestion's number and hyperparameters."""
    for item in history.rounds:
        searched = [trial for trial in item.trials if trial.kind == "search"]
        if searched:
            yield {trial.suggestion: trial.hyperparameters for trial in searched}


def _finalist_trials(config: ExperimentConfig, history: History) -> list[Trial]:
    planned = budget(config)
    return [
        replace(standing.rows[0][0], kind="finalist")
        for standing in ranked(config, history)[: planned.finalists]
        for _ in range(planned.finalist_seeds)
    ]


def trial_seed(experiment_seed: int, number: int) -> int:
    """The seed of a trial: its own stream below the experiment's seed, 0 <= seed < 2**32."""
    sequence = np.random.SeedSequence(experiment_seed, spawn_key=(_TRIAL_STREAM, number))
    return int(sequence.generate_state(1)[0])
