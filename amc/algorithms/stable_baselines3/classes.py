"""Stable-Baselines3's own algorithms by name: PPO, A2C, DQN, DDPG, TD3, SAC."""

import stable_baselines3

from amc.algorithms.stable_baselines3.rounds import Continuous, OnPolicy, Value
from amc.config.sb3.off_policy import (
    DQNHyperparameters,
    SACHyperparameters,
    SB3DDPGHyperparameters,
    TD3Hyperparameters,
)
from amc.config.sb3.on_policy import A2CHyperparameters, SB3PPOHyperparameters


class SB3PPO(OnPolicy):
    """Proximal Policy Optimization. Schulman et al. 2017, https://arxiv.org/abs/1707.06347."""

    Hyperparameters = SB3PPOHyperparameters
    kind = stable_baselines3.PPO


class A2C(OnPolicy):
    """Advantage Actor-Critic. Mnih et al. 2016, https://arxiv.org/abs/1602.01783."""

    Hyperparameters = A2CHyperparameters
    kind = stable_baselines3.A2C


class DQN(Value):
    """Deep Q Network. Mnih et al. 2015, https://doi.org/10.1038/nature14236."""

    Hyperparameters = DQNHyperparameters
    kind = stable_baselines3.DQN


class SB3DDPG(Continuous):
    """Deep Deterministic Policy Gradient. Lillicrap et al., https://arxiv.org/abs/1509.02971."""

    Hyperparameters = SB3DDPGHyperparameters
    kind = stable_baselines3.DDPG


class TD3(Continuous):
    """Twin Delayed DDPG. Fujimoto et al. 2018, https://arxiv.org/abs/1802.09477."""

    Hyperparameters = TD3Hyperparameters
    kind = stable_baselines3.TD3


class SAC(Continuous):
    """Soft Actor-Critic. Haarnoja et al. 2018, https://arxiv.org/abs/1812.05905."""

    Hyperparameters = SACHyperparameters
    kind = stable_baselines3.SAC
