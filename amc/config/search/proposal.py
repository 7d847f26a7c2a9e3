"""A search around settings that are known to be good. Its door is `proposed`.

Each dimension contains the setting's own value, so that the settings themselves can be tried first;
how far it reaches to both sides is what tuned settings of the field differ by.
"""

from collections.abc import Iterator
from typing import Any

from amc.config.schema import ExperimentConfig

# So many trials find most of what there is to find in four or five dimensions, and from here on
# finalists and tests follow (`amc.driver.budget`).
_CALLS = 16
# Of a setting on a log scale, to each side.
_FACTORS = {"learning_rate": 5, "tau": 5, "ent_coef": 10, "target_kl": 5}
_MOST = 1.0
_REVERSED = {"gamma": (0.9, 0.9999), "gae_lambda": (0.8, 0.99)}
_RANGES = {"clip_range": (0.1, 0.4), "noise_std": (0.05, 0.5), "sigma": (0.05, 0.5)}
_CHANCE = ("exploration_fraction", "exploration_final_eps")
_RANGES |= dict(zip(_CHANCE, ((0.05, 0.5), (0.01, 0.2)), strict=True))
_SEARCHED = {
    "ppo": ("learning_rate", "gamma", "gae_lambda", "clip_range", "ent_coef"),
    "ddpg": ("learning_rate", "gamma", "tau", "noise_std"),
    **dict.fromkeys(
        ("sb3:PPO", "sb3:RecurrentPPO"),
        ("learning_rate", "gamma", "gae_lambda", "clip_range", "ent_coef"),
    ),
    "sb3:A2C": ("learning_rate", "gamma"),
    "sb3:TRPO": ("learning_rate", "gamma", "gae_lambda", "target_kl"),
    **dict.fromkeys(("sb3:DQN", "sb3:QRDQN"), ("learning_rate", "gamma", *_CHANCE)),
    **dict.fromkeys(("sb3:DDPG", "sb3:TD3"), ("learning_rate", "gamma", "tau", "sigma")),
    **dict.fromkeys(("sb3:SAC", "sb3:TQC"), ("learning_rate", "gamma", "tau")),
    "sb3:CrossQ": ("learning_rate", "gamma"),
}


def proposed(config: ExperimentConfig) -> dict[str, Any]:
    """The section `hyperparameter_optimizer` of a config without one, as it would be written.

    Args:
        config: of an algorithm that is no plug-in's.
    """
    return {
        "type": "bayesian",
        "n_calls": _CALLS,
        "initial_points": [{}],
        "search_space": dict(_dimensions(config)),
    }


def _dimensions(config: ExperimentConfig) -> Iterator[tuple[str, Any]]:
    keys = config.search_keys()
    for name in _SEARCHED[config.algorithm]:
        value = keys.field(name).of(config)
        if name in _FACTORS and value > 0:
            factor = _FACTORS[name]
            low, high = _rounded(value / factor), min(_rounded(value * factor), _MOST)
            yield name, {"low": low, "high": high, "log": True}
        elif name in _REVERSED:
            low, high = _REVERSED[name]
            yield name, {"low": min(low, value), "high": max(high, value), "reverse_log": True}
        elif name in _RANGES and not _is_idle(name, config):
            low, high = _RANGES[name]
            yield name, [min(low, value), max(high, value)]


def _is_idle(name: str, config: ExperimentConfig) -> bool:
    settings = config.algorithm_config.model_dump()
    if name == "sigma":
        return settings["action_noise"] is None
    return name == "noise_std" and settings.get("noise_type") == "none"


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
