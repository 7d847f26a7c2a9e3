"""What a checkpoint holds, whose it is, and the digest by which two trained agents are compared.

    format       version of this layout
    config       the trial's resolved config with its seed, as JSON: enough to rebuild the agent
    versions     of amc, Python, torch, ...
    backend      what the environment really ran on
    kernel       what computed the updates, with its version
    environment  its exact state, normalisers included
    algorithm    parameters, optimizer, replay, noise, generators, counters, current observation
    progress     what the training loop has done so far

A checkpoint holds no time and no worker's name: the same training writes the same bytes.
"""

import hashlib
import json
import logging
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch

from amc.algorithms.base import Algorithm
from amc.config.kernel import versioned_kernel
from amc.config.loader import ConfigLoader
from amc.config.sb3 import naming
from amc.config.schema import ExperimentConfig
from amc.environments.vector import VectorEnvironment
from amc.errors import CheckpointError, ConfigError, UsageError
from amc.version import VERSION

FORMAT = 1

_LOG = logging.getLogger(__name__)
# Looked up once: it takes 5 ms, and what was loaded counts, whatever is installed meanwhile.
_VERSIONS = {
    "amc": VERSION,
    "python": platform.python_version(),
    **{package: version(package) for package in ("torch", "numpy", "gymnasium")},
}

# A run may be resumed with other values of these: they name it, watch it or place it, but do not
# say what is learned.
_FREE = frozenset(
    {
        "$schema",
        "experiment_name",
        "description",
        "keep_checkpoints",
        "seeds",
        "hyperparameter_optimizer",
        "environment.backend",
        "environment.reward_threshold",
        "training.eval_freq",
        "training.eval_episodes",
        "training.eval_max_episode_steps",
        "training.stop_at_reward_threshold",
        "training.save_freq",
        "training.device",
        "training.threads",
        "training.max_attempts",
        "training.stall_timeout",
        "training.memory_limit",
    }
)


class MismatchError(CheckpointError):
    """Raised when a checkpoint is of another layout, config, backend or kernel.

    In `amc train --resume` it is what the user asked for that does not fit.
    """

    exit_code = UsageError.exit_code


def capture(
    config: ExperimentConfig,
    environment: VectorEnvironment,
    algorithm: Algorithm,
    progress: Mapping[str, Any],
) -> dict[str, Any]:
    """The state of a training in progress, between two iterations."""
    return {
        "format": FORMAT,
        "config": json.dumps(config.to_json(), sort_keys=True),
        "versions": versions(config),
        "backend": environment.backend,
        "kernel": versioned_kernel(config),
        "environment": environment.state_dict(),
        "algorithm": algorithm.state_dict(),
        "progress": dict(progress),
    }


def restore(
    state: Mapping[str, Any],
    config: ExperimentConfig,
    environment: VectorEnvironment,
    algorithm: Algorithm,
    *,
    changed: frozenset[str] = frozenset(),
    fork: bool = False,
) -> dict[str, Any]:
    """Put an environment and a learner, both freshly made, into a captured state.

    Args:
        state: as `capture` gave it.
        config: of the training that goes on.
        environment: what is trained in.
        algorithm: what learns.
        changed: dotted keys of the config whose values may differ, where a segment begins.
        fork: whether episodes and draws begin anew, of the seed that both were made with.

    Returns:
        The loop's progress, as it was given to `capture`.

    Raises:
        MismatchError: the state is of another layout, config, environment backend or kernel.
    """
    _require_same(state, config, environment, changed)
    if state["versions"] != versions(config):
        _LOG.warning(
            "the checkpoint was written by %s, this is %s: the bits may differ from here on",
            state["versions"],
            versions(config),
        )
    algorithm.load_state_dict(state["algorithm"])
    if fork:
        environment.fork(state["environment"])
        algorithm.fork()
    else:
        environment.load_state_dict(state["environment"])
    return dict(state["progress"])


def versions(config: ExperimentConfig) -> dict[str, str]:
    """The versions of everything that can change what is computed."""
    if not naming.is_sb3(config.algorithm):
        return dict(_VERSIONS)
    packages = dict.fromkeys(("stable_baselines3", naming.distribution(config.algorithm)))
    return _VERSIONS | {package: version(package) for package in packages}


def digest(algorithm: Algorithm) -> str:
    """SHA-256 over the parameters (names, types, shapes, bytes) and the counters, hexadecimal.

    The counters are `num_timesteps` and, where the algorithm counts its updates, `n_updates`.
    """
    n_updates = getattr(algorithm, "n_updates", 0)
    sha256 = hashlib.sha256()
    for name, tensor in algorithm.named_parameters():
        sha256.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        values = tensor.detach().cpu().contiguous().reshape(-1)
        sha256.update(values.view(torch.uint8).numpy().tobytes())
    sha256.update(f"num_timesteps {algorithm.num_timesteps} n_updates {n_updates}".encode())
    return sha256.hexdigest()


def require_format(state: Mapping[str, Any]) -> None:
    """Refuse a state of another layout than this version knows.

    Raises:
        MismatchError: it is.
    """
    if state.get("format") != FORMAT:
        raise MismatchError(
            f"checkpoint: its format is {state.get('format')!r}, this version of amc reads "
            f"{FORMAT}. Use the version that wrote it."
        )


def _require_same(
    state: Mapping[str, Any],
    config: ExperimentConfig,
    environment: VectorEnvironment,
    changed: frozenset[str],
) -> None:
    require_format(state)
    free = _FREE | changed
    differences = _differences(_identity(written_for(state), free), _identity(config, free))
    if differences:
        raise MismatchError(
            f"checkpoint: it belongs to another config: {'; '.join(differences)}. "
            "Resume with the config it was written for, or start in another directory."
        )
    # The backend's own check; and compiled states are Gymnasium's, too (`compiled_backend`).
    if _stated(state["backend"]) != _stated(environment.backend):
        raise MismatchError(
            f"checkpoint: it was written on {state['backend']}, here the environment runs on "
            f"{environment.backend}. Set environment.backend, or resume on a machine like that one."
        )
    kernel = versioned_kernel(config)
    if (before := state.get("kernel", kernel)) != kernel:
        raise MismatchError(
            f"checkpoint: its updates were computed by kernel {before}, here they are by {kernel}, "
            "and one training never mixes two. Resume with the version of amc that wrote it."
        )


def _stated(backend: str) -> str:
    """Whose states a backend has, without who steps them here."""
    return backend.partition(" by ")[0]


def written_for(state: Mapping[str, Any]) -> ExperimentConfig:
    """The config that a checkpoint was written for; settings that are newer have their defaults.

    Raises:
        CheckpointError: this version does not know it.
    """
    try:
        return ConfigLoader().from_mapping(
            json.loads(state["config"]), source="checkpoint", accepted=True
        )
    except ConfigError as error:
        raise MismatchError(
            f"checkpoint: this version of amc does not know the config it was written for: {error} "
            "Resume with the version that wrote it."
        ) from error


def _identity(config: ExperimentConfig, free: frozenset[str]) -> dict[str, Any]:
    """The values of a resolved config that say what is learned, by dotted key."""
    flat = _flatten(config.to_json())
    return {key: value for key, value in flat.items() if key not in free}


def _flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        name = prefix + key
        if isinstance(value, Mapping) and name not in _FREE:
            flat |= _flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def _differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    keys = sorted(theirs.keys() | ours.keys())
    return [
        f"{key} is {theirs.get(key)!r} there and {ours.get(key)!r} here"
        for key in keys
        if theirs.get(key) != ours.get(key)
    ]
