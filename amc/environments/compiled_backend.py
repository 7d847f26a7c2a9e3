"""Gymnasium's classic control as compiled code, to the same bits, with an exact state.

What is compiled and what Gymnasium does are compared once on every machine (`agreement`): the last
bits of a sine are the matter of a C library and a processor. Where they differ, Gymnasium's own
classes step the same states, and a warning says so.
"""

import logging
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.random import SeedSequence
from numpy.typing import NDArray

from amc.config.backend import COMPILED_VERSION
from amc.environments.actions import ContinuousActions, action_layout
from amc.environments.agreement import agrees
from amc.environments.bookkeeping import FinishedEpisodes, check_same_environment
from amc.environments.classic import ByGymnasium, Classic
from amc.environments.compiled import stepping
from amc.environments.compiled.stepping import Outcome
from amc.environments.episode_seeds import EpisodeSeeds
from amc.environments.observations import observation_layout
from amc.environments.vector import Episode, Observations, Step, VectorEnvironment

_LOG = logging.getLogger(__name__)
_NO_CHOICES, _NO_TORQUES = np.empty(0, np.int64), np.empty(0, np.float32)


class CompiledVector(VectorEnvironment):
    """N copies of an environment of Gymnasium's classic control, compiled.

    Args:
        environment: one as Gymnasium makes it; it is closed.
        classic: what it is.
        n_envs: how many copies.
        seed: every episode's seed comes from it.
        name: of the environment, for messages and `backend`.
        max_episode_steps: where an episode is truncated; None for never.
        bound: where it is truncated if `max_episode_steps` is None.

    Attributes:
        world: where every copy stands; compiled code may act in it (`compiled.stepping`).
        is_compiled: whether compiled code steps here, and not Gymnasium in its place.
    """

    def __init__(
        self,
        environment: gymnasium.Env[Any, Any],
        classic: Classic,
        n_envs: int,
        *,
        seed: SeedSequence,
        name: str,
        max_episode_steps: int | None,
        bound: int | None = None,
    ) -> None:
        self.n_envs = n_envs
        self._identity = f"compiled@{COMPILED_VERSION} {name}"
        self.observation_space = observation_layout(environment.observation_space, name).space
        self._actions = action_layout(environment.action_space, n_envs, name)
        self.action_space = self._actions.space
        self.reward_threshold = environment.spec.reward_threshold if environment.spec else None
        self.bound = bound if max_episode_steps is None else None
        self.world = classic.world(
            n_envs, EpisodeSeeds(seed, n_envs), max_episode_steps or self.bound
        )
        self.is_compiled = agrees(classic)
        self.backend = self._identity
        self._steps: Any = stepping
        if not self.is_compiled:
            self.backend = f"{self._identity} by gymnasium {gymnasium.__version__}"
            _LOG.warning(
                "%s: compiled code comes to other bits than Gymnasium on this machine, so that "
                "Gymnasium's classes step, slower, in its place.",
                name,
            )
            self._steps = ByGymnasium(classic)
        environment.close()
        self._observation = np.zeros((n_envs, *self.observation_space.shape), np.float32)
        self._finished = FinishedEpisodes()

    def reset(self) -> Observations:
        """Begin a new episode in every environment."""
        self._observation = np.empty_like(self._observation)
        self._steps.reset_all(self.world, self._observation)
        return self._observation

    def step(self, actions: NDArray[Any]) -> Step:
        """Act once in every environment and reset those whose episode ended."""
        outcome = Outcome.room(self._observation.shape)
        ended = self._steps.step_all(self.world, *self._prepared(actions), outcome)
        self.stepped(outcome.observation, outcome.finished[:ended])
        return Step.unnormalized(
            outcome.observation,
            outcome.reward,
            outcome.terminated,
            outcome.truncated,
            outcome.following if ended else outcome.observation,
        )

    def _prepared(self, actions: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Choices and torques, one of them empty."""
        given = self._actions.prepare(actions)
        if isinstance(self._actions, ContinuousActions):
            return _NO_CHOICES, np.asarray(given, np.float32).reshape(-1)
        return np.asarray(given, np.int64), _NO_TORQUES

    @property
    def raw_observation(self) -> Observations:
        """What the last reset or step led to."""
        return self._observation

    def stepped(self, observation: Observations, finished: NDArray[np.float64]) -> None:
        """Note what steps led to, whoever took them in `world`.

        Args:
            observation: the present ones, [N, *obs].
            finished: return and length of each episode that ended, [episodes, 2], in order.
        """
        self._observation = observation
        for reward, length in finished.tolist():
            self._finished.add(reward, int(length))

    def pop_episodes(self) -> list[Episode]:
        """Episodes finished since the last call."""
        return self._finished.pop()

    def state_dict(self) -> dict[str, Any]:
        """Where every copy stands, and what it observes there."""
        world = self.world
        parts: dict[str, NDArray[Any]] = {
            "episodes": world.episodes,
            "lengths": world.lengths,
            "returns": world.returns,
            "state": world.state,
            "observation": self._observation,
        }
        return {
            "environment": self._identity,
            "n_envs": self.n_envs,
            **{name: torch.from_numpy(part.copy()) for name, part in parts.items()},
            "finished": self._finished.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand where the state was taken."""
        check_same_environment(state, self._identity, self.n_envs)
        for name in ("episodes", "lengths", "returns", "state"):
            getattr(self.world, name)[:] = state[name].numpy()
        self._observation = state["observation"].numpy().copy()
        self._finished.load_state_dict(state["finished"])

    def fork(self, state: dict[str, Any]) -> None:
        """Nothing here outlives an episode."""
        check_same_environment(state, self._identity, self.n_envs)

    def close(self) -> None:
        """There is nothing to free."""
