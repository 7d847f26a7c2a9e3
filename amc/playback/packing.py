"""A trained policy as a folder that holds numbers and text alone, and back.

The doors are `pack` and `unpack`. The layout is that of the Hugging Face hub:

    model.safetensors       every learned tensor, by its name
    normalizer.safetensors  what observations are standardised with, and what wrappers keep
    config.json             what trains it again: amc train config.json
    results.json            where it comes from, and SHA-256 of the two above
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from amc.algorithms.base import Algorithm
from amc.config.loader import ConfigLoader
from amc.environments.factory import wrapper_states
from amc.environments.normalization import observation_statistics
from amc.errors import CheckpointError, ConfigError
from amc.ledger import files
from amc.playback.agent import Agent
from amc.playback.learned import Learned, Origin

MODEL, NORMALIZER = "model.safetensors", "normalizer.safetensors"
CONFIG, RESULTS = "config.json", "results.json"

FORMAT = 1
_STATISTICS = "observation"


def is_package(directory: Path) -> bool:
    """Whether a directory holds one."""
    return (directory / MODEL).exists()


def pack(agent: Agent, directory: Path, results: Mapping[str, Any]) -> None:
    """Write an agent.

    Args:
        agent: to be handed on.
        directory: made where it is missing.
        results: what is known of its score.

    Raises:
        OSError: it cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    parameters = {
        name: tensor.detach().cpu().clone() for name, tensor in agent.algorithm.named_parameters()
    }
    kept: dict[str, torch.Tensor] = {}
    statistics = observation_statistics(agent.trained_in)
    if statistics is not None:
        kept[_STATISTICS] = torch.from_numpy(statistics.copy())
    wrappers = _without_tensors(wrapper_states(agent.trained_in), "wrappers", kept)
    written = {MODEL: save(parameters), NORMALIZER: save(kept)}
    for name, content in written.items():
        (directory / name).write_bytes(content)
    origin = agent.origin
    document = {
        "format": FORMAT,
        **results,
        "steps": origin.step,
        "score": origin.score,
        "evaluated": origin.evaluated,
        "environment": origin.backend,
        "versions": dict(origin.versions),
        "wrappers": wrappers,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in written.items()},
    }
    (directory / RESULTS).write_text(files.encode(document), encoding="utf-8")
    (directory / CONFIG).write_text(files.encode(agent.config.to_json()), encoding="utf-8")


def unpack(directory: Path) -> Learned:
    """What `pack` wrote.

    Raises:
        CheckpointError: a file is missing, damaged or of another format.
    """
    try:
        results = json.loads((directory / RESULTS).read_text(encoding="utf-8"))
        parameters, kept = (
            _tensors(directory / name, results["sha256"][name]) for name in (MODEL, NORMALIZER)
        )
        config = ConfigLoader().from_mapping(
            json.loads((directory / CONFIG).read_text(encoding="utf-8")),
            source=str(directory / CONFIG),
            accepted=True,
        )
        origin = Origin(
            source=directory,
            step=results["steps"],
            score=results["score"],
            evaluated=results["evaluated"],
            backend=results["environment"],
            versions=results["versions"],
        )
        environment = _environment(kept, _with_tensors(results["wrappers"], kept))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, ConfigError) as error:
        raise CheckpointError(
            f"{directory}: not a package as `amc package` writes it: "
            f"{type(error).__name__}: {error}. Write it again."
        ) from error
    return Learned(origin, config, environment, lambda algorithm: _put(parameters, algorithm))


def _tensors(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{path.name} is damaged: its SHA-256 is another one")
    return load(content)


def _environment(kept: Mapping[str, torch.Tensor], wrappers: Any) -> dict[str, Any]:
    """As much of an environment's state as acting takes."""
    state: dict[str, Any] = {"wrappers": {"now": wrappers}}
    if _STATISTICS not in kept:
        return state
    return {"normalizes": "observation", "moments": kept[_STATISTICS], "inner": state}


def _put(parameters: Mapping[str, torch.Tensor], algorithm: Algorithm) -> None:
    own = dict(algorithm.named_parameters())
    if own.keys() != parameters.keys() or any(
        own[name].shape != tensor.shape for name, tensor in parameters.items()
    ):
        raise CheckpointError(
            f"{MODEL}: its tensors are not those of {algorithm.config.algorithm} with "
            f"the algorithm_config in {CONFIG}. Package the agent again."
        )
    with torch.no_grad():
        for name, tensor in parameters.items():
            own[name].copy_(tensor)


def _without_tensors(value: Any, name: str, kept: dict[str, torch.Tensor]) -> Any:
    """A state of wrappers as plain JSON; its tensors go into `kept`, under their place's name."""
    match value:
        case torch.Tensor():
            kept[name] = value.contiguous()
            return {"tensor": name}
        case dict():
            entries = ((key, f"{name}.{key}", item) for key, item in value.items())
            return {"dict": [[key, _without_tensors(item, at, kept)] for key, at, item in entries]}
        case list() | tuple():
            return [_without_tensors(one, f"{name}.{i}", kept) for i, one in enumerate(value)]
        case _:
            return value


def _with_tensors(value: Any, kept: Mapping[str, torch.Tensor]) -> Any:
    """The inverse."""
    match value:
        case {"tensor": str(name)}:
            return kept[name]
        case {"dict": list(entries)}:
            return {key: _with_tensors(item, kept) for key, item in entries}
        case list():
            return [_with_tensors(one, kept) for one in value]
        case _:
            return value
