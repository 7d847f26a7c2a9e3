"""The next decision: a pure function of the config and the history.

Same config and history, same answer, whoever asks and however often. It reads nothing and writes
nothing; `amc.tasks` records what it says and does it.
"""

from dataclasses import replace

import numpy as np

from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.driver.budget import budget
from amc.driver.suggesting import next_suggestions
from amc.driver.told import Row
from amc.ledger import Decision, History, Segment, Trial
from amc.ledger.standing import ranked, standings

# The seed of trial n is a stream of its own below the experiment's seed.
_TRIAL_STREAM = 1


def plan(config: ExperimentConfig, history: History) -> Decision | None:
    """The next decision; None while there is nothing to decide, but to see to what is open.

    Raises:
        UsageError: the config asks for what cannot be.
        SearchError: a plug-in search is at fault.
    """
    if history.finish or history.outstanding:
        return None
    base = Decision(history.decisions, learned=tuple(history.fresh[key] for key in history.open))
    if history.is_cancelled:
        return replace(base, finish="cancelled")
    if history.is_paused:
        return None
    if reason := _too_many_failures(config, history):
        return replace(base, finish="failed", why=reason)
    trials = _next_trials(config, history)
    if trials:
        return replace(base, trials=trials, segments=tuple(_whole(config, t) for t in trials))
    if not standings(history):
        reason = "No trial was completed; `amc show` has the reason of each."
        return replace(base, finish="failed", why=reason)
    return replace(base, finish="completed")


def _whole(config: ExperimentConfig, trial: Trial) -> Segment:
    """A trial's training in one piece."""
    end = config.training.total_timesteps
    return Segment(trial.number, 0, from_step=0, until=end, horizon=end)


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
        return () if history.trials else (Trial(number=0, hyperparameters={}, seed=config.seed),)
    trials = _search_trials(config, search, history)
    if not trials and not any(trial.kind == "finalist" for trial in history.trials.values()):
        trials = _finalist_trials(config, history)
    first = len(history.trials)
    return tuple(
        replace(
            trial,
            number=first + index,
            seed=trial_seed(config.seed, first + index),
            round=history.rounds,
        )
        for index, trial in enumerate(trials)
    )


def _search_trials(
    config: ExperimentConfig, search: HyperparameterOptimizerConfig, history: History
) -> list[Trial]:
    planned = budget(config)
    searched = sum(trial.kind == "search" for trial in history.trials.values())
    seeds = planned.next_seeds(searched)
    if not seeds:
        return []
    rows = _rows(history)
    return [
        Trial(number=0, hyperparameters=hyperparameters, seed=0, suggestion=len(rows) + index)
        for index, hyperparameters in enumerate(next_suggestions(config, search, rows, len(seeds)))
        for _ in range(seeds[index])
    ]


def _rows(history: History) -> list[Row]:
    """Where each suggestion of the search stands, now that every round has ended."""
    completed = standings(history)
    searched = {
        trial.suggestion: trial for trial in history.trials.values() if trial.kind == "search"
    }
    return [
        Row(
            number,
            trial.hyperparameters,
            learned=trial.round,
            score=completed[number].mean_score if number in completed else None,
        )
        for number, trial in searched.items()
    ]


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
