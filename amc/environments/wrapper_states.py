"""Wrappers that learn something of their own, and how it gets into checkpoints and evaluation.

A wrapper around a single environment that implements

    get_state() -> state          plain values, lists, dicts and torch tensors
    set_state(state) -> None      what get_state returned, perhaps in another process

is carried along. One that keeps running statistics and does not implement it is refused: each copy
would have its own, and evaluation none.
"""

import copy
from collections.abc import Iterator
from typing import Any

import gymnasium

from amc.errors import EnvironmentFault, said

_STATISTICS = "RunningMeanStd"
_PROTOCOL = ("get_state", "set_state")

States = list[Any]
"""Of the wrappers around one environment, the outermost first."""


class WrapperStates:
    """What the wrappers around one environment know.

    Args:
        environment: with its wrappers.
        name: of the environment, for messages.

    Raises:
        EnvironmentFault: a wrapper keeps statistics or half of the protocol.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], name: str) -> None:
        self._name = name
        self._keepers: list[Any] = [
            wrapper for wrapper in _wrappers(environment) if _keeps_state(wrapper, name)
        ]

    def __len__(self) -> int:
        """How many wrappers have a state."""
        return len(self._keepers)

    def copied(self) -> States:
        """Their states, which nothing changes any more."""
        return [copy.deepcopy(self._call(keeper, "get_state")) for keeper in self._keepers]

    def put(self, states: States) -> None:
        """Give them copies of states.

        Raises:
            EnvironmentFault: they are of other wrappers, or a wrapper does not take its own.
        """
        if len(states) != len(self._keepers):
            raise EnvironmentFault(
                f"environment.wrappers: {len(states)} wrappers with a state were saved, and "
                f"{len(self._keepers)} are here. Set the wrappers as they were, or start anew."
            )
        for keeper, state in zip(self._keepers, states, strict=True):
            self._call(keeper, "set_state", copy.deepcopy(state))

    def _call(self, keeper: Any, method: str, *state: Any) -> Any:
        try:
            return getattr(keeper, method)(*state)
        except Exception as error:
            raise EnvironmentFault(
                f"environment.wrappers: {type(keeper).__name__} around {self._name}: {method} "
                f"failed: {said(error)}. Mend the wrapper."
            ) from error


def _wrappers(environment: gymnasium.Env[Any, Any]) -> Iterator[gymnasium.Wrapper[Any, Any]]:
    """The layers around an environment, the outermost first."""
    while isinstance(environment, gymnasium.Wrapper):
        yield environment
        environment = environment.env


def _keeps_state(wrapper: gymnasium.Wrapper[Any, Any], name: str) -> bool:
    kind = type(wrapper).__name__
    has = [method for method in _PROTOCOL if callable(getattr(wrapper, method, None))]
    if len(has) == 1:
        raise EnvironmentFault(
            f"environment.wrappers: {kind} around {name} has {has[0]}, but not both of "
            f"{' and '.join(_PROTOCOL)}. Add the other one, or remove it."
        )
    if not has and any(map(_is_statistics, vars(wrapper).values())):
        raise EnvironmentFault(
            f"environment.wrappers: {kind} around {name} keeps running statistics, which neither "
            "evaluation nor checkpoints would get. Write normalize_observation or "
            f"normalize_reward instead, or give it {' and '.join(_PROTOCOL)}."
        )
    return bool(has)


def _is_statistics(value: Any) -> bool:
    return any(base.__name__ == _STATISTICS for base in type(value).__mro__)
