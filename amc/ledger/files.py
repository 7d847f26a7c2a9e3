"""Files that are whole or not there: written under a temporary name, synced, then named.

`create` is for records that may exist only once: `link(2)` fails if the name is taken, on a local
disk and on NFS alike, so the first writer wins on any number of machines.
"""

import errno
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from amc.errors import LedgerError

# Less than this and a ledger cannot go on: its records are small, checkpoints larger.
LEAST_ROOM_BYTES = 1 << 20
_DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT}


def has_room(directory: Path, size: int = LEAST_ROOM_BYTES) -> bool:
    """Whether the disk of a directory takes so many bytes more."""
    return shutil.disk_usage(directory).free >= size


def is_full_disk(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, was a disk without room or a spent quota."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_IS_FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def _written(path: Path, text: str, sync: bool) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if sync:
                os.fsync(file.fileno())
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.filename = error.filename or str(path)  # a failed write does not name its file
        raise
    return temporary


def encode(data: dict[str, Any]) -> str:
    """The text of a record; NaN and infinity are refused, since JSON has neither."""
    return json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def create(path: Path, data: dict[str, Any], *, sync: bool = True) -> bool:
    """Write a record that may exist only once.

    Returns:
        True if this call created it, False if it was there already (and is left as it was).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _written(path, encode(data), sync)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def replace(path: Path, text: str, *, sync: bool = True) -> None:
    """Write a file whose newest version counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _written(path, text, sync).replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """The record at `path`, or None where there is none.

    Raises:
        LedgerError: the file is there but is not a JSON object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LedgerError(f"{path}: not a record of the ledger ({error}).") from error
    if not isinstance(data, dict):
        raise LedgerError(f"{path}: not a record of the ledger (no JSON object).")
    return data
