"""Playing episodes with the deterministic policy, to measure it.

The door is `evaluate`. It is handed an environment made for this evaluation alone, so measuring
touches nothing that training draws from, and has no state to keep.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import NDArray

from amc.algorithms.base import Algorithm
from amc.config.schema import ExperimentConfig
from amc.environments import make_evaluation
from amc.environments.vector import Ended, Episode, Play, VectorEnvironment, ended_by
from amc.errors import TrainingError
from amc.training.curve import Evaluation

Policy = Callable[[NDArray[np.float32]], NDArray[Any]]


MAX_EVALUATION_ENVS = 16


class Played(NamedTuple):
    """What was played to measure a policy.

    Attributes:
        episodes: in the order of their ends.
        cut: how many of them were cut off for want of any limit of their own.
    """

    episodes: list[Episode]
    cut: int


def always() -> bool:
    """Nobody interrupts this evaluation."""
    return True


def evaluate(
    algorithm: Algorithm,
    config: ExperimentConfig,
    training: VectorEnvironment | Mapping[str, Any],
    seed: SeedSequence,
    go_on: Callable[[], bool] = always,
) -> Played | None:
    """Play `eval_episodes` episodes in environments made for that, and closed at the end.

    Args:
        algorithm: whose policy is measured.
        config: what to play, how often, and where an endless episode is cut off.
        training: what was trained in, or its state; its observation statistics are used.
        seed: of these environments.
        go_on: see `evaluate_policy`.
    """
    n_episodes = config.training.eval_episodes
    environment = make_evaluation(
        config.environment,
        min(n_episodes, MAX_EVALUATION_ENVS),
        seed,
        training,
        bound=config.training.eval_max_episode_steps,
    )
    with closing(environment):
        play = algorithm.player(environment)
        return evaluate_policy(algorithm.predict, environment, n_episodes, go_on, play)


def evaluate_policy(
    policy: Policy,
    environment: VectorEnvironment,
    n_episodes: int,
    go_on: Callable[[], bool] = always,
    play: Play | None = None,
) -> Played | None:
    """Play episodes with a policy and return what each earned.

    Every copy of the environment contributes a number of episodes fixed beforehand: taking
    whichever end first would favour short episodes.

    Args:
        policy: float32 observations [N, *obs] to actions [N, ...].
        environment: N fresh copies.
        n_episodes: at least N.
        go_on: asked at every step, or at bounded intervals; once it says no playing stops.
        play: who plays with the policy, if somebody can do many steps at once.

    Returns:
        The episodes; None if `go_on` said no.

    Raises:
        EnvironmentFault: the environment reports other episodes than its steps ended.
    """
    n = environment.n_envs
    quota = np.array([(n_episodes + copy) // n for copy in range(n)])
    played: list[Episode] = []
    cut = 0
    ends = (play or partial(_step_by_step, policy, environment))(environment.reset(), quota)
    while quota.any():
        if not go_on():
            return None
        for copy, episode, is_truncated in next(ends):
            if quota[copy]:
                quota[copy] -= 1
                played.append(episode)
                cut += is_truncated and episode.length == environment.bound
    return Played(played, cut)


def _step_by_step(
    policy: Policy,
    environment: VectorEnvironment,
    observation: NDArray[np.float32],
    quota: NDArray[np.int64],
) -> Iterator[list[Ended]]:
    """See `Play`; it goes on for as long as it is asked."""
    while True:
        step = environment.step(policy(observation))
        observation = step.observation
        yield ended_by(step, environment)


def summary(played: Played, *, step: int, seconds: float) -> Evaluation:
    """The point on the curve for some episodes.

    Args:
        played: at least one episode.
        step: environment steps trained.
        seconds: wall-clock seconds since the attempt began.

    Raises:
        TrainingError: a return is not finite.
    """
    returns = np.array([episode.reward for episode in played.episodes], dtype=np.float64)
    if not np.isfinite(returns).all():
        raise TrainingError(
            f"evaluation at step {step}: the returns {returns.tolist()} are not finite. "
            "Training has diverged, or the environment's reward is at fault."
        )
    return Evaluation(
        step=step,
        score=float(returns.mean()),
        std=float(returns.std()),
        episodes=len(played.episodes),
        length=float(np.mean([episode.length for episode in played.episodes])),
        seconds=seconds,
        cut=played.cut,
    )
