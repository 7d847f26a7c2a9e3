"""From a config to a model of Stable-Baselines3, made as its users make one.

The door is `make_model`. What is left at SB3's default is not passed on, so that SB3's own rules
hold: PPO's Adam has an epsilon of 1e-5, QR-DQN's one that goes by the batch size.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import NormalActionNoise, OrnsteinUhlenbeckActionNoise
from torch import nn

from amc.algorithms.learning_rate import scheduled_learning_rate
from amc.algorithms.stable_baselines3.vec_env import AsVecEnv
from amc.config.sb3.replay_forms import ActionNoise
from amc.config.sb3.settings_of_all import SB3Hyperparameters
from amc.config.schema import ExperimentConfig, OptimizerConfig
from amc.errors import UsageError

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
_OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}


def make_model(
    kind: Callable[..., Any],
    env: AsVecEnv,
    config: ExperimentConfig,
    settings: SB3Hyperparameters,
    *,
    seed: int,
    device: torch.device,
) -> Any:
    """A model that is ready to be driven; nothing of it prints or writes.

    Args:
        kind: SB3's class.
        env: what it steps.
        config: of the training.
        settings: its `algorithm_config`.
        seed: of 32 bits, for the global generators, which are seeded and drawn from.
        device: where it computes.

    Raises:
        UsageError: SB3 refuses these settings.
    """
    keywords = settings.model_dump(exclude={"n_envs", "policy_kwargs", "action_noise"})
    if hasattr(settings, "action_noise"):
        keywords["action_noise"] = _action_noise(settings.action_noise, env)
    keywords |= {
        "policy_kwargs": _policy_kwargs(config.optimizer, settings),
        "learning_rate": _schedule(config.optimizer),
        "seed": seed,
        "device": device,
    }
    try:
        with warnings.catch_warnings():
            # Of what a config is asked about (minibatches, memory), or where amc decides (device).
            warnings.simplefilter("ignore")
            model = kind(env=env, **keywords)
    except (AssertionError, TypeError, ValueError) as error:
        raise UsageError(
            f"algorithm_config: {config.algorithm} cannot be made of it: {error}. Change what it "
            "names; https://stable-baselines3.readthedocs.io tells what is possible."
        ) from error
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


def _policy_kwargs(optimizer: OptimizerConfig, settings: SB3Hyperparameters) -> dict[str, Any]:
    given = settings.policy_kwargs.model_dump()
    further = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in given.pop("optimizer_kwargs").items()
    }
    network = given["net_arch"]
    given["net_arch"] = (
        {part: list(widths) for part, widths in network.items()}
        if isinstance(network, dict)
        else list(network)
    )
    given["activation_fn"] = _ACTIVATIONS[given["activation_fn"]]
    if optimizer.type != settings.default_optimizer or further:
        given["optimizer_class"] = _OPTIMIZERS[optimizer.type]
    return given | ({"optimizer_kwargs": further} if further else {})


def _schedule(optimizer: OptimizerConfig) -> Callable[[float], float]:
    """The learning rate by what remains of the training, from 1 to 0."""
    return lambda remaining: scheduled_learning_rate(optimizer, 1 - remaining)


def _action_noise(settings: ActionNoise | None, env: AsVecEnv) -> Any:
    if settings is None:
        return None
    size = env.action_space.shape
    mean, sigma = np.full(size, settings.mean), np.full(size, settings.sigma)
    if settings.type == "normal":
        return NormalActionNoise(mean, sigma)
    return OrnsteinUhlenbeckActionNoise(mean, sigma, theta=settings.theta, dt=settings.dt)
