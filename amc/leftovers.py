"""What lies in a shared directory and nobody needs. Its doors are `leftovers` and `checkpoints`.

Nothing outside the shared directory is ever named, and no link is followed.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from amc.errors import AmcError
from amc.fleet.fleet_paths import is_up_here, log_files
from amc.ledger import Ledger, creation, ids, ledgers, removal
from amc.ledger.paths import checkpoint_files
from amc.ledger.winner import winner

# Written within seconds; what is older was left by a process that is gone.
_ABANDONED_S = 3600.0


@dataclass(frozen=True)
class Leftover:
    """Something to remove.

    Attributes:
        path: of it, right below or in the shared directory.
        what: the kind of thing that it is.
        size: in bytes.
        remove: does it.
    """

    path: Path
    what: str
    size: int
    remove: Callable[[], None]

    @classmethod
    def of(cls, path: Path, what: str) -> "Leftover":
        """A file or a directory."""
        return cls(path, what, removal.size(path), lambda: removal.erase(path))


def leftovers(shared: Path, *, log_age_s: float) -> list[Leftover]:
    """Halves of experiments, half-written files, and logs that nobody has written to for long.

    Args:
        shared: the directory that holds every experiment.
        log_age_s: of logs, how long in seconds.
    """
    if not shared.is_dir():
        return []
    found = [Leftover.of(path, "half-removed experiments") for path in _half_removed(shared)]
    abandoned = (path for path in creation.half_made(shared) if _age(path) > _ABANDONED_S)
    found += [Leftover.of(path, "half-made experiments") for path in abandoned]
    found += [Leftover.of(path, "half-written files") for path in _half_written(shared)]
    if not is_up_here(shared):
        old = (path for path in log_files(shared) if _age(path) > log_age_s)
        found += [Leftover.of(path, "old logs") for path in old]
    return found


def _half_removed(shared: Path) -> Iterator[Path]:
    yield from removal.half_removed(shared)
    for path in shared.iterdir():
        # A worker that had not noticed yet that its experiment was removed wrote there once more.
        name, number = ids.numbered(path.name)
        is_retired = 0 < number <= ids.highest_removed(shared, name)
        if is_retired and not path.is_symlink() and not Ledger(path).paths.experiment.exists():
            yield path


def _half_written(shared: Path) -> Iterator[Path]:
    for directory, folders, names in os.walk(shared):
        if Path(directory) == shared:
            folders[:] = [folder for folder in folders if not folder.startswith(".")]
        for name in names:
            path = Path(directory, name)
            if name.startswith(".") and name.endswith(".tmp") and _age(path) > _ABANDONED_S:
                yield path


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:
        return 0.0  # it went meanwhile


def checkpoints(shared: Path) -> list[Leftover]:
    """The checkpoints of experiments that have ended, but of each the winner's own."""
    found: list[Leftover] = []
    for ledger in ledgers(shared):
        try:
            removal.require_own(ledger.directory)
            found += _of_losers(ledger) if ledger.is_finished else []
        except (AmcError, OSError):
            continue  # what cannot be read is not thinned
    return found


def _of_losers(ledger: Ledger) -> Iterator[Leftover]:
    past = ledger.history()
    best = winner(ledger.config, past)
    kept = set()
    if best is not None:
        last = past.segments[past.standing(best.trial.number)]
        kept = {last.key}
    for key in past.segments:
        directory = ledger.paths.trial(key[0]).segment(key[1]).checkpoints
        files = checkpoint_files(directory)
        if key not in kept and files:
            size = sum(removal.size(file.path) + removal.size(file.digest_path) for file in files)
            yield Leftover(directory, f"checkpoints of {ledger.id}", size, _thinning(ledger, *key))


def _thinning(ledger: Ledger, trial: int, index: int) -> Callable[[], None]:
    def remove() -> None:
        # Somebody may have asked for more of it meanwhile.
        if ledger.is_finished:
            ledger.remove_checkpoints(trial, index)

    return remove
