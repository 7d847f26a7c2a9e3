"""Gymnasium environments stepped one after the other in this process.

The environments come without gymnasium's checker, order and time-limit wrappers where nothing else
is around them: the step is a bare method call and the limit is counted here. What an environment
returns is checked here, too, and a fault names the environment, the step and the value.

An exact state needs no help from the environment: each episode begins with a seed of its own
(`EpisodeSeeds`) and its actions are kept, so a restored environment resets with the same seed and
acts the same again. That costs at most one episode of steps per environment, and holds for every
environment whose episode depends on its seed and its actions only. Wrappers that learn from one
episode to the next say so themselves (`wrapper_states`).
"""

import logging
import operator
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from amc.environments.actions import action_layout
from amc.environments.bookkeeping import (
    FinishedEpisodes,
    check_finite,
    check_same_environment,
    warn_of_other_observations,
)
from amc.environments.episode_seeds import EpisodeSeeds
from amc.environments.observations import Misfit, is_read_alike, observation_layout, shown
from amc.environments.vector import Episode, Observations, Step, VectorEnvironment
from amc.environments.wrapper_states import States, WrapperStates
from amc.errors import EnvironmentFault, said

_LOG = logging.getLogger(__name__)

NO_LIMIT = 2**63

MakeOne = Callable[[], gymnasium.Env[Any, Any]]

# An environment that calls sys.exit is at fault like any other.
FAILURES = (Exception, SystemExit)


class GymnasiumVector(VectorEnvironment):
    """N gymnasium environments in one process, stepped in turn.

    Args:
        make_one: makes one environment, without a time limit.
        n_envs: how many.
        seed: every episode's seed comes from it.
        name: of the environment, for messages and `backend`.
        max_episode_steps: where an episode is truncated; None for never.
        bound: where it is truncated if `max_episode_steps` is None.

    Attributes:
        name: the same.
        limit: steps after which an episode is truncated.
    """

    def __init__(
        self,
        make_one: MakeOne,
        n_envs: int,
        *,
        seed: np.random.SeedSequence,
        name: str,
        max_episode_steps: int | None,
        bound: int | None = None,
    ) -> None:
        self.n_envs = n_envs
        self.backend = f"gymnasium {gymnasium.__version__} {name}"
        self._identity = f"gymnasium {name}"
        self.name = name
        self._environments: list[gymnasium.Env[Any, Any]] = []
        try:
            self._make(make_one)
        except BaseException:
            self.close()
            raise
        self._steppers = [environment.step for environment in self._environments]
        self._shape = (n_envs, *self.observation_space.shape)
        spec = self._environments[0].spec
        self.reward_threshold = spec.reward_threshold if spec else None
        self.bound = bound if max_episode_steps is None else None
        self.limit = max_episode_steps or self.bound or NO_LIMIT
        self._seeds = EpisodeSeeds(seed, n_envs)
        self._episodes = [-1] * n_envs
        self._returns = [0.0] * n_envs
        self._lengths = [0] * n_envs
        self._taken: list[list[Any]] = [[] for _ in range(n_envs)]
        self._observation = np.zeros(self._shape, np.float32)
        self._finished = FinishedEpisodes()
        self._no_reward = np.zeros(n_envs)
        self._begun: list[States] = [[] for _ in range(n_envs)]
        self._frozen: list[States] = []

    def _make(self, make_one: MakeOne) -> None:
        """Make the copies; the spaces are looked at before there is more than one."""
        first = make_one()
        self._environments.append(first)
        observed = getattr(first, "observation_space", None)
        self.observation_space, self._read, self._as_is = observation_layout(observed, self.name)
        self._actions = action_layout(getattr(first, "action_space", None), self.n_envs, self.name)
        self.action_space = self._actions.space
        self._writes_arrays = not isinstance(self.action_space, spaces.Discrete)
        for _ in range(1, self.n_envs):
            self._environments.append(make_one())
            self._require_spaces_of(first)
        self._wrappers = [WrapperStates(one, self.name) for one in self._environments]

    def _require_spaces_of(self, first: gymnasium.Env[Any, Any]) -> None:
        """Refuse a copy, the latest, that is read or acts in another way than the first."""
        latest = self._environments[-1]
        for kind, own, others, is_alike in (
            ("observes", latest.observation_space, first.observation_space, is_read_alike),
            ("acts in", latest.action_space, first.action_space, operator.eq),
        ):
            if not is_alike(own, others):
                raise EnvironmentFault(
                    f"environment {len(self._environments) - 1} ({self.name}): it {kind} "
                    f"{shown(own)}, and environment 0 {kind} {shown(others)}. All copies learn "
                    "together, so their spaces must be the same. Set n_envs to 1, or mend the "
                    "environment."
                )

    def freeze_wrappers(self, states: list[States]) -> None:
        """Let the wrappers begin every episode with these states, as far as they have any.

        Args:
            states: of other copies of the environment, which these take in turn.
        """
        self._frozen = states

    def wrapper_states(self) -> list[States]:
        """What the wrappers around each copy know now."""
        return [wrappers.copied() for wrappers in self._wrappers]

    def reset(self) -> Observations:
        """Begin a new episode in every environment."""
        observation = np.empty(self._shape, np.float32)
        for i in range(self.n_envs):
            self._begin(i, observation)
        self._observation = observation
        check_finite(observation, self._no_reward, self.name, self._lengths)
        return observation

    def step(self, actions: NDArray[Any]) -> Step:
        """Act once in every environment and reset those whose episode ended."""
        observation = np.empty(self._shape, np.float32)
        terminated = np.zeros(self.n_envs, np.bool_)
        truncated = np.zeros(self.n_envs, np.bool_)
        gains = []
        ended = []
        for i, action in enumerate(self._actions.prepare(actions)):
            gained, is_terminated, is_truncated = self._act(i, action, observation)
            gains.append(gained)
            if is_terminated or is_truncated:
                (terminated if is_terminated else truncated)[i] = True
                ended.append(i)
        reward = np.array(gains, np.float64)
        check_finite(observation, reward, self.name, self._lengths)
        self._observation = self.next_episodes(observation, ended) if ended else observation
        return Step.unnormalized(self._observation, reward, terminated, truncated, observation)

    @property
    def raw_observation(self) -> Observations:
        """What the last reset or step led to."""
        return self._observation

    # -- for who steps in place of `step` (`walking`)

    def robots(self) -> list[Any] | None:
        """The robots of MuJoCo that `lean_mujoco` steps; None where there is something else."""
        found = [getattr(step, "robot", None) for step in self._steppers]
        return None if None in found else found

    def progress(self) -> list[tuple[float, int]]:
        """Return and length of each environment's episode so far."""
        return list(zip(self._returns, self._lengths, strict=True))

    def acted(self, i: int, actions: NDArray[Any], reward: float, length: int) -> None:
        """Note steps in environment i's episode, whose return and length are these by now."""
        self._taken[i] += [action.tobytes() for action in actions]
        self._returns[i], self._lengths[i] = float(reward), length

    def stand(self, observation: Observations) -> None:
        """Note what the last step led to."""
        self._observation = observation

    def pop_episodes(self) -> list[Episode]:
        """Episodes finished since the last call."""
        return self._finished.pop()

    def state_dict(self) -> dict[str, Any]:
        """The episodes' numbers and the actions taken in them, and the observations they led to.

        Where wrappers have states: as they are, and as they were when the episodes began.
        """
        state: dict[str, Any] = {
            "environment": self._identity,
            "n_envs": self.n_envs,
            "episodes": list(self._episodes),
            "actions": [self._actions.pack(taken) for taken in self._taken],
            "observation": torch.from_numpy(self._observation.copy()),
            "finished": self._finished.state_dict(),
        }
        if self._has_wrapper_states:
            state["wrappers"] = {"begun": self._begun, "now": self.wrapper_states()}
        return state

    @property
    def _has_wrapper_states(self) -> bool:
        return any(map(len, self._wrappers))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Begin the same episodes again and act the same in them."""
        check_same_environment(state, self._identity, self.n_envs)
        self._finished.load_state_dict(state["finished"])
        wrappers = state.get("wrappers", {})
        self._put(wrappers.get("begun"))
        observation = np.zeros(self._shape, np.float32)
        for i, (episode, packed) in enumerate(
            zip(state["episodes"], state["actions"], strict=True)
        ):
            if episode >= 0:
                self._replay(i, episode, self._actions.unpack(packed), observation)
        self._put(wrappers.get("now"))
        self._observation = observation
        warn_of_other_observations(observation, state["observation"].numpy(), self.backend)

    def fork(self, state: dict[str, Any]) -> None:
        """Take over what the wrappers know."""
        check_same_environment(state, self._identity, self.n_envs)
        self._put(state.get("wrappers", {}).get("now"))

    def render(self) -> NDArray[np.uint8]:
        """A picture of the first environment."""
        try:
            picture: Any = self._environments[0].render()
        except FAILURES as error:
            raise self.failure(0, "render", error) from error
        return picture if picture is not None else super().render()

    def close(self) -> None:
        """Close every environment; one that cannot be closed costs no more than a warning."""
        for i, environment in enumerate(self._environments):
            try:
                environment.close()
            except FAILURES as error:
                _LOG.warning(
                    "environment %d (%s): close failed: %s. What it was used for is kept.",
                    i,
                    self.name,
                    said(error),
                )

    def _put(self, states: list[States] | None) -> None:
        for i, wrappers in enumerate(self._wrappers):
            if states is None or states[i] or len(wrappers):
                wrappers.put([] if states is None else states[i])

    def _begin(self, i: int, into: Observations) -> None:
        """Start the next episode of environment i; its first observation goes to `into[i]`."""
        self._episodes[i] += 1
        self._returns[i] = 0.0
        self._lengths[i] = 0
        self._taken[i] = []
        if len(self._wrappers[i]):
            if self._frozen:
                self._wrappers[i].put(self._frozen[i % len(self._frozen)])
            self._begun[i] = self._wrappers[i].copied()
        seed = self._seeds.seed(i, self._episodes[i])
        try:
            answer: Any = self._environments[i].reset(seed=seed)
        except FAILURES as error:
            raise self.failure(i, "reset", error) from error
        if not (
            isinstance(answer, tuple | list) and len(answer) == 2 and isinstance(answer[1], Mapping)
        ):
            raise self._fault(
                i, f"reset returned {shown(answer)}. A tuple of observation and info is meant."
            )
        self._look(i, answer[0], into)

    def _act(self, i: int, action: Any, into: Observations) -> tuple[float, bool, bool]:
        """Act in environment i, whose observation goes to `into[i]`.

        Returns:
            Reward, and whether the episode terminated or was truncated.
        """
        # An environment may write into the array it is given, so what is kept is a copy.
        self._taken[i].append(action.tobytes() if self._writes_arrays else action)
        try:
            answer: Any = self._steppers[i](action)
        except FAILURES as error:
            raise self.failure(i, "step", error) from error
        self._lengths[i] = length = self._lengths[i] + 1
        try:
            raw, reward, terminated, truncated, _ = answer
        except Exception as error:
            raise self._fault(
                i,
                f"step {length} returned {shown(answer)}. A tuple of observation, reward, "
                "terminated, truncated and info is meant.",
            ) from error
        try:
            if self._as_is is None or len(raw) != self._as_is:
                raise ValueError
            into[i] = raw
        except Exception:  # told by what reads it with care
            self._look(i, raw, into)
        try:
            gained = float(reward)
        except Exception:
            gained = self._number(i, reward)
        self._returns[i] += gained
        if terminated is not False:
            terminated = self._claim(i, "terminated", terminated)
        if truncated is not False:
            truncated = self._claim(i, "truncated", truncated)
        return gained, terminated, truncated or length >= self.limit

    def _look(self, i: int, raw: Any, into: Observations) -> None:
        """Read an observation of environment i into `into[i]`."""
        try:
            self._read(raw, into[i])
        except Misfit as misfit:
            what = f"its observation{misfit.where} at {self._moment(i)} {misfit.what}"
            raise self._fault(i, what) from misfit

    def _number(self, i: int, reward: Any) -> float:
        """The reward in an array of one number."""
        try:
            return float(np.asarray(reward).item())
        except Exception as error:
            raise self._fault(
                i, f"its reward at {self._moment(i)} is {shown(reward)}. A finite number is meant."
            ) from error

    def _claim(self, i: int, what: str, value: Any) -> bool:
        """Whether an episode ended, from something that is no plain bool."""
        plain = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
        if isinstance(plain, bool | int | np.bool_ | np.integer) and plain in (0, 1):
            return bool(plain)
        raise self._fault(
            i, f"its {what} at {self._moment(i)} is {shown(value)}. True or False is meant."
        )

    def next_episodes(self, observation: Observations, ended: list[int]) -> Observations:
        """Note the episodes that ended and begin the next ones in a copy of `observation`."""
        following = observation.copy()
        for i in ended:
            self._finished.add(self._returns[i], self._lengths[i])
            self._begin(i, following)
        check_finite(following, self._no_reward, self.name, self._lengths)
        return following

    def _replay(self, i: int, episode: int, actions: list[Any], into: Observations) -> None:
        """Begin `episode` of environment i again and act as it did."""
        self._episodes[i] = episode - 1
        self._begin(i, into)
        for action in actions:
            self._act(i, action, into)

    def _moment(self, i: int) -> str:
        return f"step {self._lengths[i]} of episode {self._episodes[i]}"

    def _fault(self, i: int, what: str) -> EnvironmentFault:
        return EnvironmentFault(
            f"environment {i} ({self.name}): {what} Mend the environment or its wrappers."
        )

    def failure(self, i: int, call: str, error: BaseException) -> EnvironmentFault:
        """That environment i could not do what it was called for."""
        return EnvironmentFault(
            f"environment {i} ({self.name}): {call} failed after {self._lengths[i]} steps of "
            f"episode {self._episodes[i]}: {said(error)}. "
            "Mend the environment or its wrappers, or change environment.kwargs."
        )
