"""An environment whose steps sleep, in one trial longer than in another.

For `busy_workers.py`, so that trials last without using a processor: `sleepy:Sleepy-v0`, with this
directory in PYTHONPATH and `sleepy` in AMC_ALLOW_MODULES.
"""

import time
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Sleepy(gymnasium.Env[Any, int]):
    """Whoever resets it first with a seed draws how long its steps sleep.

    Args:
        seconds: of the shortest sleep; the longest is `times` it.
        times: how much longer.
    """

    observation_space = spaces.Box(-1, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, seconds: float, times: float = 4.0) -> None:
        self._seconds, self._times = seconds, times
        self._sleep = 0.0
        self._n_steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if not self._sleep:
            self._sleep = self._seconds * float(self.np_random.uniform(1.0, self._times))
        self._n_steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        time.sleep(self._sleep)
        self._n_steps += 1
        return np.zeros(1, np.float32), float(action), self._n_steps >= 16, False, {}


gymnasium.register("Sleepy-v0", Sleepy, disable_env_checker=True)
