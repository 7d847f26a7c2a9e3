"""What a config will try first, and how long it will take: its driver's plan, a measured second.

Its doors are `first_trials`, `measure` and `duration`. Nothing is recorded.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from numpy.random import SeedSequence

from amc.algorithms.base import Algorithm, algorithm_class
from amc.config.schema import ExperimentConfig
from amc.driver.budget import Budget, budget
from amc.driver.planning import plan
from amc.environments import VectorEnvironment, make, make_evaluation
from amc.environments.single import single
from amc.ledger import History, Trial
from amc.training.evaluation import MAX_EVALUATION_ENVS, evaluate_policy

# Enough for many an iteration; who has a longer one waits for two of them.
_MEASURED_S = 1.5
# More than a measurement takes: a trial that ends sooner is measured as if it went on.
_ENDLESS = 1_000_000_000
# An evaluation is measured by episodes that are cut off here; an untrained agent is enough for it.
_EPISODE_STEPS = 200


@dataclass(frozen=True)
class Pace:
    """How fast a trial trains here, alone.

    Attributes:
        steps_per_s: environment steps with their updates.
        start_s: until the first step: making the environment and the networks, the first update.
        evaluation_s: making the environments of an evaluation.
        played_per_s: environment steps of an evaluation; 0 where there is none.
        episode: steps of an episode as an untrained agent plays it, and as long as one may be.
        seconds: how long was measured.
        device: on what.
        share: of the time that passed, how much was spent computing; of a thread, at most 1.
    """

    steps_per_s: float
    start_s: float
    evaluation_s: float
    played_per_s: float
    episode: tuple[float, float]
    seconds: float
    device: str
    share: float


def first_trials(config: ExperimentConfig) -> tuple[Trial, ...]:
    """The trials that the driver opens first, as it will open them: it decides by nothing else.

    Args:
        config: resolved, as it is recorded.

    Raises:
        UsageError: it asks for what cannot be.
    """
    decision = plan(config, History())
    return () if decision is None else decision.trials


def measure(config: ExperimentConfig, trial: Trial) -> Pace:
    """Train a trial for a second or two, then play some episodes.

    Args:
        config: of the experiment.
        trial: whose hyperparameters and seed count.
    """
    began = time.monotonic()
    own = _endless(config.for_trial(trial.hyperparameters, seed=trial.seed))
    settings = own.algorithm_config
    n_envs, gamma = getattr(settings, "n_envs", 1), getattr(settings, "gamma", 0.99)
    with closing(make(own.environment, n_envs, SeedSequence(0), gamma=gamma)) as environment:
        algorithm = algorithm_class(own.algorithm)(environment, own, SeedSequence(1), _ignore)
        while not algorithm.num_timesteps > 2 * getattr(settings, "learning_starts", 0):
            algorithm.iterate()  # compiles, allocates, and fills caches
        start_s = time.monotonic() - began
        computed, trained = time.process_time(), time.monotonic()
        steps_per_s = _trained(algorithm)
        computed, trained = time.process_time() - computed, time.monotonic() - trained
        evaluation_s, played_per_s, episode = _played(own, algorithm, environment)
    return Pace(
        steps_per_s=steps_per_s,
        start_s=start_s,
        evaluation_s=evaluation_s,
        played_per_s=played_per_s,
        episode=episode,
        seconds=time.monotonic() - began,
        device=str(algorithm.device),
        share=min(1.0, computed / trained),
    )


def _ignore(event: str) -> None:
    """Nobody watches a measurement."""


def _endless(config: ExperimentConfig) -> ExperimentConfig:
    """The same without an end, and without the random steps before the first update.

    These cost next to nothing.
    """
    training = config.training.model_copy(update={"total_timesteps": _ENDLESS})
    settings = config.algorithm_config
    if getattr(settings, "learning_starts", 0):
        few = {"learning_starts": getattr(settings, "batch_size", 1)}
        settings = settings.model_copy(update=few)
    return config.model_copy(update={"training": training, "algorithm_config": settings})


def _trained(algorithm: Algorithm) -> float:
    began, before = time.monotonic(), algorithm.num_timesteps
    while time.monotonic() - began < _MEASURED_S:
        algorithm.iterate()
    return (algorithm.num_timesteps - before) / (time.monotonic() - began)


def _played(
    config: ExperimentConfig, algorithm: Algorithm, training: VectorEnvironment
) -> tuple[float, float, tuple[float, float]]:
    if config.training.eval_freq is None:
        return 0.0, 0.0, (0.0, 0.0)
    began = time.monotonic()
    n_envs = min(config.training.eval_episodes, MAX_EVALUATION_ENVS)
    limit = single(config.environment, []).max_episode_steps
    longest = limit or config.training.eval_max_episode_steps
    cut = min(longest, _EPISODE_STEPS)
    short = config.environment.model_copy(update={"max_episode_steps": cut})
    environment = make_evaluation(short, n_envs, SeedSequence(2), training)
    with closing(environment):
        made_s = time.monotonic() - began
        play = algorithm.player(environment)
        played = evaluate_policy(algorithm.predict, environment, n_envs, play=play)
    lengths = [episode.length for episode in played.episodes] if played else [cut]
    seconds = time.monotonic() - began - made_s
    # Where every episode came to the cut, nothing but the limit seems to end one.
    shortest = longest if min(lengths) >= cut else sum(lengths) / len(lengths)
    return made_s, sum(lengths) / max(seconds, 1e-6), (shortest, longest)


@dataclass(frozen=True)
class Duration:
    """How long an experiment takes.

    Attributes:
        trial_s: a trial alone, from and to: episodes of an evaluation get longer, or shorter.
        seconds: all of it, from and to.
        trials: how many that are.
        workers: how many train.
        slowdown: how much slower a trial is where all of them train.
    """

    trial_s: tuple[float, float]
    seconds: tuple[float, float]
    trials: int
    workers: int
    slowdown: float


def duration(config: ExperimentConfig, pace: Pace, *, workers: int, cores: int) -> Duration:
    """How long an experiment takes if nothing is halted early, and nothing fails.

    Args:
        config: resolved.
        pace: of one of its trials.
        workers: that train at the same time, at least 1.
        cores: that they have together, all as fast as those of this machine.

    Raises:
        UsageError: it asks for what cannot be.
    """
    planned = budget(config)
    low, high = (_trial_s(config, pace, length) for length in pace.episode)
    threads = config.training.threads
    waves = [
        (min(workers, size), -(-size // workers)) for size in _batches(config, planned, workers)
    ]
    share = sum(count * _slowdown(at_once * threads, cores) for at_once, count in waves)
    if (most := _limit(config)) is not None:
        share *= min(1.0, most / (planned.trials * config.training.total_timesteps))
    return Duration(
        trial_s=(low, high),
        seconds=(low * share, high * share),
        trials=planned.trials,
        workers=workers,
        slowdown=_slowdown(min(workers, planned.trials) * threads, cores),
    )


def _limit(config: ExperimentConfig) -> int | None:
    search = config.hyperparameter_optimizer
    return None if search is None else search.max_timesteps


def _slowdown(threads: int, cores: int) -> float:
    return max(1.0, threads / cores)


def _trial_s(config: ExperimentConfig, pace: Pace, episode: float) -> float:
    training = config.training
    trained_s = training.total_timesteps / pace.steps_per_s
    if training.eval_freq is None:
        return trained_s
    evaluations = -(-training.total_timesteps // training.eval_freq)
    steps = training.eval_episodes * episode
    return trained_s + evaluations * (pace.evaluation_s + steps / pace.played_per_s)


def _batches(config: ExperimentConfig, planned: Budget, workers: int) -> Iterator[int]:
    """How many trials are awaited together, one batch after another."""
    search = config.hyperparameter_optimizer
    size = planned.search_trials
    if search is not None and search.type != "pbt":
        size = planned.suggestions_per_round * planned.seeds
    if search is not None and search.mode == "async":
        # They follow each other, as many at a time as there are workers and as may be under way.
        size = min(workers, max(search.window, search.seeds_per_trial))
    for first in range(0, planned.search_trials, size):
        yield min(size, planned.search_trials - first)
    for trials in (planned.finalists * planned.finalist_seeds, planned.test_seeds):
        if trials:
            yield trials
