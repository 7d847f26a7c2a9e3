"""Stable-Baselines3 as its users run it, some steps at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from stable_baselines3 import DDPG, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecNormalize, sync_envs_normalization

from amc.config.hyperparameters import PPOHyperparameters
from amc.config.known.environments import KNOWN
from amc.config.schema import ExperimentConfig

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


def ppo_preset(config: ExperimentConfig, steps: int, episodes: int) -> Advance:
    """What a preset says, some steps and then an evaluation at a time."""
    settings, rates = config.algorithm_config, config.optimizer
    assert isinstance(settings, PPOHyperparameters)
    known = KNOWN[config.environment.name]
    name = known.gymnasium_id
    env: Any = make_vec_env(name, n_envs=settings.n_envs, seed=1)
    judged: Any = make_vec_env(name, n_envs=min(episodes, 16), seed=2)
    wrappers = config.environment.wrappers
    if wrappers:
        sees, pays = (f"normalize_{what}" in wrappers for what in ("observation", "reward"))
        env = VecNormalize(env, norm_obs=sees, norm_reward=pays, gamma=settings.gamma)
        judged = VecNormalize(judged, training=False, norm_obs=sees, norm_reward=False)
    activation = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[settings.activation]
    model = PPO(
        "MlpPolicy",
        env,
        n_steps=settings.n_steps,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_range,
        clip_range_vf=settings.clip_range_vf,
        ent_coef=settings.ent_coef,
        vf_coef=settings.vf_coef,
        max_grad_norm=settings.max_grad_norm,
        learning_rate=rates.learning_rate,
        policy_kwargs={"net_arch": list(settings.hidden_sizes), "activation_fn": activation},
        device="cpu",
    )

    def advance() -> int:
        done = _learn(model, steps)
        if wrappers:
            sync_envs_normalization(env, judged)
        evaluate_policy(model, judged, n_eval_episodes=episodes)
        return done

    return advance


def _learn(model: PPO | DDPG, steps: int) -> int:
    before = model.num_timesteps
    model.learn(steps, reset_num_timesteps=False)
    return model.num_timesteps - before
