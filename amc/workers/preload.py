"""Everything that a trial imports, imported now: a forked trial process then inherits it.

A worker's parent loads this module once. Without it each attempt pays for the environments, the
kernels and torch._dynamo anew, which torch.optim imports when it is first used: 3.7 s.
"""

import gymnasium.envs.box2d
import gymnasium.envs.classic_control
import gymnasium.envs.mujoco
import torch._dynamo

import amc.algorithms.ddpg
import amc.algorithms.ppo
import amc.workers.base

__all__ = ["amc", "gymnasium", "torch"]
