"""Checkpoints on disk: written whole or not at all, proved by SHA-256, the last two kept.

The doors are `save` and `latest`; the names are `amc.ledger.paths.CheckpointFile`'s. This file does
not know what a state holds. `torch.load` does not notice a flipped bit, hence the digest; a plain
`torch.save` on a full disk or under kill -9 destroys the old file, hence the temporary name, the
fsync and the rename.
"""

import hashlib
import logging
import os
import pickle
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch

from amc import failpoints
from amc.errors import CheckpointError
from amc.ledger.files import replace, sync_directory
from amc.ledger.paths import CheckpointFile, checkpoint_files

KEPT_STEPS = 2

_LOG = logging.getLogger(__name__)
_CHUNK_BYTES = 1 << 20
_MAPPINGS = (dict, OrderedDict)
_PLAIN = (str, int, float, bool, type(None))


class _HashingWriter:
    """Writes through to a file and hashes what passes: one pass, no second copy in memory.

    Attributes:
        error: why the file took no more; torch, which writes through this, says something else.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


def save(directory: Path, state: Mapping[str, Any], *, step: int, attempt: int) -> Path:
    """Write a checkpoint, make it durable, then delete those before the last two steps.

    Args:
        directory: made where it is missing.
        state: dicts, lists, str, int, float, bool, None and torch tensors only.
        step: environment steps trained so far.
        attempt: who writes, 1-based.

    Returns:
        The checkpoint's path.

    Raises:
        CheckpointError: the state holds something else, or could not be written (a full disk,
            say); the older checkpoints are untouched.
    """
    _require_plain(state, "state")
    target = CheckpointFile.of(directory, step, attempt)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(directory, attempt)
        _write(target, state)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"{target.path}: the checkpoint could not be written: {error}. "
            "Earlier checkpoints are untouched. Make room on the disk and resume."
        ) from error
    _prune(directory, written=target)
    return target.path


def latest(directory: Path) -> dict[str, Any] | None:
    """The state of the last good checkpoint, or None where there is none.

    A damaged one is logged and passed over for the one before.
    """
    for file in checkpoint_files(directory):
        state = read(file)
        if state is not None:
            return state
    return None


def read(file: CheckpointFile) -> dict[str, Any] | None:
    """The state in one checkpoint; None if it is damaged (which is logged) or just deleted.

    Raises:
        CheckpointError: it is undamaged, but no checkpoint that this program could have written.
        OSError: the disk would not answer; this says nothing about the checkpoint.
    """
    try:
        with file.path.open("rb") as source:
            if _is_intact(file, source):
                return _decode(file.path, source)
    except FileNotFoundError:  # another attempt has deleted it
        return None
    _LOG.warning("%s: damaged: its contents do not match its SHA-256", file.path)
    return None


def load(path: Path) -> dict[str, Any]:
    """The state in the checkpoint at `path`, proved by its SHA-256, tensors on the CPU.

    Raises:
        CheckpointError: it is missing, damaged, or no checkpoint.
    """
    state = read(CheckpointFile(path, step=0, attempt=0))
    if state is None:
        raise CheckpointError(f"{path}: the checkpoint is missing or damaged.")
    return state


def _is_intact(file: CheckpointFile, source: IO[bytes]) -> bool:
    sha256 = hashlib.sha256()
    while chunk := source.read(_CHUNK_BYTES):
        sha256.update(chunk)
    source.seek(0)
    return sha256.hexdigest() == _recorded_digest(file)


def _decode(path: Path, source: IO[bytes]) -> dict[str, Any]:
    try:
        return dict(torch.load(source, map_location="cpu", weights_only=True))
    except (RuntimeError, pickle.UnpicklingError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path}: not a checkpoint of amc ({type(error).__name__})."
        ) from error


def _recorded_digest(file: CheckpointFile) -> str:
    try:
        return file.digest_path.read_text().partition(" ")[0]
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _require_plain(value: Any, where: str) -> None:
    """Refuse what could be written but not read again, while there is still something to do.

    The types are exact: a NumPy float is a Python float's subclass, and `weights_only` refuses it.

    Raises:
        CheckpointError: naming the first such value.
    """
    if type(value) in _MAPPINGS:
        for key, item in value.items():
            _require_plain(item, f"{where}.{key}")
    elif type(value) in (list, tuple):
        for index, item in enumerate(value):
            _require_plain(item, f"{where}[{index}]")
    elif type(value) not in _PLAIN and not isinstance(value, torch.Tensor):
        raise CheckpointError(
            f"checkpoint: {where} is a {type(value).__module__}.{type(value).__qualname__}. "
            "A state_dict may hold dicts, lists, str, int, float, bool, None and torch tensors."
        )


def _write(target: CheckpointFile, state: Mapping[str, Any]) -> None:
    path = target.path
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("wb") as file:
            writer = _HashingWriter(file)
            try:
                torch.save(dict(state), writer)  # type: ignore[arg-type]  # write and flush will do
            except RuntimeError as error:
                raise writer.error or error from error
            file.flush()
            os.fsync(file.fileno())
        replace(
            target.digest_path,
            f"{writer.sha256.hexdigest()}  {path.name}\n",
            point="checkpoint-digest",
        )
        with failpoints.around("checkpoint"):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def _remove_leftovers(directory: Path, attempt: int) -> None:
    """Delete what earlier attempts, killed while they saved, left behind."""
    for path in directory.glob("*.pt*"):
        file = CheckpointFile.behind(path)
        if file is None or file.attempt >= attempt:
            continue
        is_half_written = path.name.startswith(".")
        if is_half_written or not file.path.exists():
            path.unlink(missing_ok=True)


def _prune(directory: Path, written: CheckpointFile) -> None:
    """Keep the last two steps, by whichever attempt: a twin may be named in another's result."""
    present = checkpoint_files(directory)
    kept_steps = sorted({file.step for file in present}, reverse=True)[:KEPT_STEPS]
    for file in present:
        if file.step not in kept_steps and file != written:
            file.remove()
