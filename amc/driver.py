"""What must happen next: a pure function of the config and the history.

Same config and history, same answer, whoever asks and however often. It reads nothing and writes
nothing; `amc.tasks` does what it says.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

import numpy as np

from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.ledger import History, Result, Round, Trial
from amc.optimizers import make

# The seed of trial n is a stream of its own below the experiment's seed.
_TRIAL_STREAM = 1
_FINALISTS, _CALLS_FOR_FINALISTS = 4, 16


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


@dataclass(frozen=True)
class Winner:
    """The best suggestion so far.

    Attributes:
        trial: its best-scoring trial, whose agent is handed out.
        result: that trial's result.
        mean_score: mean over every completed trial of the suggestion.
        n_seeds: how many trials that is.
    """

    trial: Trial
    result: Result
    mean_score: float
    n_seeds: int


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
    if winner(config, history) is None:
        return Finish("failed", "No trial was completed; `amc show` has the reason of each.")
    return Finish("completed")


def winner(config: ExperimentConfig, history: History) -> Winner | None:
    """The best suggestion: among those trained on the most seeds, the highest mean score.

    A single high score among many noisy ones is luck more often than not; finalists decide where
    there are any.
    """
    completed = _completed_by_suggestion(history)
    if not completed:
        return None
    search = config.hyperparameter_optimizer
    finalists = {trial.suggestion for trial in history.trials if trial.kind == "finalist"}
    if search is None or not _all_in(history):
        finalists = set()
    pool = {key: rows for key, rows in completed.items() if key in finalists} or completed
    best = max(pool, key=lambda key: (_merit(pool[key]), -key))
    trial, result = max(pool[best], key=lambda row: (_score(row[1]), -row[0].number))
    return Winner(trial, result, _mean(pool[best]), len(pool[best]))


def _all_in(history: History) -> bool:
    return history.open_round is None


_Rows = list[tuple[Trial, Result]]


def _score(result: Result) -> float:
    return float("-inf") if result.score is None else result.score


def _mean(rows: _Rows) -> float:
    return fmean(_score(result) for _, result in rows)


def _merit(rows: _Rows) -> tuple[float, float]:
    """What suggestions are ranked by: the mean score, then how early it was reached.

    Many an environment has a highest score; among those that reach it, a lucky last evaluation is
    told from a steady one by the whole curve.
    """
    curves = [result.mean_evaluation for _, result in rows if result.mean_evaluation is not None]
    return _mean(rows), fmean(curves) if curves else float("-inf")


def _completed_by_suggestion(history: History) -> dict[int, _Rows]:
    rows: dict[int, _Rows] = defaultdict(list)
    for trial, result in history.finished():
        if result.state == "completed" and result.score is not None:
            rows[trial.suggestion].append((trial, result))
    return dict(rows)


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
    searched = sum(trial.kind == "search" for trial in history.trials)
    trials = _search_trials(config, search, history, budget=search.n_calls - searched)
    if not trials and not any(trial.kind == "finalist" for trial in history.trials):
        trials = _finalist_trials(search, history)
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
    config: ExperimentConfig,
    search: HyperparameterOptimizerConfig,
    history: History,
    *,
    budget: int,
) -> list[Trial]:
    seeds = search.seeds_per_trial
    count = min(max(1, search.trials_per_round // seeds), budget // seeds)
    if count < 1:
        return []
    optimizer = make(
        search.type,
        search_space=search.search_space,
        n_calls=search.n_calls // seeds,
        seed=config.seed,
        n_initial_points=search.n_initial_points,
    )
    suggestions, scores = _told(history)
    if suggestions:
        optimizer.update(suggestions, scores)
    return [
        Trial(number=0, hyperparameters=hyperparameters, seed=0, suggestion=len(scores) + index)
        for index, hyperparameters in enumerate(optimizer.suggest(count))
        for _ in range(seeds)
    ]


def _told(history: History) -> tuple[list[dict[str, object]], list[float | None]]:
    """What the optimizer is told: each suggestion once, in order, with its mean score."""
    hyperparameters: dict[int, dict[str, object]] = {}
    for trial in history.trials:
        if trial.kind == "search":
            hyperparameters.setdefault(trial.suggestion, trial.hyperparameters)
    completed = _completed_by_suggestion(history)
    scores = [_mean(completed[key]) if key in completed else None for key in hyperparameters]
    return list(hyperparameters.values()), scores


def _finalist_trials(search: HyperparameterOptimizerConfig, history: History) -> list[Trial]:
    wanted = search.finalists
    if wanted is None:
        wanted = _FINALISTS if search.n_calls >= _CALLS_FOR_FINALISTS else 0
    completed = _completed_by_suggestion(history)
    in_order = sorted(completed)
    ranked = sorted(in_order, key=lambda key: _merit(completed[key]), reverse=True)[:wanted]
    return [
        replace(completed[suggestion][0][0], kind="finalist")
        for suggestion in ranked
        for _ in range(search.finalist_seeds)
    ]


def trial_seed(experiment_seed: int, number: int) -> int:
    """The seed of a trial: its own stream below the experiment's seed, 0 <= seed < 2**32."""
    sequence = np.random.SeedSequence(experiment_seed, spawn_key=(_TRIAL_STREAM, number))
    return int(sequence.generate_state(1)[0])


def config_of(config: ExperimentConfig, trial: Trial) -> ExperimentConfig:
    """The config that trains this one trial again: its hyperparameters, its seed, no search.

    `amc train` with it gives the trial's digest.
    """
    fixed = config.with_hyperparameters(trial.hyperparameters)
    return fixed.model_copy(update={"seed": trial.seed, "hyperparameter_optimizer": None})
