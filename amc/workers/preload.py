"""Everything that a trial imports, imported now: a forked trial process then inherits it.

A worker's parent loads this module once. Without it each attempt pays for the environments and the
kernels anew: 2.6 s. Its door is `rehearse`.
"""

import contextlib
import logging
import tempfile
from pathlib import Path

import gymnasium.envs.classic_control
import gymnasium.envs.mujoco
import torch
from gymnasium.error import DependencyNotInstalled

import amc.algorithms.ddpg
import amc.algorithms.ppo
from amc.config.loader import ConfigLoader
from amc.workers.base import BaseWorker

with contextlib.suppress(DependencyNotInstalled):
    # Box2D is not installed where it has no wheels; whoever asks for its environments is told.
    import gymnasium.envs.box2d

__all__ = ["amc", "gymnasium", "torch"]

_ONE_UPDATE = {
    "experiment_name": "rehearsal",
    "algorithm": "ppo",
    "algorithm_config": {"n_envs": 1, "n_steps": 8, "batch_size": 8, "n_epochs": 1},
    "environment": {"name": "CartPole-v1"},
    # A GPU must not be touched by who forks.
    "training": {"total_timesteps": 8, "eval_episodes": 1, "device": "cpu"},
}


def rehearse() -> None:
    """Train one update, and keep what libraries make at their first use.

    That takes 17 ms here, and 10 ms of every process that is forked without it; and a process that
    has just imported something takes no second attempt.
    """
    config = ConfigLoader().from_mapping(_ONE_UPDATE, source="rehearsal")
    disabled, logging.root.manager.disable = logging.root.manager.disable, logging.INFO
    try:
        with tempfile.TemporaryDirectory(prefix="amc-") as directory:
            BaseWorker("rehearsal", config, Path(directory)).run()
    except OSError:
        pass  # a full disk, say, is told by who has something to write
    finally:
        logging.root.manager.disable = disabled
