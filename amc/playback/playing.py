"""Playing episodes one step at a time, to be looked at.

The door is `play`. Its episodes are those of `Agent.evaluate` with the same seed.
"""

from collections.abc import Iterator
from contextlib import closing
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amc.environments.episode_seeds import EpisodeSeeds
from amc.playback.agent import Agent
from amc.playback.rendering import picture, prepare, require_pictures


@dataclass(frozen=True)
class Moment:
    """An episode after a step; after none at its start.

    Attributes:
        episode: its number, from 0 on.
        step: how many were taken.
        gained: return so far, in the environment's own reward.
        has_ended: whether that was the last one.
        picture: uint8 [height, width, 3]; None where none was asked for.
    """

    episode: int
    step: int
    gained: float
    has_ended: bool
    picture: NDArray[np.uint8] | None


def play(
    agent: Agent, n_episodes: int, seed: int | None = None, render_mode: str | None = None
) -> Iterator[Moment]:
    """Play some episodes with the deterministic policy.

    Args:
        agent: who plays.
        n_episodes: at least 1.
        seed: of the episodes, as `Agent.evaluate` takes it.
        render_mode: "rgb_array" for pictures, "human" for a window, None for neither.

    Raises:
        EnvironmentFault: the environment failed, or cannot be drawn here.
    """
    prepare()
    agent = copy(agent)  # whose memory is of these episodes
    seeds = EpisodeSeeds(agent.episodes(seed), 1)
    with closing(agent.make_environment(render_mode)) as environment:
        if render_mode == "rgb_array":
            require_pictures(environment, agent.name)

        def moment(step: int, gained: float, has_ended: bool) -> Moment:
            shown = picture(environment, agent.name) if render_mode == "rgb_array" else None
            return Moment(episode, step, gained, has_ended, shown)

        for episode in range(n_episodes):
            observation, _ = environment.reset(seed=seeds.seed(0, episode))
            agent.begin_episode()
            step, gained, has_ended = 0, 0.0, False
            yield moment(step, gained, has_ended)
            while not has_ended:
                observation, reward, terminated, truncated, _ = environment.step(
                    agent.predict(observation)
                )
                step, gained = step + 1, gained + float(reward)
                has_ended = bool(terminated or truncated)
                yield moment(step, gained, has_ended)
