"""Environments with one peculiarity each, for tests that name this module in AMC_ALLOW_MODULES."""

import atexit
import os
import subprocess

import gymnasium
import numpy as np
import torch
from gymnasium import spaces


class Twenty(gymnasium.Env):
    """Three random numbers, reward 1, over after 20 steps, where it is solved."""

    observation_space = spaces.Box(-10, 10, (3,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.look(), {}

    def look(self):
        return self.np_random.uniform(-1, 1, 3).astype(np.float32)

    def reward(self):
        return 1.0

    def step(self, action):
        self.t += 1
        return self.look(), self.reward(), self.t >= 20, False, {}


class NeverEnds(Twenty):
    """No terminal state and no time limit."""

    def step(self, action):
        observation, reward, _, truncated, info = super().step(action)
        return observation, reward, False, truncated, info


class OnlyOne(Twenty):
    """A simulator of which a machine can have one."""

    taken = False

    def __init__(self):
        if OnlyOne.taken:
            raise OSError("Address already in use")
        OnlyOne.taken = True

    def close(self):
        OnlyOne.taken = False


class ItemAction(Twenty):
    """Uses the action as what `action_space.sample()` gives: a NumPy integer."""

    def step(self, action):
        return super().step(action.item())


class RewardNone(Twenty):
    """The reward is missing at the fifth step."""

    def reward(self):
        return None if self.t == 5 else 1.0


class ShapeInStep(Twenty):
    """`reset` keeps to the space, `step` returns one number instead of three."""

    def step(self, action):
        _, *rest = super().step(action)
        return np.zeros(1, np.float32), *rest


class AboveDiscrete(Twenty):
    """An observation that the space does not hold."""

    observation_space = spaces.Discrete(4)

    def look(self):
        return 4


class CloseRaises(Twenty):
    """Everything works until it is closed."""

    def close(self):
        raise RuntimeError("the simulator was gone already")


class Printer(Twenty):
    """Tells of everything on standard output: in Python, past it, by a program, and at exit."""

    def reset(self, **kwargs):
        print("episode starts")
        os.write(1, b"from below\n")
        subprocess.run(["echo", "from a program"], check=True)
        return super().reset(**kwargs)

    def close(self):
        atexit.register(print, "at exit")
        print("closed")


class LeavesChildren(Twenty):
    """Starts programs of its own and forgets them, one detached."""

    def reset(self, **kwargs):
        subprocess.Popen(["sleep", "321.25"])
        subprocess.Popen(["sh", "-c", "setsid sleep 321.25 & exit"]).wait()
        return super().reset(**kwargs)


class Switches(Twenty):
    """Three choices at once, and a reward for the first one alone."""

    action_space = spaces.MultiDiscrete([3, 2, 4], start=[1, 0, -2])

    def step(self, action):
        assert self.action_space.contains(action)
        observation, _, *rest = super().step(action)
        return observation, float(action[0] == 3), *rest


class Lights(Twenty):
    """Bits to see, bits to choose, and a reward for those that are on."""

    observation_space = spaces.Dict(
        bits=spaces.MultiBinary(3), place=spaces.Tuple([spaces.Discrete(4, start=1)])
    )
    action_space = spaces.MultiBinary((2, 3))

    def look(self):
        bits = self.np_random.integers(0, 2, 3, dtype=np.int8)
        return {"bits": bits, "place": (self.np_random.integers(1, 5),)}

    def step(self, action):
        assert self.action_space.contains(action)
        observation, _, *rest = super().step(action)
        return observation, float(action.mean()), *rest


class Continuous(Twenty):
    """Moves in two directions."""

    action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)


class Wanderer(Twenty):
    """Goes to the directory where its data would be."""

    def __init__(self):
        os.chdir("/")


class Precise(Continuous):
    """Computes with torch, in double precision and without gradients, and says so to everybody."""

    def __init__(self):
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)

    def close(self):
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)


# Once, though some tests import this module under another name, as a part of the tests.
if "Twenty-v0" not in gymnasium.registry:
    gymnasium.register("Twenty-v0", entry_point=Twenty, reward_threshold=20)
    for _class in [*Twenty.__subclasses__(), Precise]:
        gymnasium.register(f"{_class.__name__}-v0", entry_point=_class)

print("strange environments are loaded")
