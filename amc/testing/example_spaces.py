"""Search spaces of every kind, as a config writes them, and a smooth hill over each."""

from collections.abc import Mapping
from typing import Any

from amc.optimizers.encoding import Encoding

RANGES: dict[str, Any] = {
    "learning_rate": [1e-5, 1e-2],
    "gamma": [0.9, 0.999],
    "clip_range": [0.1, 0.4],
}
WHOLE_NUMBERS: dict[str, Any] = {
    "n_steps": {"low": 16, "high": 2048, "log": True, "type": "int"},
    "n_epochs": {"low": 3, "high": 8, "type": "int"},
}
CHOICES: dict[str, Any] = {
    "activation": {"choices": ["tanh", "relu"]},
    "batch_size": {"choices": [32, 64, 128]},
    "normalize_advantage": {"choices": [True, False]},
    "hidden_sizes": {"choices": [[64, 64], [256, 256]]},
    "target_kl": {"choices": [None, 0.01]},
}
CONDITIONS: dict[str, Any] = {
    "noise_type": {"choices": ["ou", "normal", "none"]},
    "noise_theta": {"low": 0.05, "high": 0.5, "if": {"noise_type": "ou"}},
    "tau": [0.001, 0.1],
}
SCALES: dict[str, Any] = {
    "gamma": {"low": 0.9, "high": 0.9999, "reverse_log": True},
    "ent_coef": {"low": 1e-8, "high": 0.1, "log": True},
    "vf_coef": {"low": 0.5, "high": 0.5},
}


def quality(encoding: Encoding, suggestion: Mapping[str, Any]) -> float:
    """A score: how near a point lies to one at 0.3 of each scale; 0 is the best."""
    away = encoding.encode(suggestion) - 0.3
    return -float(away @ away)
