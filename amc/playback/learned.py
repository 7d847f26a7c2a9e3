"""What was learned, as a checkpoint or a package hands it on: enough to act, not to train on.

The doors are `Learned`, `learned_by` and `newest`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amc.algorithms.base import Algorithm
from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.ledger.paths import checkpoint_files
from amc.training import checkpoint, snapshot

NO_AGENT = (
    "a trainer of your own saved it, so it holds its own files and no agent that amc could play. "
    "Take them: amc package ID DIR"
)


@dataclass(frozen=True)
class Origin:
    """Where a trained policy comes from.

    Attributes:
        source: the file or directory that it was read from.
        step: environment steps that it was trained.
        score: of its last evaluation; None before the first one.
        evaluated: the step of that.
        backend: what it was trained in, for example `gymnasium 1.4.0 LunarLander-v3`.
        versions: of the software that trained it.
    """

    source: Path
    step: int
    score: float | None
    evaluated: int
    backend: str
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Learned:
    """A trained policy and what belongs to it.

    Attributes:
        origin: where it comes from.
        config: that it was trained with: one trial's, nothing left to search.
        environment: the environment's state as it was saved, with the normalisers' statistics and
            what wrappers knew.
        put: gives a learner, freshly made, what was learned.
    """

    origin: Origin
    config: ExperimentConfig
    environment: Mapping[str, Any]
    put: Callable[[Algorithm], None]


def newest(directory: Path) -> Learned | None:
    """What the last good checkpoint in a directory holds; None where there is none."""
    for file in checkpoint_files(directory):
        state = checkpoint.read(file)
        if state is not None:
            return _learned(state, file.path)
    return None


def learned_by(path: Path) -> Learned:
    """What the checkpoint at `path` holds.

    Raises:
        CheckpointError: it is missing, damaged, or none that this version can read.
        UsageError: a trainer of the user's own saved it.
    """
    return _learned(checkpoint.load(path), path)


def _learned(state: Mapping[str, Any], path: Path) -> Learned:
    snapshot.require_format(state)
    if "algorithm" not in state:
        raise UsageError(f"{path}: {NO_AGENT}")
    progress = state["progress"]
    origin = Origin(
        source=path,
        step=state["algorithm"]["num_timesteps"],
        score=progress["score"],
        evaluated=progress["evaluated"],
        backend=state["backend"],
        versions=state["versions"],
    )
    return Learned(
        origin,
        config=snapshot.written_for(state),
        environment=state["environment"],
        put=lambda algorithm: algorithm.load_state_dict(state["algorithm"]),
    )
