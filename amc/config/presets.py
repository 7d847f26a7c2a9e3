"""What a config begins from: the tuned settings that come with amc, or defaults of the field.

A preset is a file of `configs/presets/`, which the package carries. Its door is `beginning`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amc.config.hyperparameters import hyperparameters_for
from amc.config.sb3 import naming
from amc.config.text.reader import read
from amc.errors import UsageError

DIRECTORY = Path(__file__).parents[1] / "presets"
# Where both have one for an environment, PPO's is the steadier of the two.
_ORDER = ("ppo", "ddpg")
_VERSION = re.compile(r"-v\d+$")
# As the presets of environments that are about as hard: control of joints takes longer to learn.
_STEPS = {"continuous": 1_000_000}
_FEW_STEPS = 200_000
_EVALUATIONS = 20


@dataclass(frozen=True)
class Beginning:
    """Settings to begin from.

    Attributes:
        values: a config as it would be written, without a search.
        preset: the preset's name; None where there is none for the environment.
        tuned_for: the environment that the preset was tuned on; None without one.
    """

    values: dict[str, Any]
    preset: str | None = None
    tuned_for: str | None = None


def beginning(environment: str, actions: str, algorithm: str | None = None) -> Beginning:
    """The settings to begin from in an environment.

    Args:
        environment: its id; another version of one that has a preset begins from that.
        actions: their kind: `discrete`, `multi-discrete` or `continuous`.
        algorithm: its name; the one with a preset, else PPO, if None.

    Raises:
        UsageError: the algorithm cannot choose such actions.
    """
    if algorithm is not None:
        _require_fit(environment, actions, algorithm)
    family = _VERSION.sub("", environment)
    for name in _ORDER if algorithm is None else (algorithm,):
        for path in sorted(DIRECTORY.glob(f"{naming.word(name)}_*.json")):
            values: dict[str, Any] = read(path).value
            tuned_for: str = values["environment"]["name"]
            if values["algorithm"] == name and _VERSION.sub("", tuned_for) == family:
                values["environment"]["name"] = environment
                return Beginning(_named(values), path.stem, tuned_for)
    return Beginning(_named(_default(environment, actions, algorithm or _ORDER[0])))


def _require_fit(environment: str, actions: str, algorithm: str) -> None:
    fitting = hyperparameters_for(algorithm).action_spaces
    if actions not in fitting:
        raise UsageError(
            f"--algorithm: {environment} has {actions} actions, but {algorithm} needs "
            f"{' or '.join(sorted(fitting))} ones. Leave it out, or choose ppo."
        )


def _named(values: dict[str, Any]) -> dict[str, Any]:
    """The same, called after its algorithm and its environment."""
    family = _VERSION.sub("", values["environment"]["name"].rpartition(":")[2])
    word = re.sub(r"[^a-z0-9]+", "_", family.lower()).strip("_")
    algorithm = naming.word(values["algorithm"])
    return {**values, "experiment_name": f"{algorithm}_{word}"[:100]}


def _default(environment: str, actions: str, algorithm: str) -> dict[str, Any]:
    """What the field begins with: observations and rewards scaled where a policy is continuous."""
    steps = _STEPS.get(actions, _FEW_STEPS)
    is_scaled = algorithm == "ppo" and actions == "continuous"
    wrappers = {"wrappers": ["normalize_observation", "normalize_reward"]} if is_scaled else {}
    every = steps // _EVALUATIONS
    return {
        "algorithm": algorithm,
        "algorithm_config": {},
        "environment": {"name": environment, **wrappers},
        "optimizer": {"learning_rate_schedule": "linear"} if algorithm == "ppo" else {},
        "training": {"total_timesteps": steps, "eval_freq": every, "save_freq": every},
    }
