"""Environments and wrappers that break one line of their contract each."""

import subprocess
import sys
from typing import ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from tests.strange import Twenty


class Sound(Twenty):
    """Breaks none; draws, too."""

    metadata: ClassVar = {"render_modes": ["rgb_array"]}

    def __init__(self, size=3, render_mode=None):
        self.observation_space = spaces.Box(-10, 10, (size,), np.float32)
        self.size, self.render_mode = size, render_mode

    def look(self):
        return self.np_random.uniform(-1, 1, self.size).astype(np.float32)

    def render(self):
        return np.zeros((16, 24, 3), np.uint8)


class Spoken(Sound):
    def __init__(self):
        super().__init__()
        self.observation_space = spaces.Sequence(spaces.Discrete(2))


class Outside(Sound):
    def look(self):
        return np.full(3, 11, np.float32)


class OwnGenerator(Sound):
    def look(self):
        return np.random.uniform(-1, 1, 3).astype(np.float32)


class FirstGenerator(Sound):
    """`reset` does not hand its seed on."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=None)


class Remembers(Sound):
    """Counts its steps over all episodes."""

    total = 0

    def look(self):
        self.total += 1
        return super().look() + np.float32(self.total % 5)


class SharesState(Sound):
    """All copies count together."""

    place: ClassVar = [0.0]

    def step(self, action):
        self.place[0] = float(self.place[0] + action) % 5
        return super().step(action)

    def look(self):
        return np.full(3, self.place[0], np.float32)


class ClosesOnce(Sound):
    is_open = True

    def close(self):
        if not self.is_open:
            raise RuntimeError("closed already")
        self.is_open = False


class Printer(Sound):
    def step(self, action):
        print("one step further")
        return super().step(action)


class LeavesChild(Sound):
    left: ClassVar = []

    def __init__(self):
        super().__init__()
        self.left.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))


class Grey(Sound):
    def render(self):
        return np.zeros((16, 24), np.uint8)


class Infinite(Sound):
    def reward(self):
        return np.inf if self.t == 7 else 1.0


class Centred(gymnasium.ObservationWrapper):
    """A sound one: subtracts half of the mean of all that it saw."""

    def __init__(self, env, start=0.0):
        super().__init__(env)
        self.mean, self.count = [start] * env.observation_space.shape[0], 0

    def observation(self, observation):
        self.count += 1
        away = (observation - np.array(self.mean)) / self.count
        self.mean = (self.mean + away).tolist()
        return (observation - np.array(self.mean) / 2).astype(np.float32)

    def get_state(self):
        return {"mean": self.mean, "count": self.count}

    def set_state(self, state):
        self.mean, self.count = state["mean"], state["count"]


class Learns(gymnasium.ObservationWrapper):
    """Learns, and does not say so."""

    count = 0

    def observation(self, observation):
        self.count += 1
        return (observation / np.float32(1 + self.count)).astype(np.float32)


class Forgets(Centred):
    def set_state(self, state):
        self.mean = state["mean"]


class NumPyState(Centred):
    def get_state(self):
        return {"mean": np.array(self.mean), "count": self.count}


class Half(gymnasium.Wrapper):
    def get_state(self):
        return 1


class NoWrapper(gymnasium.Env):
    """Behaves as one, but hides what is below."""

    def __init__(self, env):
        self.hidden = env
        self.observation_space, self.action_space = env.observation_space, env.action_space

    def reset(self, **keywords):
        return self.hidden.reset(**keywords)

    def step(self, action):
        return self.hidden.step(action)


class Wider(gymnasium.ObservationWrapper):
    """Adds an entry to the observation, and not to its space."""

    def observation(self, observation):
        return np.append(observation, np.float32(0))
