"""One environment to act in by hand: what a trained agent is played, looked at and filmed in.

The door is `make_acting`. It is a plain `gymnasium.Env` with the config's wrappers and time limit.
The normalisers are not around it: an agent normalises what it is shown (`amc.playback`).
"""

from typing import Any

import gymnasium
from gymnasium.wrappers import TimeLimit

from amc.config.schema import EnvironmentConfig
from amc.environments.single import plug_ins, single
from amc.environments.wrapper_states import States, WrapperStates

Environment = gymnasium.Env[Any, Any]


def make_acting(
    config: EnvironmentConfig,
    states: list[States],
    *,
    render_mode: str | None = None,
    bound: int | None = None,
) -> Environment:
    """The environment of a config, once.

    Args:
        config: which environment, wrappers and limits; whatever its backend, Gymnasium steps it.
        states: what the wrappers knew in training; they begin every episode with the first one's.
        render_mode: gymnasium's.
        bound: steps after which an episode is truncated where there is no other limit.

    Raises:
        EnvironmentFault: it cannot be made.
    """
    wrappers = plug_ins(config)
    found = single(config, wrappers, render_mode)
    environment = found.make()
    if states:
        environment = _AsTrained(environment, found.name, states[0])
    limit = found.max_episode_steps or bound
    # Inside of wrappers it has its limit already, for they may step more than once.
    is_limited = bool(wrappers) and found.max_episode_steps is not None
    return environment if limit is None or is_limited else TimeLimit(environment, limit)


class _AsTrained(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Gives the wrappers inside what they knew in training, at the start of each episode."""

    def __init__(self, environment: Environment, name: str, states: States) -> None:
        super().__init__(environment)
        self._wrappers, self._states = WrapperStates(environment, name), states

    def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:
        self._wrappers.put(self._states)
        return self.env.reset(**keywords)
