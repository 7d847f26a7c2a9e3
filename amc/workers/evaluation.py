"""Playing episodes with the deterministic policy, to measure it.

The door is `evaluate`. It is handed an environment made for this evaluation alone, so measuring
touches nothing that training draws from, and has no state to keep.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amc.environments.vector import Episode, VectorEnvironment
from amc.errors import EnvironmentFault, TrainingError
from amc.workers.curve import Evaluation

Policy = Callable[[NDArray[np.float32]], NDArray[Any]]


def always() -> bool:
    """Nobody interrupts this evaluation."""
    return True


def play(
    policy: Policy,
    environment: VectorEnvironment,
    n_episodes: int,
    go_on: Callable[[], bool] = always,
) -> list[Episode] | None:
    """Play episodes with a policy and return what each earned.

    Every copy of the environment contributes a number of episodes fixed beforehand: taking
    whichever end first would favour short episodes.

    Args:
        policy: float32 observations [N, *obs] to actions [N, ...].
        environment: N fresh copies.
        n_episodes: at least N.
        go_on: asked at every step; once it answers False playing stops.

    Returns:
        The episodes in the order of their ends; None if `go_on` said no.

    Raises:
        EnvironmentFault: the environment reports other episodes than its steps ended.
    """
    n = environment.n_envs
    quota = np.array([(n_episodes + copy) // n for copy in range(n)])
    played: list[Episode] = []
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
    return played


def _matched(ended: NDArray[np.intp], episodes: Sequence[Episode]) -> list[tuple[int, Episode]]:
    if len(ended) != len(episodes):
        raise EnvironmentFault(
            f"evaluation: the environment ended {len(ended)} episodes in a step "
            f"but reported {len(episodes)}. Its pop_episodes must return one per end, in order."
        )
    return list(zip(ended.tolist(), episodes, strict=True))


def summary(episodes: Sequence[Episode], *, step: int, seconds: float) -> Evaluation:
    """The point on the curve for some episodes.

    Args:
        episodes: at least one.
        step: environment steps trained.
        seconds: wall-clock seconds since the attempt began.

    Raises:
        TrainingError: a return is not finite.
    """
    returns = np.array([episode.reward for episode in episodes], dtype=np.float64)
    if not np.isfinite(returns).all():
        raise TrainingError(
            f"evaluation at step {step}: the returns {returns.tolist()} are not finite. "
            "Training has diverged, or the environment's reward is at fault."
        )
    return Evaluation(
        step=step,
        score=float(returns.mean()),
        std=float(returns.std()),
        episodes=len(episodes),
        length=float(np.mean([episode.length for episode in episodes])),
        seconds=seconds,
    )
