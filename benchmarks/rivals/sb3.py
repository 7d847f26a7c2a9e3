"""Stable-Baselines3 as its users run it, some steps at a time."""

from collections.abc import Callable

import numpy as np
import torch
from stable_baselines3 import DDPG, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecNormalize

Advance = Callable[[], int]


def ppo_cartpole() -> Advance:
    env = make_vec_env("CartPole-v1", n_envs=8, seed=1)
    model = PPO(
        "MlpPolicy",
        env,
        n_steps=32,
        batch_size=256,
        n_epochs=20,
        gamma=0.98,
        gae_lambda=0.8,
        learning_rate=1e-3,
        device="cpu",
    )
    return lambda: _learn(model, 256)


def ppo_half_cheetah() -> Advance:
    env = VecNormalize(make_vec_env("HalfCheetah-v4", n_envs=1, seed=1))
    model = PPO(
        "MlpPolicy",
        env,
        n_steps=2048,
        batch_size=64,
        n_epochs=10,
        clip_range_vf=0.2,
        policy_kwargs={"net_arch": [64, 64], "activation_fn": torch.nn.Tanh},
        device="cpu",
    )
    return lambda: _learn(model, 2048)


def ddpg_half_cheetah(learning_starts: int, steps_at_once: int) -> Advance:
    env = make_vec_env("HalfCheetah-v4", n_envs=1, seed=1)
    size = env.action_space.shape[0]
    model = DDPG(
        "MlpPolicy",
        env,
        learning_starts=learning_starts,
        policy_kwargs={"net_arch": [256, 256]},
        action_noise=NormalActionNoise(np.zeros(size), 0.1 * np.ones(size)),
        device="cpu",
    )
    _learn(model, learning_starts)
    return lambda: _learn(model, steps_at_once)


def _learn(model: PPO | DDPG, steps: int) -> int:
    before = model.num_timesteps
    model.learn(steps, reset_num_timesteps=False)
    return model.num_timesteps - before
