"""Files that are whole or not there: written under a temporary name, synced, then named.

`create` is for records that may exist only once: `link(2)` fails if the name is taken, on a local
disk and on NFS alike, so the first writer wins on any number of machines. Every record carries a
checksum of its content, so that a changed one is never taken for what was written.
"""

import errno
import hashlib
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from amc import failpoints
from amc.errors import LedgerError

# Less than this and a ledger cannot go on: its records are small, checkpoints larger.
LEAST_ROOM_BYTES = 1 << 20
_DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT}
# Far above the largest: a round of a thousand trials that all failed with long tracebacks.
_LARGEST_RECORD_BYTES = 64 << 20
_CHECKSUM = "checksum"


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
        # A lone surrogate, which an error's text may hold, becomes the escape that JSON reads back.
        with temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            if sync:
                os.fsync(file.fileno())
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.filename = error.filename or str(path)  # a failed write does not name its file
        raise
    return temporary


def encode(data: dict[str, Any], *, compact: bool = False) -> str:
    """A JSON document; NaN and infinity are refused, since JSON has neither."""
    layout: dict[str, Any] = {"separators": (",", ":")} if compact else {"indent": 1}
    return json.dumps(data, allow_nan=False, ensure_ascii=False, **layout) + "\n"


def checksum(data: dict[str, Any]) -> str:
    """What tells a changed record from a whole one; white space and the order of keys do not."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sealed(data: dict[str, Any]) -> dict[str, Any]:
    """A record with its checksum, as it is written."""
    return {**data, _CHECKSUM: checksum(data)}


def unsealed(content: bytes) -> dict[str, Any]:
    """The record that was written; one without a checksum, as older versions wrote, is taken so.

    Raises:
        ValueError: it is no JSON object, or not what was written.
    """
    if not content:
        raise ValueError("it is empty")
    try:
        data = json.loads(content.decode(), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(data, dict):
        raise ValueError("it is no JSON object")
    written = data.pop(_CHECKSUM, None)
    if written is not None and written != checksum(data):
        raise ValueError("its content was changed after it was written: the checksum differs")
    return data


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def create(
    path: Path,
    data: dict[str, Any],
    *,
    sync: bool = True,
    compact: bool = False,
    point: str = "",
) -> bool:
    """Write a record that may exist only once.

    Args:
        path: its name; directories are made where they are missing.
        data: what it holds.
        sync: whether it is on the disk when this returns.
        compact: on one line, for records that people seldom read.
        point: its failpoint (`amc.failpoints`), if it has one.

    Returns:
        True if this call created it, False if it was there already (and is left as it was).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _written(path, encode(sealed(data), compact=compact), sync)
    try:
        with failpoints.around(point):
            os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    if sync:
        sync_directory(path.parent)
    return True


def sync_directory(directory: Path) -> None:
    """Have the names in a directory on the disk: a file's own sync does not reach its name."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, text: str, *, sync: bool = True, point: str = "") -> None:
    """Write a file whose newest version counts; `point` is as in `create`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _written(path, text, sync)
    with failpoints.around(point):
        temporary.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """The record at `path`, or None where there is none.

    Raises:
        LedgerError: something is there that cannot be read, or is not what was written.
    """
    try:
        return unsealed(_content(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise LedgerError(f"{path}: not a whole record of the ledger ({error}).") from error


def required(path: Path) -> dict[str, Any]:
    """The record at `path`, which others say is there.

    Raises:
        LedgerError: it is gone, or as `read`.
    """
    data = read(path)
    if data is None:
        raise LedgerError(f"{path}: is gone, though other records tell of it.")
    return data


def exists(path: Path) -> bool:
    """Whether something is there.

    Raises:
        LedgerError: it cannot be told.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read ({error.strerror or error}).") from error
    return True


def has_digest(path: Path, recorded: Path) -> bool:
    """Whether a file has the SHA-256 that is recorded in another, as `sha256sum` writes it."""
    if not (path.is_file() and recorded.is_file()):
        return False
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return recorded.read_text(encoding="utf-8", errors="replace").partition(" ")[0] == found


def _content(path: Path) -> bytes:
    with open(path, "rb", opener=_open_at_once) as file:
        size = os.fstat(file.fileno()).st_size
        if size > _LARGEST_RECORD_BYTES:
            raise ValueError(f"it has {size:,} bytes, a record at most {_LARGEST_RECORD_BYTES:,}")
        return file.read()


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe in a record's place would be waited on
