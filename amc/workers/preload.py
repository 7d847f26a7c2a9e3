"""Everything that a trial imports, imported now: a forked trial process then inherits it.

A worker's parent loads this module once. Without it each attempt pays for the environments and the
kernels anew: 2.6 s.
"""

import contextlib

import gymnasium.envs.classic_control
import gymnasium.envs.mujoco
import torch
from gymnasium.error import DependencyNotInstalled

import amc.algorithms.ddpg
import amc.algorithms.ppo
import amc.workers.base

with contextlib.suppress(DependencyNotInstalled):
    # Box2D is not installed where it has no wheels; whoever asks for its environments is told.
    import gymnasium.envs.box2d

__all__ = ["amc", "gymnasium", "torch"]
