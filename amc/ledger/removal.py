"""Taking an experiment's directory away: at once for everybody, then file by file.

Its doors are `remove`, `size` and `half_removed`. It must not know whether somebody works there.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from amc.errors import LedgerError, UsageError
from amc.ledger import ids

# Begins with a dot, so that it is no experiment.
GOING = ".gone-"


def remove(directory: Path) -> None:
    """Remove an experiment.

    Its id is not given again. It is renamed before anything in it goes, so nobody ever sees a half
    of one; who is killed on the way leaves what `half_removed` finds.

    Args:
        directory: of the experiment, right below the shared directory.

    Raises:
        UsageError: it is no directory, but a link to one.
        LedgerError: something in it cannot be removed.
    """
    require_own(directory)
    shared = directory.parent
    ids.retire(shared, directory.name)
    going = shared / f"{GOING}{secrets.token_hex(6)}"
    directory.rename(going)
    erase(going)


def require_own(directory: Path) -> None:
    """Refuse what leads elsewhere: what lies there may be somebody else's.

    Raises:
        UsageError: it is no directory, but a link to one.
    """
    if directory.is_symlink() or not directory.is_dir():
        raise UsageError(
            f"{directory}: is a link, not a directory, so what it leads to is left alone. "
            f"Remove the link yourself: rm {directory}"
        )


def erase(path: Path) -> None:
    """Remove a file, or a directory with all that is in it; links are removed, not followed.

    Raises:
        LedgerError: something cannot be removed.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be removed ({error}). Once that is mended: amc clean"
        ) from error


def half_removed(shared: Path) -> list[Path]:
    """What was left where somebody was killed while he removed an experiment."""
    return sorted(shared.glob(f"{GOING}*"))


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a directory; links count as what they are."""
    return sum(_bytes(file) for file in _files(path))


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
    for directory, _, names in os.walk(path):
        yield from (Path(directory, name) for name in names)


def _bytes(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0  # it went meanwhile
