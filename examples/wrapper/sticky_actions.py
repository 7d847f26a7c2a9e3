"""Sticky actions: now and then the environment repeats the last action instead of the new one.

So an agent cannot learn a sequence of actions by heart. Source: Machado et al. 2018,
https://arxiv.org/abs/1709.06009, section 5.
"""

from typing import Any

import gymnasium

_NONE = object()


class StickyActions(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Repeats the previous action with some probability; never across episodes.

    Args:
        env: what is acted in.
        probability: of each action being replaced.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], probability: float = 0.25) -> None:
        super().__init__(env)
        if not 0 <= probability < 1:
            raise ValueError(f"probability: 0 <= p < 1 must hold, but got {probability}.")
        self.probability = probability
        self.last: Any = _NONE

    def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, in which nothing was done yet."""
        self.last = _NONE
        return self.env.reset(**keywords)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Do this, or what was done before."""
        # The environment's own generator: it is seeded with each episode, so the draws are, too.
        is_stuck = self.np_random.random() < self.probability
        if self.last is _NONE or not is_stuck:
            self.last = action
        return self.env.step(self.last)
