"""The files of a trainer's checkpoint, in a checkpoint of ours: so one is as safe as the other.

    format, config, versions   as in `amc.training.snapshot`
    step                       steps trained by then
    progress                   the scores until then
    trainer                    {"name": of the file or directory, "is_directory",
                                "files": [[path below it, whether it may be executed, bytes], ...]}

The doors are `packed`, `unpack`, `files_digest` and `marks`.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import torch

from amc.config.schema import ExperimentConfig
from amc.errors import CheckpointError, TrainerError
from amc.training.snapshot import FORMAT, versions

KEY = "trainer"
_MOST_FILES = 100_000


def packed(
    path: Path, config: ExperimentConfig, *, step: int, progress: Mapping[str, Any]
) -> dict[str, Any]:
    """The state of a checkpoint that holds a file, or a directory with all that is in it.

    The bytes are read when the state is written: no copy of them is held in memory.

    Args:
        path: what the trainer has saved.
        config: of the segment.
        step: steps trained by then.
        progress: plain values.

    Raises:
        TrainerError: there is nothing of the kind.
    """
    name = _name(path)
    try:
        files = [[below, os.access(file, os.X_OK), _bytes(file)] for below, file in _files(path)]
    except (OSError, ValueError, RuntimeError) as error:  # a zero byte in a path; torch's own
        why = error.strerror if isinstance(error, OSError) else error
        raise TrainerError(
            f"checkpoint: {path} cannot be read: {why}. Save it first, then tell of it."
        ) from error
    return {
        "format": FORMAT,
        "config": json.dumps(config.to_json(), sort_keys=True),
        "versions": versions(config),
        "step": step,
        "progress": dict(progress),
        KEY: {"name": name, "is_directory": path.is_dir(), "files": files},
    }


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if not path.is_dir():
        yield "", path
        return
    found = sorted(file for file in path.rglob("*") if file.is_file() or file.is_symlink())
    if len(found) > _MOST_FILES:
        raise TrainerError(
            f"checkpoint: {path} has {len(found):,} files; {_MOST_FILES:,} are the most. "
            "Save what is needed to go on, and nothing else."
        )
    for file in found:
        if file.is_symlink():
            raise TrainerError(
                f"checkpoint: {file} is a link, and what it leads to may change. Save a copy."
            )
        name = file.relative_to(path).as_posix()
        if not name.isprintable():
            raise TrainerError(f"checkpoint: {name!r} in {path} is no name that can be kept.")
        yield name, file


def _name(path: Path) -> str:
    """Of a file or directory, which may have been told as `.` or `model/..`."""
    name = Path(os.path.abspath(path)).name
    if not name.isprintable():
        raise TrainerError(f"checkpoint: {name!r} is no name that can be kept.")
    if not name:
        raise TrainerError(f"checkpoint: {path} is all that there is. Save a directory for it.")
    return name


def _bytes(file: Path) -> torch.Tensor:
    # So a pipe is not waited for, and what may not be read is told as such.
    with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
        found = os.fstat(opened.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise TrainerError(
            f"checkpoint: {file} is neither a file nor a directory. Save one of them."
        )
    size = found.st_size
    if size == 0:
        return torch.empty(0, dtype=torch.uint8)
    return torch.from_file(str(file), shared=False, size=size, dtype=torch.uint8)


def marks(path: Path) -> frozenset[tuple[str, int, int, int]]:
    """What differs once a file of a checkpoint has been written to."""
    found = ((name, file.stat()) for name, file in _files(path))
    return frozenset((name, one.st_ino, one.st_size, one.st_mtime_ns) for name, one in found)


def unpack(state: Mapping[str, Any], directory: Path) -> Path:
    """Write what a checkpoint holds into a directory.

    Returns:
        The file or directory, under the name that the trainer gave it.

    Raises:
        CheckpointError: it is no checkpoint of a trainer, or was tampered with.
    """
    content = state.get(KEY)
    if not isinstance(content, Mapping):
        raise CheckpointError("checkpoint: it was not saved by a trainer of the user's own.")
    root = directory / _safe(content["name"])
    directory.mkdir(parents=True, exist_ok=True)
    if content["is_directory"]:
        root.mkdir(exist_ok=True)
    for name, is_executable, data in content["files"]:
        target = root / _safe(name) if content["is_directory"] else root
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.write(memoryview(data.numpy()))
        target.chmod(0o755 if is_executable else 0o644)
    return root


def _safe(name: str) -> PurePosixPath:
    """A path that stays below where it is put."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise CheckpointError(f"checkpoint: it names a file {name!r}, which amc never writes.")
    return path


def files_digest(state: Mapping[str, Any]) -> str:
    """SHA-256 over the step, and over names and bytes of the files, hexadecimal."""
    sha256 = hashlib.sha256(f"step {state['step']}\n".encode())
    for name, _, data in state[KEY]["files"]:
        sha256.update(f"{name} {len(data)}\n".encode())
        sha256.update(memoryview(data.numpy()))
    return sha256.hexdigest()
