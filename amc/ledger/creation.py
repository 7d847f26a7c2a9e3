"""Making an experiment's directory: whole or not at all."""

import os
import platform
import secrets
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from amc import failpoints
from amc.config.schema import ExperimentConfig
from amc.ledger import files, ids
from amc.ledger.paths import ExperimentPaths
from amc.version import VERSION

_RECORDED_VERSIONS = (
    *("celery", "redis", "torch", "numpy", "gymnasium", "mujoco", "envpool"),
    *("bayesian-optimization", "scikit-learn", "scipy", "optuna"),
    *("stable_baselines3", "sb3_contrib"),
)
FORMAT = 2
_STAGING = ".new-"
# Staging takes milliseconds; what is older was left by a process that is gone.
_ABANDONED_S = 3600.0


def make_directory(shared: Path, config: ExperimentConfig, created: float) -> Path:
    """A new experiment's directory, named `<experiment_name>-<n>` with the first n never given.

    It is filled under another name, that begins with a dot and so is no experiment, and renamed.
    """
    shared.mkdir(parents=True, exist_ok=True)
    staging = shared / f"{_STAGING}{os.getpid()}-{secrets.token_hex(6)}"
    number = 1
    while True:
        target = shared / f"{config.experiment_name}-{number}"
        # Looked at once the name is free: who removes an experiment retires its id before.
        if not target.exists() and not _is_retired(target):
            _stage(staging, _experiment_record(target.name, config, created))
            _remove_abandoned(staging)
            if _renamed(staging, target):
                return target
        number += 1


def _is_retired(target: Path) -> bool:
    name, number = ids.numbered(target.name)
    return number <= ids.highest_removed(target.parent, name)


def _stage(staging: Path, record: dict[str, Any]) -> None:
    try:
        files.create(ExperimentPaths(staging).experiment, record)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _remove_abandoned(staging: Path) -> None:
    """Remove what killed processes left half made; ages are told by the file server's clock."""
    now = staging.stat().st_mtime
    for entry in half_made(staging.parent):
        try:
            if now - entry.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(entry, ignore_errors=True)
        except OSError:
            continue  # somebody else removes it, or it is a stranger's


def half_made(shared: Path) -> list[Path]:
    """What somebody makes just now, or has left half made."""
    return sorted(shared.glob(f"{_STAGING}*"))


def _renamed(staging: Path, target: Path) -> bool:
    try:
        with failpoints.around("experiment"):
            staging.rename(target)
    except OSError:
        # Somebody else took the name between the look and the rename.
        if not target.exists():
            raise
        shutil.rmtree(staging)
        return False
    return True


def _experiment_record(
    experiment_id: str, config: ExperimentConfig, created: float
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "experiment_id": experiment_id,
        # Tells an experiment from another of the same name that was there before it.
        "identity": secrets.token_hex(8),
        "created": created,
        "config": config.to_json(),
        "versions": {"amc": VERSION, "python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _RECORDED_VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
