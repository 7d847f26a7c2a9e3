"""Small environments with ends of every kind: an episode of 20 steps earns 20."""

import gymnasium
import numpy as np


class Twenty(gymnasium.Env):
    """Three random numbers, reward 1 for either action, over after 20 steps."""

    observation_space = gymnasium.spaces.Box(-10, 10, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    limit = 20

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.look(), {}

    def look(self):
        return self.np_random.uniform(-1, 1, 3).astype(np.float32)

    def step(self, action):
        self.t += 1
        return self.look(), 1.0, self.t >= self.limit, False, {}


class NeverEnds(Twenty):
    """No terminal state and no time limit."""

    limit = 10**12


class OnlyOne(Twenty):
    """A simulator of which a machine can have one."""

    taken = False

    def __init__(self):
        if OnlyOne.taken:
            raise OSError("Address already in use")
        OnlyOne.taken = True

    def close(self):
        OnlyOne.taken = False


gymnasium.register("Twenty-v0", entry_point=Twenty, reward_threshold=20)
gymnasium.register("NeverEnds-v0", entry_point=NeverEnds)
gymnasium.register("OnlyOne-v0", entry_point=OnlyOne)
