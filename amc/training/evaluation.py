"""Playing episodes with the deterministic policy, to measure it.

The door is `evaluate`. It is handed an environment made for this evaluation alone, so measuring
touches nothing that training draws from, and has no state to keep.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import NDArray

from amc.config.schema import ExperimentConfig
from amc.environments import make_evaluation
from amc.environments.vector import Episode, VectorEnvironment
from amc.errors import EnvironmentFault, TrainingError
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
    policy: Policy,
    config: ExperimentConfig,
    training: VectorEnvironment,
    seed: SeedSequence,
    go_on: Callable[[], bool] = always,
) -> Played | None:
    """Play `eval_episodes` episodes in environments made for that, and closed at the end.

    Args:
        policy: see `evaluate_policy`.
        config: what to play, how often, and where an endless episode is cut off.
        training: what was trained in; its observation statistics are used as they are now.
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
        return evaluate_policy(policy, environment, n_episodes, go_on)


def evaluate_policy(
    policy: Policy,
    environment: VectorEnvironment,
    n_episodes: int,
    go_on: Callable[[], bool] = always,
) -> Played | None:
    """Play episodes with a policy and return what each earned.

    Every copy of the environment contributes a number of episodes fixed beforehand: taking
    whichever end first would favour short episodes.

    Args:
        policy: float32 observations [N, *obs] to actions [N, ...].
        environment: N fresh copies.
        n_episodes: at least N.
        go_on: asked at every step; once it answers False playing stops.

    Returns:
        The episodes; None if `go_on` said no.

    Raises:
        EnvironmentFault: the environment reports other episodes than its steps ended.
    """
    n = environment.n_envs
    quota = np.array([(n_episodes + copy) // n for copy in range(n)])
    played: list[Episode] = []
    cut = 0
    observation = environment.reset()
    while quota.any():
        if not go_on():
            return None
        step = environment.step(policy(observation))
        observation = step.observation
        ended = np.flatnonzero(step.terminated | step.truncated)
        for copy, episode in _matched(ended, environment.pop_episodes()):
            if quota[copy]:
                quota[copy] -= 1
                played.append(episode)
                cut += bool(step.truncated[copy]) and episode.length == environment.bound
    return Played(played, cut)


def _matched(ended: NDArray[np.intp], episodes: Sequence[Episode]) -> list[tuple[int, Episode]]:
    if len(ended) != len(episodes):
        raise EnvironmentFault(
            f"evaluation: the environment ended {len(ended)} episodes in a step "
            f"but reported {len(episodes)}. Its pop_episodes must return one per end, in order."
        )
    return list(zip(ended.tolist(), episodes, strict=True))


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
